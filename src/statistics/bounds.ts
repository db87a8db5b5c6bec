import {betaQuantile} from './distributions.ts';

// Clopper and Pearson (1934): exact bounds on a probability, given `count` events in `trials` independent trials.

/**
 * The upper bound: the probability exceeds it with probability at most `error`, for any number of trials.
 *
 * @param error - from 0 to 1, for example 0.05
 * @returns 1 if every trial was an event, or if there were no trials
 */
export function upperBound(count: number, trials: number, error: number): number {
  return count >= trials ? 1 : betaQuantile(1 - error, count + 1, trials - count);
}

/** The lower bound: the probability is below it with probability at most `error`. 0 if no trial was an event. */
export function lowerBound(count: number, trials: number, error: number): number {
  return count <= 0 ? 0 : betaQuantile(error, count, trials - count + 1);
}

/** An interval that contains the probability with probability at least `confidence`. */
export function exactInterval(count: number, trials: number, confidence = 0.95): readonly [low: number, high: number] {
  const error = (1 - confidence) / 2;
  return [lowerBound(count, trials, error), upperBound(count, trials, error)];
}

/** The number of inputs without an answer. */
export interface MissingCount {
  /** Inputs without an answer. */
  readonly count: number;
  /** All inputs. */
  readonly total: number;
}

/**
 * The lowest and the highest possible value of a share over all inputs, if it was measured on the answered inputs only:
 * all missing inputs count against it, or all count for it. Manski (1989), Anatomy of the selection problem, section 2.
 *
 * @param share - over the answered inputs, from 0 to 1; NaN gives NaN
 */
export function boundsWithMissing(share: number, {count, total}: MissingCount): readonly [number, number] {
  const lowest = (share * (total - count)) / total;
  return [lowest, lowest + count / total];
}
