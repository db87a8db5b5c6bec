import {InputError} from '../../errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../../options.ts';
import {type Inputs, inputAt, stacked, type TextInputs} from '../inputs.ts';
import {asSplit, assignSplits, type Dataset, ROLES, type Role, type Split, type UnlabelledDataset} from '../split.ts';
import {labelCounts, lengthsOf, scriptsOf, type TextCard} from './card.ts';
import {type DuplicateOptions, type Duplicates, findDuplicates} from './duplicates.ts';
import {checkLength, type Gathered, gatherTexts, type LengthRule} from './gather.ts';
import type {ReadTextsOptions} from './record.ts';

/** Where the examples of each split are, and how splits are drawn. */
export interface SplitOptions {
  /** Path of one file or folder for all splits, or one for each. A split without a path is drawn. */
  readonly path: string | {readonly train: string; readonly validation?: string; readonly test?: string};
  /**
   * Size of the validation split if it is drawn: a value from 1 on is a number of examples, one below 1 a share.
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
   * True if each class has its share in each split that is drawn. The data of several questions need `false`, so that
   * all have the same splits, whatever their labels.
   *
   * @default true
   */
  readonly stratify?: boolean | undefined;
  /**
   * Seed of the draw.
   *
   * @default 0
   */
  readonly seed?: number | undefined;
}

export interface TextSplitsOptions
  extends Omit<ReadTextsOptions, 'empty'>,
    SplitOptions,
    LengthRule,
    Pick<DuplicateOptions, 'near' | 'shingles'> {
  /**
   * Names of the classes.
   *
   * @default all labels, sorted by their characters
   */
  readonly classes?: readonly string[] | undefined;
}

export const TEXT_SPLITS: Shape<TextSplitsOptions> = {
  path: kinds.textOrObject,
  classes: kinds.texts,
  validation: kinds.number,
  test: kinds.number,
  stratify: kinds.flag,
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
};

/** Examples in one role. */
interface DrawnSplit<I extends Inputs> {
  readonly inputs: I;
  /** Indices of the classes, one for each example; undefined if they have no labels. */
  readonly labels?: Int32Array;
}

/** Texts in one role. */
export type TextSplit = DrawnSplit<TextInputs>;

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
  checkOptions('textDataset', options, TEXT_SPLITS, ['path']);
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
  const {texts} = gathered;
  const splits = drawSplits(gathered, duplicates.distinct, {
    ...{options, noun: 'texts'},
    inputsOf: (chosen): TextInputs => ({
      kind: 'text',
      count: chosen.length,
      texts: Array.from(chosen, index => texts[index]!),
    }),
  });
  return {classes: gathered.classes, ...splits, card: cardOf(gathered, duplicates, splits, options)};
}

/** @throws InputError if a split has both a file and a size */
export function checkOwnFiles({path, validation, test}: SplitOptions): void {
  for (const [role, size] of Object.entries({validation, test})) {
    if (size === undefined || typeof path === 'string' || !Object.hasOwn(path, role)) continue;
    throw new InputError(`\`${role}\` says how many to draw, but a file is named for them. Leave out one of the two.`);
  }
}

/** The paths to read. An example of an earlier one represents its duplicates in later ones. */
export function sourcesOf({path}: Pick<SplitOptions, 'path'>): readonly {readonly role: Role; readonly path: string}[] {
  if (typeof path === 'string') return [{role: 'train', path}];
  return (['test', 'validation', 'train'] as const).flatMap(role => {
    const named = path[role];
    return named === undefined ? [] : [{role, path: named}];
  });
}

interface DrawnFrom<I extends Inputs> {
  readonly options: SplitOptions;
  /** What the examples are, for messages. */
  readonly noun: string;
  /** The examples at these indices. */
  readonly inputsOf: (indices: ArrayLike<number>) => I;
}

/**
 * Splits with their own files are taken as they are. The others are drawn from the training examples.
 *
 * @param distinct - indices of the examples that are kept
 */
export function drawSplits<I extends Inputs>(
  {labels, roles, labelled}: Pick<Gathered, 'labels' | 'roles' | 'labelled'>,
  distinct: Int32Array,
  {options: {path, validation = 0.1, test = 0.2, stratify = true, seed = 0}, noun, inputsOf}: DrawnFrom<I>,
): Record<Role, DrawnSplit<I>> {
  const own = typeof path === 'string' ? {train: path} : path;
  const of = (role: Role) => distinct.filter(index => ROLES[roles[index]!] === role);
  const pool = of('train');
  const poolLabels = stratify && labelled.has('train') ? pool.map(index => labels[index]!) : undefined;
  const sizes = {...(!('validation' in own) && {validation}), ...(!('test' in own) && {test})};
  const drawn = assignSplits(pool.length, poolLabels, sizes, seed);
  const splitOf = (role: Role): DrawnSplit<I> => {
    const positions = drawn[role];
    const indices = positions?.map(index => pool[index]!) ?? of(role);
    if (indices.length === 0) {
      throw new InputError(`No ${noun} are left for the ${role} split. Read more of them.`);
    }
    const inputs = inputsOf(indices);
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

/** If any split lacks labels, all are ignored, and examples that were drawn for validation join the training. */
export function datasetOf<I extends Inputs>(
  classes: readonly string[],
  {train, validation, test}: Readonly<Record<Role, DrawnSplit<I>>>,
  {path}: Pick<SplitOptions, 'path'>,
): Dataset | UnlabelledDataset {
  const labelled = [
    asLabelled('train', train),
    asLabelled('validation', validation),
    asLabelled('test', test),
  ] as const;
  const [trainSplit, validationSplit, testSplit] = labelled;
  if (trainSplit && validationSplit && testSplit) {
    return {classes, train: trainSplit, validation: validationSplit, test: testSplit};
  }
  const isDrawn = typeof path === 'string' || path.validation === undefined;
  const inputs = isDrawn ? joined(train.inputs, validation.inputs) : train.inputs;
  return {classes, train: {role: 'train', inputs}, test: {role: 'test', inputs: test.inputs}};
}

function asLabelled<R extends Role>(role: R, {inputs, labels}: DrawnSplit<Inputs>): Split<R> | undefined {
  return labels && asSplit(role, {inputs, labels});
}

function joined(...parts: readonly Inputs[]): Inputs {
  return stacked(parts.flatMap(inputs => Array.from({length: inputs.count}, (_, row) => inputAt(inputs, row))));
}
