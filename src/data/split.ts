import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {type Inputs, selectInputs, selectRows} from './inputs.ts';
import {shuffledIndices} from './random.ts';

export type Role = 'train' | 'validation' | 'test';

/** Labelled examples in one role. The role is part of the type, so the test split can't be used to train or tune. */
export interface Split<R extends Role = Role> {
  readonly role: R;
  readonly inputs: Inputs;
  /** Indices of the true classes, one for each input. */
  readonly labels: Int32Array;
}

/** Inputs in one role whose true classes are unknown. */
export type Unlabelled<R extends Role = Role> = Omit<Split<R>, 'labels'>;

/** The inputs that a teacher is asked about. It has no true labels, so none can reach a student through it. */
export interface TransferSet {
  readonly role: 'transfer';
  readonly inputs: Inputs;
  /**
   * Number of versions of each input, which follow one another, see `versionsOf`. They are answered together or not at
   * all.
   *
   * @default 1
   */
  readonly versions?: number;
  /**
   * [inputs], the seed of each input's view; 0 is an unchanged input.
   *
   * @default all inputs unchanged
   */
  readonly views?: Int32Array;
}

/** A task: its classes and its three splits. */
export interface Dataset {
  /** Names of the classes, in the order of the labels. */
  readonly classes: readonly string[];
  readonly train: Split<'train'>;
  readonly validation: Split<'validation'>;
  readonly test: Split<'test'>;
  /**
   * The texts that a model wrote, see `textDataset`.
   *
   * @default none: all inputs are real
   */
  readonly written?: ReadonlySet<string> | undefined;
}

/** A task without true labels. Students are measured by the teacher's answers. */
export interface UnlabelledDataset {
  readonly classes: readonly string[];
  readonly train: Unlabelled<'train'>;
  readonly test: Unlabelled<'test'>;
  /**
   * The texts that a model wrote, see `textDataset`.
   *
   * @default none: all inputs are real
   */
  readonly written?: ReadonlySet<string> | undefined;
}

/** True if true labels are known. */
export function isLabelled(data: Pick<Dataset, 'classes'>): data is Dataset {
  return 'validation' in data;
}

/** Labelled examples that have no role yet, as a reader returns them. */
export interface Examples {
  readonly inputs: Inputs;
  readonly labels: Int32Array;
}

/** Gives examples a role. Checks that every input has a label. */
export function asSplit<R extends Role>(role: R, {inputs, labels}: Examples): Split<R> {
  if (inputs.count !== labels.length) {
    throw new InputError(
      `The ${role} split has ${inputs.count} inputs but ${labels.length} labels. Give each input one.`,
    );
  }
  return {role, inputs, labels};
}

/** The examples at these indices of a split, in that order, in the same role. */
export function selectSplit<R extends Role>(split: Split<R>, indices: ArrayLike<number>): Split<R> {
  return {
    role: split.role,
    inputs: selectInputs(split.inputs, indices),
    labels: selectRows(split.labels, 1, indices),
  };
}

export interface HoldOutOptions {
  /** Number of validation examples. */
  readonly validation: number;
  /**
   * Seed of the draw.
   *
   * @default 0
   */
  readonly seed?: number;
}

const HOLD_OUT_KINDS = {validation: kinds.number, seed: kinds.number} satisfies Shape<HoldOutOptions>;

/** Draws a validation split from training examples. Both keep the drawn order. */
export function holdOut(
  examples: Examples,
  options: HoldOutOptions,
): {train: Split<'train'>; validation: Split<'validation'>} {
  checkOptions('holdOut', options, HOLD_OUT_KINDS, ['validation']);
  const {validation, seed = 0} = options;
  const {count} = examples.inputs;
  if (!Number.isInteger(validation) || validation < 1 || validation >= count) {
    throw new InputError(`Expected \`validation\` to be a whole number from 1 to ${count - 1}, got ${validation}.`);
  }
  const order = shuffledIndices(count, seed);
  return {
    train: selectSplit(asSplit('train', examples), order.subarray(validation)),
    validation: selectSplit(asSplit('validation', examples), order.subarray(0, validation)),
  };
}

