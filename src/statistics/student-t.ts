import {incompleteBeta, logGamma} from './beta.ts';

/**
 * Two-sided p value of Student's t: the probability of a value at least as far from 0.
 *
 * @param degrees - degrees of freedom, above 0; can be a fraction
 */
export function twoSidedT(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

/**
 * The critical value t: a value of the distribution is farther from 0 than t with probability `error`.
 *
 * @param error - total of both sides, above 0, for example 0.05
 */
export function criticalT(error: number, degrees: number): number {
  if (error >= 1) return 0;
  // Newton's method on the logarithms of both sides. There the curve is concave, so all steps but the first come from
  // above.
  let [logT, last] = [0, 0];
  for (let step = 0; step < 60; step++) {
    const t = Math.exp(logT);
    const p = twoSidedT(t, degrees);
    const move = (Math.log(p / error) * p) / (2 * t * density(t, degrees));
    // The first step can lead to a t with p = 0.
    if (!Number.isFinite(move)) {
      logT = (logT + last) / 2;
      continue;
    }
    last = logT;
    logT += move;
    if (Math.abs(move) < 1e-12) break;
  }
  return Math.exp(logT);
}

function density(t: number, degrees: number): number {
  const scale = logGamma((degrees + 1) / 2) - logGamma(degrees / 2) - Math.log(degrees * Math.PI) / 2;
  return Math.exp(scale - ((degrees + 1) / 2) * Math.log1p((t * t) / degrees));
}
