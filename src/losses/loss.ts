import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {describeDetail, joinDetails, satisfies} from '../knowledge/coarsen.ts';
import type {Detail} from '../teacher.ts';

/**
 * The teacher's answers for one batch, ready for a loss. `labels` is always present; the rest depends on the detail of
 * the answers. See `targets.ts`.
 */
export interface BatchTargets {
  /** [batch], int32: the teacher's label, or its most probable class. */
  readonly labels: tf.Tensor1D;
  /** [batch], int32. Absent if they are unknown. */
  readonly trueLabels?: tf.Tensor1D;
  /** [batch, classes], log-probabilities up to a constant for each row (logits are such). Absent for bare labels. */
  readonly logProbabilities?: tf.Tensor2D;
  /** [batch], from 0 to classes − 1. Present only for expected levels. */
  readonly expectedLevels?: tf.Tensor1D;
  /** [batch, classes], 1 if a top-k answer names the class, else 0. Present only for top-k answers. */
  readonly named?: tf.Tensor2D;
  /** By teacher layer: [batch, ...shape]. */
  readonly features: Readonly<Record<string, tf.Tensor>>;
  /**
   * [batch], 0 for each input without an answer, else 1. A term leaves the former out of its mean; the values above are
   * made up for them.
   *
   * @default every input has an answer
   */
  readonly weights?: tf.Tensor1D | undefined;
}

/** The student's outputs for the same batch. */
export interface BatchOutputs {
  /** [batch, classes] */
  readonly logits: tf.Tensor2D;
  /** By student layer: [batch, ...shape]. */
  readonly features: Readonly<Record<string, tf.Tensor>>;
}

/** The name under which losses find the vectors of an embedding model among a teacher's features. */
export const VECTOR = 'vector';

/** Shapes of one example's features, by layer name. */
export type FeatureShapes = Readonly<Record<string, readonly number[]>>;

/** One weighted term of a training objective. */
export interface LossTerm {
  readonly name: string;
  /** λ of this term. The objective is the sum of weight · value. */
  readonly weight: number;
  /** The least detail of answers that the term needs. */
  readonly needs: Detail;
  /**
   * True if it learns from true labels in addition to the answers.
   *
   * @default false
   */
  readonly needsTrueLabels?: boolean;
  /**
   * True if its value is convex in the logits, and reads nothing else of the student. A linear student can then be solved for.
   *
   * @default false
   */
  readonly isConvex?: boolean | undefined;
  /**
   * Temperature at which it softens the targets, for reports.
   *
   * @default 1
   */
  readonly temperature?: number;
  /**
   * The same term at another temperature, for tuning.
   *
   * @default the term has no temperature to choose
   */
  readonly atTemperature?: ((temperature: number) => LossTerm) | undefined;
  /** Student layers whose activations it compares. */
  readonly studentFeatures: readonly string[];
  /**
   * Checks shapes before the first step and returns the function that computes the term.
   *
   * @returns the term's value for a batch, and its own variables, which are trained with the student and then dropped
   */
  prepare(shapes: {readonly teacher: FeatureShapes; readonly student: FeatureShapes}, seed: number): PreparedTerm;
}

export interface PreparedTerm {
  readonly variables: readonly tf.Variable[];
  /**
   * Computes the term before its weight.
   *
   * @param progress - progress of the run with this step, from above 0 to 1 at the last; 1 if it isn't known
   */
  value(targets: BatchTargets, outputs: BatchOutputs, progress?: tf.Scalar): tf.Scalar;
}

/**
 * Rises from 0 to 1 over the first share of a run, then stays 1.
 *
 * @param progress - progress of the run, from 0 to 1; undefined if it isn't known, which counts as 1
 * @param share - from 0 (constantly 1) to 1
 */
export function rampUp(progress: tf.Scalar | undefined, share: number): tf.Scalar | number {
  if (progress === undefined || share === 0) return 1;
  return tf.minimum(1, tf.div(progress, share));
}

/** @throws InputError if a value can't be the share of a whole */
export function checkShare(name: string, value: number): void {
  if (value >= 0 && value <= 1) return;
  throw new InputError(`Expected \`${name}\` to be from 0 to 1, got ${value}.`);
}