export interface DrawOptions {
  /** Number of examples to draw. */
  readonly size: number;
  /**
   * Seed of the draw.
   *
   * @default 0
   */
  readonly seed?: number;
}

const DRAW_KINDS = {size: kinds.number, seed: kinds.number} satisfies Shape<DrawOptions>;

/** Draws examples of a split without replacement, so that every method of a study sees the same ones. */
export function drawExamples<R extends 'train' | 'validation'>(split: Split<R>, options: DrawOptions): Split<R>;
export function drawExamples<R extends 'train' | 'validation'>(
  split: Split<R> | Unlabelled<R>,
  options: DrawOptions,
): Split<R> | Unlabelled<R>;
export function drawExamples(split: Split | Unlabelled, options: DrawOptions): Split | Unlabelled {
  checkOptions('drawExamples', options, DRAW_KINDS, ['size']);
  const {size, seed = 0} = options;
  if (!Number.isInteger(size) || size < 1 || size > split.inputs.count) {
    throw new InputError(`Expected \`size\` to be a whole number from 1 to ${split.inputs.count}, got ${size}.`);
  }
  const drawn = shuffledIndices(split.inputs.count, seed).subarray(0, size);
  return 'labels' in split ? selectSplit(split, drawn) : {role: split.role, inputs: selectInputs(split.inputs, drawn)};
}

/** The inputs of training examples without their labels. */
export function transferSet(split: Unlabelled<'train'>): TransferSet {
  return {role: 'transfer', inputs: split.inputs};
}

export const ROLES: readonly ['train', 'validation', 'test'] = ['train', 'validation', 'test'];

/** Sizes of splits: a value from 1 on is a number of examples, one below 1 a share. */
interface SplitSizes {
  readonly validation?: number;
  readonly test?: number;
}

/**
 * Draws examples into splits, so that each class has its share in each.
 *
 * @param labels - one for each example; undefined if there are none
 * @returns indices of the examples of each split, in a drawn order
 */
export function assignSplits(
  count: number,
  labels: Int32Array | undefined,
  sizes: SplitSizes,
  seed: number,
): Partial<Record<Role, Int32Array>> {
  const wanted = {test: sizeOf('test', sizes.test, count), validation: sizeOf('validation', sizes.validation, count)};
  if (wanted.test + wanted.validation >= count) {
    throw new InputError(
      `Validation takes ${wanted.validation} and the test ${wanted.test} of ${count} texts, so none is left to train on. ` +
        'Make them fewer.',
    );
  }
  const drawn = shuffledIndices(count, seed, 'text splits');
  const roles = new Map<number, Role>();
  let rest = labels === undefined ? Array.from(drawn) : Array.from(drawn).sort((a, b) => labels[a]! - labels[b]!);
  for (const role of ['test', 'validation'] as const) {
    const isTaken = evenly(rest.length, wanted[role]);
    for (const [position, index] of rest.entries()) if (isTaken(position)) roles.set(index, role);
    rest = rest.filter(index => !roles.has(index));
  }
  const of = (role: Role) => drawn.filter(index => (roles.get(index) ?? 'train') === role);
  return {
    train: of('train'),
    ...(wanted.validation > 0 && {validation: of('validation')}),
    ...(wanted.test > 0 && {test: of('test')}),
  };
}

/** Chooses `count` positions in a row, as far from each other as possible. */
function evenly(length: number, count: number): (index: number) => boolean {
  return index => Math.floor(((index + 1) * count) / length) > Math.floor((index * count) / length);
}

function sizeOf(role: Role, size: number | undefined, count: number): number {
  if (size === undefined) return 0;
  if (size > 0 && size < 1) return Math.max(1, Math.round(size * count));
  if (Number.isInteger(size) && size > 0) return size;
  throw new InputError(`Expected \`${role}\` to be a share between 0 and 1 or a whole number of texts, got ${size}.`);
}
