import {checkOptions, kinds, type Shape} from '../../options.ts';
import {type Dataset, ROLES, type UnlabelledDataset} from '../split.ts';
import type {TextCard} from './card.ts';
import type {DuplicateOptions} from './duplicates.ts';
import {datasetOf, readTextSplits, TEXT_SPLITS, type TextSplitsOptions} from './splits.ts';
import {isThere, UnwrittenError, withWritten} from './written.ts';

/** The options of `textDataset`: real texts, written ones, or both. */
export interface TextDatasetOptions extends Omit<TextSplitsOptions, 'path'> {
  /**
   * Path of one file or folder for all splits, or one for each. A split without a path is drawn.
   *
   * @default none: all texts are written, and no split is real
   */
  readonly path?: TextSplitsOptions['path'] | undefined;
  /**
   * The file of `limbeck write`. Its texts join the training split alone.
   *
   * @default none
   */
  readonly written?: string | undefined;
}

const KINDS = {...TEXT_SPLITS, written: kinds.text} satisfies Shape<TextDatasetOptions>;

/** A task of texts with the summary of its texts. */
export type TextDataset = (Dataset | UnlabelledDataset) & {readonly card: TextCard};

/**
 * Reads a task of texts as `readTextSplits` does. If any split lacks labels, all labels are ignored and the teacher's
 * answers are used instead. Nothing is validated then, so the texts drawn for validation join the training texts.
 *
 * Written texts join the training texts alone, and their labels are the classes that they were written for. If there are
 * no others, the test split is written as well, and studies say so.
 *
 * @throws InputError if the texts can't be read or don't fit together, or nothing is written yet
 */
export async function textDataset(options: TextDatasetOptions): Promise<TextDataset> {
  checkOptions('textDataset', options, KINDS, options.written === undefined ? ['path'] : []);
  const {written, path, ...others} = options;
  if (path === undefined) return writtenDataset(written!, others);
  const {classes, card, ...splits} = await readTextSplits({...others, path});
  const real = datasetOf(classes, splits, {path});
  return {...(written === undefined ? real : await withWritten(real, written, duplicateRule(options))), card};
}

function duplicateRule({near, shingles, seed, signal}: TextDatasetOptions): DuplicateOptions {
  return {near, shingles, seed, signal};
}

/** If no text is real, the test split is drawn from written ones. Nobody knows their true labels. */
async function writtenDataset(path: string, options: Omit<TextSplitsOptions, 'path'>): Promise<TextDataset> {
  if (!(await isThere(path))) throw new UnwrittenError(path, undefined);
  const {classes, card, ...splits} = await readTextSplits({...options, path, format: 'jsonl'});
  const unlabelled = {
    train: {inputs: splits.train.inputs},
    validation: {inputs: splits.validation.inputs},
    test: {inputs: splits.test.inputs},
  };
  const written = new Set(ROLES.flatMap(role => splits[role].inputs.texts));
  return {...datasetOf(classes, unlabelled, {path}), written, card};
}
