import {type Inputs, inputAt, selectInputs, type TextInputs} from '../data/inputs.ts';
import {shuffledIndices} from '../data/random.ts';
import {isLabelled} from '../data/split.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import {countOf, type Knowledge, readPart, type StoredKnowledge} from '../knowledge/knowledge.ts';
import type {ResolvedRecipe} from '../recipe/resolve.ts';
import {digestQuery} from '../store/stored-answer.ts';

/**
 * Draws inputs of the training split that nobody was asked about: texts or tensors. None of them is in the test split or in
 * validation, and none is there twice.
 *
 * @param all - all answers of a method: those that calibrate among them
 * @param most - how many, at most
 */
export async function unlabelledInputs(
  {data, transfer}: Pick<ResolvedRecipe, 'data' | 'transfer'>,
  all: Knowledge | StoredKnowledge,
  most: number,
): Promise<Inputs> {
  const {inputs} = await inMemory(all);
  const seen = new Set(contentsOf(inputs));
  for (const content of measuringContents(data)) seen.add(content);
  const pool = data.train.inputs;
  const rows: number[] = [];
  for (const [row, content] of contentsOf(pool).entries()) {
    if (seen.has(content)) continue;
    seen.add(content);
    rows.push(row);
  }
  const drawn = shuffledIndices(rows.length, transfer.seed ?? 0, 'inputs for an assistant').subarray(0, most);
  return selectInputs(
    pool,
    drawn.map(index => rows[index]!),
  );
}

/** The contents of inputs that students are measured on: those of the test split and of validation. */
export function measuringContents(data: ResolvedRecipe['data']): ReadonlySet<string> {
  const splits = isLabelled(data) ? [data.test, data.validation] : [data.test];
  return new Set(splits.flatMap(({inputs}) => contentsOf(inputs)));
}

/** What tells inputs apart: of texts the text, of tensors a digest. */
function contentsOf(inputs: Inputs): readonly string[] {
  if (inputs.kind !== 'tensor') return textsOf(inputs).texts;
  return Array.from({length: inputs.count}, (_, row) => digestQuery({input: inputAt(inputs, row)}).bytes);
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