/** @throws InputError if a value can't be the weight of a part */
export function checkPartWeight(name: string, value: number): void {
  if (value >= 0 && Number.isFinite(value)) return;
  throw new InputError(`Expected \`${name}\` to be a number of at least 0, got ${value}.`);
}

/** @throws InputError if a value can't be the number of decimals of rounded probabilities */
export function checkDecimals(decimals: number): void {
  if (Number.isInteger(decimals) && decimals >= 1 && decimals <= 7) return;
  throw new InputError(`Expected \`decimals\` to be a whole number from 1 to 7, got ${decimals}.`);
}

/**
 * The least detail of answers that every term of an objective can use.
 *
 * @throws KnowledgeError if no answer holds enough, because votes can't be derived from other answers, nor those from
 * votes
 */
export function needsOf(terms: readonly LossTerm[]): Detail {
  return joinDetails(terms.map(term => term.needs));
}

/**
 * Checks an objective before any query or training: that it has terms with valid weights, and that the answers hold
 * what each term needs.
 *
 * @param detail - detail of the answers
 * @param method - the objective's name in messages
 * @throws InputError if they don't
 */
export function checkObjective(terms: readonly LossTerm[], detail: Detail, method = 'The objective'): void {
  if (terms.length === 0) {
    throw new InputError(`${method} has no losses. Give it at least one, for example \`hardLabels()\`.`);
  }
  for (const {name, weight} of terms) {
    if (weight > 0 && Number.isFinite(weight)) continue;
    const advice = weight === 0 ? ': nothing is learned from it. Leave the term out, or raise its weight' : '';
    throw new InputError(`${method}: expected \`weight\` of ${name} to be a number above 0, got ${weight}${advice}.`);
  }
  for (const {name, needs} of terms) {
    if (satisfies(detail, needs)) continue;
    throw new InputError(
      `${method}: ${name} needs ${describeDetail(needs)}, but the answers hold ${describeDetail(detail)}. ` +
        `${nearest(needs, detail)}, or ask a teacher that gives ${describeDetail(needs)}.`,
    );
  }
}

/**
 * Checks that the terms read every part of a method's answers, because unread parts need not be requested. The label of
 * votes is their majority, so it reads all of them.
 *
 * @throws InputError that names the unread part, and a loss that reads it
 */
export function checkAllRead(terms: readonly LossTerm[], detail: Detail, method = 'The objective'): void {
  const needs = terms.map(term => term.needs);
  const read = needs.flatMap(need => (need.kind === 'logits' ? (need.features ?? []) : []));
  const features = detail.kind === 'logits' ? (detail.features ?? []) : [];
  const unread = features.filter(feature => !read.includes(feature));
  if (unread.length > 0) {
    throw new InputError(
      `${method}: the answers hold features of ${unread.join(', ')}, and no loss reads them. Learn from them with a loss such as ` +
        '`featureHint()`, or leave them out of `detail`.',
    );
  }
  if (detail.kind === 'label' || detail.kind === 'votes' || needs.some(({kind}) => kind !== 'label')) return;
  const names = terms.map(({name}) => name).join(' + ');
  const reader = detail.kind === 'top-k' ? 'topKLabels()' : 'softLabels()';
  throw new InputError(
    `${method}: the answers hold ${describeDetail(detail)}, and ${names} reads labels alone. Learn from them with ` +
      `\`${reader}\`, or leave \`detail\` out to request labels alone.`,
  );
}

/** Suggests a loss that can use the present answers. */
function nearest(needs: Detail, held: Detail): string {
  switch (held.kind) {
    case 'label':
      return 'Use `hardLabels()`, which takes labels';
    case 'votes':
      return 'Use `voteLabels()`, which takes votes';
    case 'expected':
      return 'Use `expectedLabels()`, which takes expected levels';
    case 'top-k':
      return 'Use `topKLabels()`, which takes the k best classes';
    case 'log-probabilities':
      return 'Use `softLabels()`, which takes log-probabilities';
    case 'logits':
      return needs.kind === 'logits' && held.features?.length
        ? `Name a feature that they hold (${held.features.join(', ')})`
        : 'Use `softLabels()`, which takes logits';
    case 'vector':
      return 'Use `vectorCosine()`, which takes vectors';
  }
}
