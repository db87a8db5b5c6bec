import {sameClasses} from '../data/arrays.ts';
import type {Dataset, UnlabelledDataset} from '../data/split.ts';
import {realTrainingRows, type WrittenLine} from '../data/texts/written.ts';
import {InputError} from '../errors.ts';
import {loadHead} from '../student/files.ts';
import {predictLogits} from '../student/predict.ts';
import type {Unsure} from '../write/prompt.ts';
import type {WritingTask} from '../write/task.ts';
import {leastSure, type Margin, marginsOf, unsureByClass} from '../write/unsure.ts';

/** A student that says what it is unsure of. */
export interface Doubter {
  /** By class, what it is unsure of among the training texts and those that were written. */
  unsure(data: Dataset | UnlabelledDataset | undefined, written: readonly WrittenLine[]): Promise<readonly Unsure[]>;
  /**
   * The lines from before, and of the new ones those that it is least sure of.
   *
   * @param lines - those from before, then the new ones
   * @param counts - by class, how many are kept
   */
  choose(
    before: readonly WrittenLine[],
    lines: readonly WrittenLine[],
    counts: readonly number[],
  ): Promise<readonly WrittenLine[]>;
}

/** The most texts that a student is asked about to find examples. */
const MOST = 20_000;

/** @throws InputError if the student knows other classes, or reads no texts */
export async function openDoubter(folder: string, {classes}: WritingTask): Promise<Doubter> {
  const student = await loadHead(folder, undefined);
  const names = classes.map(({name}) => name);
  if (!sameClasses(student.classes, names)) {
    throw new InputError(
      `The student in ${folder} knows the classes ${student.classes.join(', ')}, and texts are written for ${names.join(', ')}.`,
    );
  }
  const marginsFor = async (texts: readonly string[]): Promise<readonly Margin[]> =>
    marginsOf(await predictLogits(student, {kind: 'text', count: texts.length, texts}), names.length);
  return {
    async unsure(data, written) {
      const texts = [...trainingTexts(data), ...written.map(({text}) => text)].slice(0, MOST);
      return unsureByClass(texts, await marginsFor(texts), names.length);
    },
    async choose(before, lines, counts) {
      const added = lines.slice(before.length);
      const wanted = new Map(names.map((name, label) => [name, counts[label]!]));
      const margins = await marginsFor(added.map(({text}) => text));
      return [...before, ...leastSure(added, margins, wanted)];
    },
  };
}

function trainingTexts(data: Dataset | UnlabelledDataset | undefined): readonly string[] {
  if (data === undefined) return [];
  const {inputs} = data.train;
  return inputs.kind === 'text' ? realTrainingRows(data).map(row => inputs.texts[row]!) : [];
}
