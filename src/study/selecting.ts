import {mkdir} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type {Collection, CollectOptions, Missing} from '../ask/collect.ts';
import type {LayeredTeacher} from '../ask/layer.ts';
import {mixSeed} from '../data/random.ts';
import {transferSet} from '../data/split.ts';
import type {QueryPlan} from '../recipe/methods.ts';
import type {Selection} from '../select/options.ts';
import {describeRound, type SelectionRound} from '../select/round.ts';
import {selectInRounds} from '../select/select-in-rounds.ts';
import type {MethodSelection} from './method-choices.ts';
import type {OpenMethod} from './methods.ts';
import type {Study} from './study.ts';

/**
 * Asks a teacher in rounds about training inputs that a method's own students choose, at most as many as are drawn for the
 * others. Tells the outcome of each round, and saves the choice beside the knowledge.
 *
 * @throws as `selectInRounds` does
 */
export async function askSelected(
  study: Study,
  method: OpenMethod & {readonly select: Selection},
  plan: QueryPlan,
  teacher: LayeredTeacher,
  options: CollectOptions,
): Promise<Collection & {readonly selection: MethodSelection}> {
  const {recipe, trainer} = study;
  const {size: most, seed = 0} = recipe.transfer;
  const path = join(study.directory, 'knowledge', `${plan.fileName}.selection.json`);
  const rounds: SelectionRound[] = [];
  const missing: Missing[] = [];
  const selecting = selectInRounds(teacher, transferSet(recipe.data.train), {
    ...method.select,
    ...options,
    most,
    seed,
    calibration: recipe.calibrationSize,
    train: (knowledge, drawn) =>
      trainer.chooser({...method, knowledge}, mixSeed(recipe.seeds[0]!, `chooses by ${drawn}`)),
  });
  for await (const round of selecting) {
    study.onNote(describeRound(round));
    rounds.push(round);
    for (const one of round.missing) missing.push(one);
    await saveSelection(path, method.select, rounds);
  }
  const {knowledge, stopped} = rounds.at(-1)!;
  // Otherwise the last answer said so.
  if (stopped !== 'most') options.onProgress?.(most);
  return {knowledge, missing, selection: selectionOf(method.select, rounds)};
}

function selectionOf({by}: Selection, rounds: readonly SelectionRound[]): MethodSelection {
  return {
    by: by.name,
    rounds: rounds.map(({round, rows, held, agreement, gain, stopped}) => ({
      round,
      answers: rows.length,
      held,
      agreement,
      gain,
      stopped,
    })),
  };
}

async function saveSelection(path: string, select: Selection, rounds: readonly SelectionRound[]): Promise<void> {
  // Indices in the training split of the inputs of the knowledge, in its order.
  const document = {...selectionOf(select, rounds), rows: Array.from(rounds.at(-1)!.rows)};
  await mkdir(dirname(path), {recursive: true});
  await writeFileAtomic(path, `${JSON.stringify(document, undefined, 2)}\n`);
}
