import {checkOptions, oneOf} from '../options.ts';
import {complementaryError} from '../statistics/distributions.ts';

export interface McNemarOptions {
  /**
   * `exact` is the binomial test, `chi-squared` has the continuity correction.
   *
   * @default exact if fewer than 25 examples differ
   */
  readonly method?: 'exact' | 'chi-squared';
}

export interface McNemarResult {
  readonly method: 'exact' | 'chi-squared';
  /** Two-sided. */
  readonly p: number;
}

/**
 * McNemar's test of the hypothesis that two classifiers err equally often on the same examples. McNemar (1947), with
 * the correction of Edwards (1948).
 *
 * @param onlyFirst - number of examples that only the first classifies correctly
 * @param onlySecond - number of examples that only the second classifies correctly
 *
 * @example
 * ```ts
 * import {mcnemar} from 'limbeck/metrics';
 *
 * export const {p} = mcnemar(25, 10); // examples that only the first, and only the second model got right
 * ```
 */
export function mcnemar(onlyFirst: number, onlySecond: number, options: McNemarOptions = {}): McNemarResult {
  checkOptions('mcnemar', options, {method: oneOf('exact', 'chi-squared')});
  const {method = onlyFirst + onlySecond < 25 ? 'exact' : 'chi-squared'} = options;
  const differing = onlyFirst + onlySecond;
  if (differing === 0) return {method, p: 1};
  if (method === 'exact') return {method, p: Math.min(1, 2 * binomialTail(Math.min(onlyFirst, onlySecond), differing))};
  const statistic = Math.max(0, Math.abs(onlyFirst - onlySecond) - 1) ** 2 / differing;
  return {method, p: complementaryError(Math.sqrt(statistic / 2))};
}

/** P(X <= most) of X ~ Binomial(trials, 1/2). */
function binomialTail(most: number, trials: number): number {
  let logTerm = -trials * Math.LN2;
  let sum = 0;
  for (let successes = 0; successes <= most; successes++) {
    sum += Math.exp(logTerm);
    logTerm += Math.log((trials - successes) / (successes + 1));
  }
  return sum;
}
