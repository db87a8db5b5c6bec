import {exactInterval} from '../statistics/binomial-bounds.ts';
import type {Calibration, Guarantee} from '../student/student.ts';
import {argmaxRows, softmaxRows} from './distributions.ts';

// In this file `logits` are [count, classes], row-major, about inputs that the model did not learn from. `labels` are
// [count], the teacher's classes.

/** The outcome of inputs in a cascade. */
export interface Cascaded {
  /** Share of inputs that the model answers itself. */
  readonly localShare: number;
  /** Share of all inputs whose answer equals the teacher's, those that the teacher answers included. */
  readonly agreement: number;
  /** Exact 95 % interval of the agreement on inputs like these. */
  readonly interval: readonly [low: number, high: number];
  /** Number of inputs. */
  readonly inputs: number;
}

/** The outcome if the teacher answers the inputs on which the model's confidence is below the threshold. */
export function cascaded(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  {temperature, threshold = 0}: {readonly temperature: number; readonly threshold?: number},
): Cascaded {
  const judged = judgedAnswers(logits, labels, classes, temperature);
  const inputs = judged.length;
  const local = judged.filter(({confidence}) => confidence >= threshold);
  const same = inputs - local.filter(({agrees}) => !agrees).length;
  return {
    localShare: local.length / inputs,
    agreement: same / inputs,
    interval: exactInterval(same, inputs),
    inputs,
  };
}

/** A student with its teacher behind it: what was promised, and what became of the test split. */
export interface CascadeResult extends Cascaded {
  /** Confidence from which the student answers by itself; above 1 it never does. */
  readonly threshold: number;
  /** Absent of a threshold that is a point estimate, as those of earlier versions are. */
  readonly guarantee?: Guarantee | undefined;
}

/**
 * A calibrated student with its teacher behind it. If the student answers an input by itself that the teacher left without
 * an answer, that counts as a disagreement.
 *
 * @param named - the classes that the teacher names; -1 for an input without an answer
 */
export function cascadeOf(
  logits: ArrayLike<number>,
  named: ArrayLike<number>,
  classes: number,
  {temperature, threshold = 0, guarantee}: Calibration,
): CascadeResult {
  return {...cascaded(logits, named, classes, {temperature, threshold}), threshold, guarantee};
}

/** An answer of the model to one input. */
export interface JudgedAnswer {
  /** The largest probability. */
  readonly confidence: number;
  /** True if the teacher names the same class. */
  readonly agrees: boolean;
}

/** The model's confidence in each answer, and if the teacher agrees. */
export function judgedAnswers(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  temperature: number,
): JudgedAnswer[] {
  const sure = confidences(logits, classes, temperature);
  return Array.from(argmaxRows(logits, classes), (named, row) => ({
    confidence: sure[row]!,
    agrees: named === labels[row],
  }));
}

/** The largest probability of each row. */
export function confidences(logits: ArrayLike<number>, classes: number, temperature: number): number[] {
  const probabilities = softmaxRows(logits, classes, temperature);
  return Array.from(argmaxRows(logits, classes), (named, row) => Math.min(1, probabilities[row * classes + named]!));
}
