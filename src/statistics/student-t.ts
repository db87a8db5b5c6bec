import {betaQuantile, incompleteBeta} from './beta.ts';

/**
 * Two-sided p value of Student's t: the probability of a value at least as far from 0.
 *
 * @param degrees - degrees of freedom, above 0; they need be no whole number
 */
export function twoSidedT(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/**
 * The t that a value of the distribution is farther from 0 than with probability `error`.
 *
 * @param error - of both sides together, above 0, for example 0.05
 */
export function criticalT(error: number, degrees: number): number {
  const x = betaQuantile(error, degrees / 2, 0.5);
  return Math.sqrt((degrees * (1 - x)) / x);
}
