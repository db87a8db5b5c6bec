import type {tf} from '../engine/tf.ts';
import type {Detail} from '../teacher.ts';

/**
 * What the teacher said about one batch, ready for a loss. `labels` is there for every detail; the rest as far as the
 * detail goes. See `targets.ts`.
 */
export interface BatchTargets {
  /** [batch], int32: the teacher's label, or its most probable class. */
  readonly labels: tf.Tensor1D;
  /** [batch], int32. Absent where nobody told them. */
  readonly trueLabels?: tf.Tensor1D;
  /** [batch, classes], log-probabilities up to a constant a row (logits are such). Absent for bare labels. */
  readonly logProbabilities?: tf.Tensor2D;
  /** [batch, classes], 1 where a top-k answer names the class; only of top-k answers. */
  readonly named?: tf.Tensor2D;
  /** By teacher layer: [batch, ...shape]. */
  readonly features: Readonly<Record<string, tf.Tensor>>;
}

/** What the student says about the same batch. */
export interface BatchOutputs {
  /** [batch, classes] */
  readonly logits: tf.Tensor2D;
  /** By student layer: [batch, ...shape]. */
  readonly features: Readonly<Record<string, tf.Tensor>>;
}

/** Shapes of one example's features, by layer name. */
export type FeatureShapes = Readonly<Record<string, readonly number[]>>;

/** One weighted term of a training objective. */
export interface LossTerm {
  readonly name: string;
  /** λ of this term; the objective is the sum of weight · value. */
  readonly weight: number;
  /** The least that the answers must hold. */
  readonly needs: Detail;
  /**
   * True if it learns from true labels beside the answers.
   *
   * @default false
   */
  readonly needsTrueLabels?: boolean;
  /**
   * Temperature that it softens the targets at, for reports.
   *
   * @default 1
   */
  readonly temperature?: number;
  /**
   * The same term at another temperature, for tuning.
   *
   * @default the term has no temperature to choose
   */
  readonly atTemperature?: (temperature: number) => LossTerm;
  /** Student layers whose activations it compares. */
  readonly studentFeatures: readonly string[];
  /**
   * Checks shapes before the first step and returns the function that computes the term.
   *
   * @returns the term's value for a batch, and variables of its own that are trained with the student and then dropped
   */
  prepare(shapes: {readonly teacher: FeatureShapes; readonly student: FeatureShapes}, seed: number): PreparedTerm;
}

export interface PreparedTerm {
  readonly variables: readonly tf.Variable[];
  /**
   * The term before its weight.
   *
   * @param progress - how far the run is with this step, from above 0 to 1 at the last. Where it isn't known, 1.
   */
  value(targets: BatchTargets, outputs: BatchOutputs, progress?: tf.Scalar): tf.Scalar;
}
