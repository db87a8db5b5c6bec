import {checkOptions, kinds} from '../options.ts';
import {criticalT} from '../statistics/distributions.ts';
import {detectable, reach, twoSidedP} from '../statistics/two-parts.ts';
import type {Difference} from './compare-scores.ts';

/**
 * `better` and `worse` are claims about methods. `too few seeds to say` means that there was only one seed, or that the
 * difference would be a claim if more seeds had shown the same variance.
 */
export type DifferenceVerdict = 'better' | 'worse' | 'no difference shown' | 'too few seeds to say';

/** The result of one comparison of a study. */
export interface Judgement {
  readonly verdict: DifferenceVerdict;
  /** p value, corrected for the number of comparisons in the study (Holm). */
  readonly p: number;
  /** Interval of the difference, at `confidence`. It excludes 0 exactly if `p` is at most the error of the study. */
  readonly interval: readonly [low: number, high: number];
  /** Probability that this interval alone contains the true difference, by the comparison's step. */
  readonly confidence: number;
  /**
   * The smallest true difference that the study finds in 4 of 5 cases, by Holm's first step: a point estimate. NaN if
   * students are compared, not methods.
   */
  readonly detectable: number;
}

export interface JudgeOptions {
  /**
   * Largest probability of any false verdict in the study.
   *
   * @default 0.05
   */
  readonly error?: number;
}

/**
 * Judges the comparisons of a study together: the probability that any verdict of `better` or `worse` is false stays
 * within `error` for any number of comparisons. Holm (1979): the smallest p value is compared with error / comparisons,
 * the next with error / (comparisons − 1), and so on until one fails. That one and the rest are compared with the same
 * error.
 */
export function judge(differences: readonly Difference[], options: JudgeOptions = {}): readonly Judgement[] {
  checkOptions('judge', options, {error: kinds.number});
  const {error = 0.05} = options;
  const pValues = differences.map(({difference, variance}) => twoSidedP(difference, variance));
  const corrected = holm(pValues);
  const steps = stepsOf(pValues, corrected.filter(p => p <= error).length);
  const first = error / differences.length;
  return differences.map((difference, index) => {
    const last = error / (differences.length - steps[index]!);
    return judgementOf(difference, {p: corrected[index]!, isRejected: corrected[index]! <= error, first, last});
  });
}

/** The test of one comparison in a procedure that holds the error of all. */
export interface ComparisonTest {
  /** Corrected p value. */
  readonly p: number;
  /** True if the procedure rejects that there is no difference. */
  readonly isRejected: boolean;
  /** Error of the test if nothing else is rejected. */
  readonly first: number;
  /** Error of the test when the procedure ended. */
  readonly last: number;
}

/** The judgement that follows from the test of a comparison. */
export function judgementOf(difference: Difference, {p, isRejected, first, last}: ComparisonTest): Judgement {
  const far = reach(last, difference.variance);
  return {
    verdict: verdictOf(difference, isRejected, last),
    p,
    interval: [difference.difference - far, difference.difference + far],
    confidence: 1 - last,
    detectable: difference.between === 'methods' ? detectable(first, difference.variance) : Number.NaN,
  };
}

/** Number of rejections before each comparison. All that were not rejected share the last step. */
function stepsOf(pValues: readonly number[], rejected: number): readonly number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[a]! - pValues[b]!);
  const steps = new Array<number>(pValues.length);
  for (const [rank, index] of order.entries()) steps[index] = Math.min(rank, rejected);
  return steps;
}

function verdictOf({difference, between, variance}: Difference, rejected: boolean, error: number): DifferenceVerdict {
  if (between === 'students') return 'too few seeds to say';
  if (rejected) return difference > 0 ? 'better' : 'worse';
  const [seeds, examples] = variance;
  const ifKnown = criticalT(error, examples.degrees) * Math.sqrt(seeds.variance + examples.variance);
  return Math.abs(difference) > ifKnown ? 'too few seeds to say' : 'no difference shown';
}

/**
 * p values corrected for the number of tests, so that the chance of any false finding stays below the level that they
 * are compared with. Holm (1979). Returned in the given order.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[a]! - pValues[b]!);
  const corrected = new Array<number>(pValues.length);
  let least = 0;
  for (const [rank, index] of order.entries()) {
    least = Math.max(least, Math.min(1, (pValues.length - rank) * pValues[index]!));
    corrected[index] = least;
  }
  return corrected;
}
