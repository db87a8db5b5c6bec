import type {tf} from '../engine/tf.ts';
import type {Detail} from '../teacher.ts';
import type {BatchTargets, LossTerm} from './loss.ts';
import {checkTemperature, type Temperature} from './temperature.ts';

/** The values that a loss of logits compares. */
export interface LogitBatch {
  /** [batch, classes], the teacher's logits or log-probabilities, all finite. */
  readonly teacher: tf.Tensor2D;
  /** [batch, classes], the student's logits. */
  readonly student: tf.Tensor2D;
  /** [batch], int32: the teacher's most probable class. */
  readonly labels: tf.Tensor1D;
  /** See `BatchTargets`. */
  readonly weights?: tf.Tensor1D | undefined;
  /** Progress of the run, from 0 to 1. See `PreparedTerm`. */
  readonly progress?: tf.Scalar | undefined;
}

/**
 * A term that compares the softened logits of both sides. Wrappers can change these logits or the temperature first:
 * `standardised`, `quantised`, `learnedTemperature`.
 */
export interface LogitTerm extends LossTerm {
  readonly temperature: number;
  /**
   * True if it compares the inputs of a batch with each other. It then takes no weights.
   *
   * @default false
   */
  readonly comparesInputs?: boolean | undefined;
  /** The term's value before its weight, at any temperature. */
  compare(batch: LogitBatch, temperature: Temperature): tf.Scalar;
}

export interface LogitTermParts {
  readonly name: string;
  readonly weight: number;
  readonly temperature: number;
  /** @default log-probabilities */
  readonly needs?: Detail;
  readonly comparesInputs?: boolean | undefined;
  /** See `LossTerm`. @default false */
  readonly isConvex?: boolean | undefined;
  readonly compare: LogitTerm['compare'];
}

/** Makes the term of a loss that takes whole distributions and has no variables of its own. */
export function logitTerm(parts: LogitTermParts): LogitTerm {
  const {name, weight, temperature, needs = {kind: 'log-probabilities'}, comparesInputs, isConvex, compare} = parts;
  checkTemperature(temperature);
  return {
    name,
    weight,
    needs,
    temperature,
    atTemperature: other => logitTerm({...parts, temperature: other}),
    studentFeatures: [],
    comparesInputs,
    isConvex,
    compare,
    prepare: () => ({
      variables: [],
      value: (targets, {logits}, progress) =>
        compare(logitBatch({comparesInputs}, targets, logits, progress), temperature),
    }),
  };
}

/** What a term of logits compares, without the weights that it doesn't take. */
export function logitBatch(
  {comparesInputs}: Pick<LogitTerm, 'comparesInputs'>,
  targets: BatchTargets,
  student: tf.Tensor2D,
  progress: tf.Scalar | undefined,
): LogitBatch {
  const {labels, logProbabilities} = targets;
  return {teacher: logProbabilities!, student, labels, weights: comparesInputs ? undefined : targets.weights, progress};
}
