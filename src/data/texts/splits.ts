import {InputError} from '../../errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../../options.ts';
import type {TextInputs} from '../inputs.ts';
import {asSplit, type Dataset, type Role, type Split, type UnlabelledDataset} from '../split.ts';
import {assignSplits, ROLES} from './assign.ts';
import {labelCounts, lengthsOf, scriptsOf, type TextCard} from './card.ts';
import {type DuplicateOptions, type Duplicates, findDuplicates} from './duplicates.ts';
import {checkLength, type Gathered, gatherTexts, type LengthRule} from './gather.ts';
import type {ReadTextsOptions} from './record.ts';

export interface TextSplitsOptions
  extends Omit<ReadTextsOptions, 'empty'>,
    LengthRule,
    Pick<DuplicateOptions, 'near' | 'shingles'> {
  /** Path for `readTexts`: one file or folder for all splits, or one for each. A split without a path is drawn. */
  readonly path: string | {readonly train: string; readonly validation?: string; readonly test?: string};
  /**
   * Names of the classes.
   *
   * @default all labels, sorted by their characters
   */
  readonly classes?: readonly string[] | undefined;
  /**
   * Size of the validation split if it is drawn: a value from 1 on is a number of texts, one below 1 a share.
   *
   * @default 0.1
   */
  readonly validation?: number | undefined;
  /**
   * Size of the test split if it is drawn, as for validation.
   *
   * @default 0.2
   */
  readonly test?: number | undefined;
  /**
   * Seed of the draw.
   *
   * @default 0
   */
  readonly seed?: number | undefined;
}

const KINDS = {
  path: kinds.textOrObject,
  classes: kinds.texts,
  validation: kinds.number,
  test: kinds.number,
  seed: kinds.number,
  near: kinds.numberOrFalse,
  shingles: kinds.object,
  longest: kinds.number,
  overLength: oneOf('head', 'head-and-tail', 'leave-out'),
  text: kinds.text,
  id: kinds.textOrFalse,
  label: kinds.textOrFalse,
  format: kinds.text,
  header: kinds.flag,
  quotes: kinds.flag,
  folderLabels: kinds.flag,
  encoding: kinds.text,
  onNote: kinds.call,
  signal: kinds.object,
} satisfies Shape<TextSplitsOptions>;

/** Texts in one role. */
export interface TextSplit {
  readonly inputs: TextInputs;
  /** Indices of the classes, one for each text; undefined if the texts have no labels. */
  readonly labels?: Int32Array;
}

export interface TextSplits extends Readonly<Record<Role, TextSplit>> {
  readonly classes: readonly string[];
  readonly card: TextCard;
}

/**
 * Reads texts for a task: leaves out empty ones, cuts those that are too long, keeps one of each group of duplicates
 * and near-duplicates, and draws the splits. So no text that a student learns from is a near-duplicate of one that it
 * is tested on. If splits have their own files, a duplicate stays in test first, then in validation, then in train.
 *
 * @throws InputError if the texts can't be read, if only some of them have labels, or if a split would be empty
 */
export async function readTextSplits(options: TextSplitsOptions): Promise<TextSplits> {
  checkOptions('textDataset', options, KINDS, ['path']);
  const {near, shingles, seed = 0, signal} = options;
  checkLength(options);
  checkOwnFiles(options);
  const gathered = await gatherTexts(sourcesOf(options), options);
  const duplicates = await findDuplicates(gathered.texts, {
    seed,
    near,
    shingles,
    signal,
  });
  const splits = splitsOf(gathered, duplicates, options);
  return {classes: gathered.classes, ...splits, card: cardOf(gathered, duplicates, splits, options)};
}

function checkOwnFiles({path, validation, test}: TextSplitsOptions): void {
  for (const [role, size] of Object.entries({validation, test})) {
    if (size === undefined || typeof path === 'string' || !Object.hasOwn(path, role)) continue;
    throw new InputError(
      `\`${role}\` says how many texts to draw, but a file is named for them. Leave out one of the two.`,
    );
  }
}

/** The paths to read. A text of an earlier one represents its duplicates in later ones. */
function sourcesOf({path}: TextSplitsOptions): readonly {readonly role: Role; readonly path: string}[] {
  if (typeof path === 'string') return [{role: 'train', path}];
  return (['test', 'validation', 'train'] as const).flatMap(role => {
    const named = path[role];
    return named === undefined ? [] : [{role, path: named}];
  });
}

