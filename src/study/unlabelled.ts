import {selectInputs, type TextInputs} from '../data/inputs.ts';
import {shuffledIndices} from '../data/random.ts';
import {isLabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {countOf, type Knowledge, readPart, type StoredKnowledge} from '../knowledge/knowledge.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';

/**
 * Draws texts of the training split that nobody was asked about. None of them is in the test split or in validation.
 *
 * @param all - all answers of a method: those that calibrate among them
 * @param most - how many, at most
 */
export async function unlabelledTexts(
  {data, transfer}: Pick<ResolvedRecipe, 'data' | 'transfer'>,
  all: Knowledge | StoredKnowledge,
  most: number,
): Promise<readonly string[]> {
  const {inputs} = await inMemory(all);
  const seen = new Set(textsOf(inputs).texts);
  for (const text of measuringTexts(data)) seen.add(text);
  const pool = textsOf(data.train.inputs);
  const rows: number[] = [];
  for (const [row, text] of pool.texts.entries()) {
    if (seen.has(text)) continue;
    seen.add(text);
    rows.push(row);
  }
  const drawn = shuffledIndices(rows.length, transfer.seed ?? 0, 'inputs for an assistant').subarray(0, most);
  const chosen = selectInputs(
    pool,
    drawn.map(index => rows[index]!),
  ) as TextInputs;
  return chosen.texts;
}

/** The texts that students are measured on: those of the test split and of validation. */
export function measuringTexts(data: ResolvedRecipe['data']): ReadonlySet<string> {
  const splits = isLabelled(data) ? [data.test, data.validation] : [data.test];
  return new Set(splits.flatMap(({inputs}) => textsOf(inputs).texts));
}

/** All answers, read into memory if they are in a file. */
export function inMemory(knowledge: Knowledge | StoredKnowledge): Promise<Knowledge> {
  return readPart(
    knowledge,
    Array.from({length: countOf(knowledge)}, (_, row) => row),
  );
}

/** @throws InputError if the inputs are no texts */
export function textsOf(inputs: Knowledge['inputs']): TextInputs {
  if (inputs.kind === 'text') return inputs;
  throw new InputError(`An encoder reads texts, but the inputs are ${inputsOfKinds(inputs.kind)}.`);
}
