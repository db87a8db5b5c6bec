import {stat} from 'node:fs/promises';
import {InputError} from '../../errors.ts';
import type {Inputs, TextInputs} from '../inputs.ts';
import {type Dataset, isLabelled, type UnlabelledDataset} from '../split.ts';
import {type DuplicateOptions, findDuplicates} from './duplicates.ts';
import {textsIn} from './read.ts';
import {locationOf} from './record.ts';

/** A line of a file of written texts. */
export interface WrittenLine {
  readonly text: string;
  /** The class that it was written for. Whether it is of that class is for the teacher to say. */
  readonly label: string;
  readonly origin: 'written';
  /** The model that wrote it. */
  readonly writer: string;
  /** The first 16 digits of the SHA-256 of the prompt. */
  readonly prompt: string;
  readonly seed: number;
  /** The number of its request among those for the class, from 0. */
  readonly request: number;
}

/** There is no file of written texts yet. */
export class UnwrittenError extends InputError {
  /** The recipe can have another copy of limbeck, whose classes are others. */
  readonly isUnwritten = true;
  /** The data without them; undefined if all texts are written. */
  readonly real: Dataset | UnlabelledDataset | undefined;

  constructor(path: string, real: Dataset | UnlabelledDataset | undefined) {
    super(
      `There are no written texts at ${path} yet. \`limbeck write RECIPE --count 1000 --out ${path}\` has a model write some.`,
    );
    this.real = real;
  }
}

export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Adds written texts to the training split of real data. Those that are near-duplicates of a real text, or of each other,
 * are left out. Their labels are the classes that they were written for.
 *
 * @throws InputError if they can't be read, or are of another class; `UnwrittenError` if there is no such file
 */
export async function withWritten<Data extends Dataset | UnlabelledDataset>(
  data: Data,
  path: string,
  options: Pick<DuplicateOptions, 'near' | 'shingles' | 'seed' | 'signal'>,
): Promise<Data> {
  if (!(await isThere(path))) throw new UnwrittenError(path, data);
  const {texts, labels} = await readWritten(path, data.classes);
  const real = realTexts(data);
  const {distinct} = await findDuplicates([...real, ...texts], options);
  const kept = Array.from(distinct, index => index - real.length).filter(index => index >= 0);
  const added = kept.map(index => texts[index]!);
  const inputs = joinTexts(data.train.inputs, added);
  const written = new Set(added);
  if (!isLabelled(data)) return {...data, train: {...data.train, inputs}, written};
  const own = Int32Array.from([...data.train.labels, ...kept.map(index => labels[index]!)]);
  return {...data, train: {...data.train, inputs, labels: own}, written};
}

/** All texts of data, those of the test split first. */
function realTexts(data: Dataset | UnlabelledDataset): readonly string[] {
  const splits = isLabelled(data) ? [data.test, data.validation, data.train] : [data.test, data.train];
  return splits.flatMap(({inputs}) => textsOf(inputs));
}

/** Texts that nobody wrote for the task: the real ones of the training split. */
export function realTrainingRows({train, written}: Dataset | UnlabelledDataset): readonly number[] {
  return textsOf(train.inputs).flatMap((text, row) => (written?.has(text) ? [] : [row]));
}

/** How many of some inputs were written. */
export function countWritten(inputs: Inputs, written: ReadonlySet<string> | undefined): number {
  if (written === undefined || inputs.kind !== 'text') return 0;
  return inputs.texts.filter(text => written.has(text)).length;
}

/** True if the test split was written, because there are no real inputs. */
export function isTestWritten({test, written}: Dataset | UnlabelledDataset): boolean {
  return countWritten(test.inputs, written) > 0;
}

async function readWritten(
  path: string,
  classes: readonly string[],
): Promise<{readonly texts: readonly string[]; readonly labels: readonly number[]}> {
  const texts: string[] = [];
  const labels: number[] = [];
  for await (const record of textsIn(path, {format: 'jsonl'})) {
    const label = classes.indexOf(record.label ?? '');
    if (label < 0) {
      throw new InputError(
        `${locationOf(record)}: written for ${JSON.stringify(record.label ?? null)}, which is none of the classes ` +
          `(${classes.join(', ')}). Correct it, or leave the line out.`,
      );
    }
    texts.push(record.text);
    labels.push(label);
  }
  return {texts, labels};
}

function textsOf(inputs: Inputs): readonly string[] {
  if (inputs.kind === 'text') return inputs.texts;
  throw new InputError(`Only texts are written, and the inputs are of the kind \`${inputs.kind}\`.`);
}

function joinTexts(inputs: Inputs, added: readonly string[]): TextInputs {
  const texts = [...textsOf(inputs), ...added];
  return {kind: 'text', count: texts.length, texts};
}
