import {shuffledIndices} from '../data/random.ts';
import {countOf, type Knowledge, type StoredKnowledge} from '../knowledge/knowledge.ts';
import {readFirstVersions} from '../knowledge/part-of.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {fitGate, type Gate, MOST_GATE_TEXTS} from '../student/gate.ts';

/** The gate of a student that learned from these texts, if it is one that may abstain. */
export async function gateOver(
  {calibration}: Pick<Recipe, 'calibration'>,
  training: Knowledge | StoredKnowledge,
  seed: number,
): Promise<Gate | undefined> {
  if (calibration === undefined) return undefined;
  const count = countOf(training) / (training.versions ?? 1);
  const some = shuffledIndices(count, seed, 'texts for a gate').subarray(0, MOST_GATE_TEXTS);
  const {inputs} = await readFirstVersions(training, [...some]);
  return inputs.kind === 'text' ? fitGate(inputs.texts, seed) : undefined;
}