/** Splits with their own files are taken as they are. The others are drawn from the training texts. */
function splitsOf(
  {texts, labels, roles, labelled}: Gathered,
  {distinct}: Duplicates,
  {path, validation = 0.1, test = 0.2, seed = 0}: TextSplitsOptions,
): Record<Role, TextSplit> {
  const own = typeof path === 'string' ? {train: path} : path;
  const of = (role: Role) => distinct.filter(index => ROLES[roles[index]!] === role);
  const pool = of('train');
  const poolLabels = labelled.has('train') ? pool.map(index => labels[index]!) : undefined;
  const sizes = {...(!('validation' in own) && {validation}), ...(!('test' in own) && {test})};
  const drawn = assignSplits(pool.length, poolLabels, sizes, seed);
  const splitOf = (role: Role): TextSplit => {
    const positions = drawn[role];
    const indices = positions?.map(index => pool[index]!) ?? of(role);
    if (indices.length === 0) {
      throw new InputError(`No texts are left for the ${role} split. Read more of them.`);
    }
    const chosen = Array.from(indices, index => texts[index]!);
    const inputs: TextInputs = {kind: 'text', count: chosen.length, texts: chosen};
    const isLabelled = labelled.has(positions === undefined ? role : 'train');
    return isLabelled ? {inputs, labels: indices.map(index => labels[index]!)} : {inputs};
  };
  return {train: splitOf('train'), validation: splitOf('validation'), test: splitOf('test')};
}

function cardOf(
  gathered: Gathered,
  duplicates: Duplicates,
  splits: Readonly<Record<Role, TextSplit>>,
  options: TextSplitsOptions,
): TextCard {
  const {longest, overLength, near = 0.9, seed = 0} = options;
  const {texts, isCut, classes, read, empty, tooLong} = gathered;
  const kept = Array.from(duplicates.distinct, index => texts[index]!);
  const labels = ROLES.flatMap(role => {
    const {labels: given} = splits[role];
    return given === undefined ? [] : [[role, labelCounts(given, classes)] as const];
  });
  return {
    sources: sourcesOf(options).map(({path}) => path),
    read,
    leftOut: {empty, tooLong, duplicates: duplicates.exact, nearDuplicates: duplicates.near},
    cut: duplicates.distinct.filter(index => isCut[index]).length,
    rule: {longest, overLength},
    near,
    otherLabels: otherLabels(gathered, duplicates),
    kept: kept.length,
    splits: {
      train: splits.train.inputs.count,
      validation: splits.validation.inputs.count,
      test: splits.test.inputs.count,
    },
    seed,
    characters: lengthsOf(kept),
    scripts: scriptsOf(kept),
    labels: Object.fromEntries(labels),
  };
}

function otherLabels({labels}: Gathered, {representative}: Duplicates): number {
  let count = 0;
  for (const [index, kept] of representative.entries()) {
    if (labels[index]! >= 0 && labels[kept]! >= 0 && labels[index] !== labels[kept]) count++;
  }
  return count;
}

/** A task of texts with the summary of its texts. */
export type TextDataset = (Dataset | UnlabelledDataset) & {readonly card: TextCard};

/**
 * Reads a task of texts as `readTextSplits` does. If any split lacks labels, all labels are ignored and the teacher's
 * answers are used instead. Nothing is validated then, so the texts drawn for validation join the training texts.
 *
 * @throws InputError if the texts can't be read or don't fit together
 */
export async function textDataset(options: TextSplitsOptions): Promise<TextDataset> {
  const {classes, train, validation, test, card} = await readTextSplits(options);
  const labelled = [
    asLabelled('train', train),
    asLabelled('validation', validation),
    asLabelled('test', test),
  ] as const;
  const [trainSplit, validationSplit, testSplit] = labelled;
  if (trainSplit && validationSplit && testSplit) {
    return {classes, train: trainSplit, validation: validationSplit, test: testSplit, card};
  }
  const isDrawn = typeof options.path === 'string' || options.path.validation === undefined;
  const inputs = isDrawn ? together(train.inputs, validation.inputs) : train.inputs;
  return {classes, train: {role: 'train', inputs}, test: {role: 'test', inputs: test.inputs}, card};
}

function asLabelled<R extends Role>(role: R, {inputs, labels}: TextSplit): Split<R> | undefined {
  return labels && asSplit(role, {inputs, labels});
}

function together(one: TextInputs, other: TextInputs): TextInputs {
  const texts = [...one.texts, ...other.texts];
  return {kind: 'text', count: texts.length, texts};
}
