import {criticalT, incompleteBeta, normalTail, twoSidedT} from './distributions.ts';

/** An estimate of one part of a variance. */
export interface VariancePart {
  readonly variance: number;
  /** Degrees of freedom of the estimate, above 0; can be a fraction. */
  readonly degrees: number;
}

/** The variance of an estimate, as the sum of two parts that were estimated separately. */
export type TwoParts = readonly [VariancePart, VariancePart];

/**
 * Half the width of an interval: an estimate is farther than this from the true value with probability `error`.
 *
 * Student's t is exact if one part is all of the variance. Between the two, the critical value goes from that of the
 * part with more degrees of freedom, m, to that of the part with fewer, f, as the share w of the latter grows: m + (f −
 * m) I_w(3, 2f/m − 1). The curve was fitted by integration over the distribution of the part with fewer degrees
 * (`test/fixtures/statistics/make-two-parts.py`): at a nominal error of 5 % the true one is 4.1 to 5.2 % from 2 degrees
 * on and 2.7 to 5 % with 1, whatever the shares. Satterthwaite's degrees of freedom come to 7.8 % with 2 degrees and
 * 12.8 % with 1; the distribution of Behrens and Fisher to 2.4 % and 1.4 %.
 *
 * @param error - total of both sides, above 0, for example 0.05
 */
export function reach(error: number, parts: TwoParts): number {
  const {few, many} = byDegrees(parts);
  return reachBy(error, few.degrees, many.degrees)(few.variance, many.variance);
}

/**
 * The critical value as a function of the two variances. The part with fewer degrees of freedom comes first.
 *
 * @param few - degrees of freedom
 * @param many - degrees of freedom, no fewer
 */
function reachBy(error: number, few: number, many: number): (ofFew: number, ofMany: number) => number {
  const [fewT, manyT] = [criticalT(error, few), criticalT(error, many)];
  return (ofFew, ofMany) => {
    const variance = ofFew + ofMany;
    return variance === 0 ? 0 : criticalValue(fewT, manyT, ofFew / variance) * Math.sqrt(variance);
  };
}

/** Two-sided p value of an estimate against a true value of 0: the error at which `reach` equals the estimate. */
export function twoSidedP(estimate: number, parts: TwoParts): number {
  const {few, many} = byDegrees(parts);
  const variance = few.variance + many.variance;
  if (variance === 0) return estimate === 0 ? 1 : 0;
  const distance = Math.abs(estimate) / Math.sqrt(variance);
  const share = few.variance / variance;
  const [least, most] = [twoSidedT(distance, many.degrees), twoSidedT(distance, few.degrees)];
  if (share === 0 || share === 1) return share === 0 ? least : most;
  // This close to 0 both are 1, and their quantiles are only rounding.
  if (distance < 1e-6) return most;
  const excess = (logError: number): number => {
    const error = Math.exp(logError);
    // Logarithms, because the function is almost straight in them.
    return Math.log(criticalValue(criticalT(error, few.degrees), criticalT(error, many.degrees), share) / distance);
  };
  return most <= TINY ? most : Math.exp(rootOf(excess, Math.log(Math.max(least, TINY)), Math.log(most)));
}

/** p values down here are not distinguished. */
const TINY = 1e-100;

/** The part with fewer degrees of freedom, and the other. */
function byDegrees([one, other]: TwoParts): {readonly few: VariancePart; readonly many: VariancePart} {
  return one.degrees <= other.degrees ? {few: one, many: other} : {few: other, many: one};
}

function criticalValue(ofFew: number, ofMany: number, share: number): number {
  return ofMany + (ofFew - ofMany) * incompleteBeta(share, 3, (2 * ofFew) / ofMany - 1);
}

/** The root of a falling function, by the Illinois method (Dowell and Jarratt, 1971), to nine digits. */
function rootOf(f: (x: number) => number, low: number, high: number): number {
  let [a, b, fa, fb] = [low, high, f(low), f(high)];
  if (fa <= 0) return a;
  for (let step = 0; step < 100 && Math.abs(b - a) > 1e-9 && Math.abs(fb) > 1e-10; step++) {
    const middle = (a * fb - b * fa) / (fb - fa);
    const value = f(middle);
    if (value * fb < 0) [a, fa] = [b, fb];
    else fa /= 2;
    [b, fb] = [middle, value];
  }
  return b;
}

/** Number of steps of the integration over the observed variance. */
const STEPS = 100;

/**
 * The smallest true difference that a test finds with a probability of `power`, if the variance is as estimated: a
 * point estimate. The part with fewer degrees of freedom varies from study to study by its chi-squared distribution.
 *
 * @param error - two-sided error of the test
 */
export function detectable(error: number, parts: TwoParts, power = 0.8): number {
  const {few, many} = byDegrees(parts);
  const deviation = Math.sqrt(few.variance + many.variance);
  if (deviation === 0) return 0;
  const reach = reachBy(error, few.degrees, many.degrees);
  const seen = scales(few.degrees).map(({scale, weight}) => ({
    reach: reach(few.variance * scale, many.variance),
    weight,
  }));
  const found = (difference: number): number =>
    seen.reduce(
      (sum, {reach, weight}) =>
        sum + weight * (normalTail((reach - difference) / deviation) + normalTail((reach + difference) / deviation)),
      0,
    );
  let [low, high] = [0, deviation];
  while (found(high) < power) high *= 2;
  while (high - low > 1e-4 * high) {
    const middle = (low + high) / 2;
    if (found(middle) < power) low = middle;
    else high = middle;
  }
  return high;
}

/** Values of χ²/degrees with their weights, by the midpoint rule over its square root. */
function scales(degrees: number): readonly {readonly scale: number; readonly weight: number}[] {
  const most = 1 + 6 / Math.sqrt(degrees);
  const points = Array.from({length: STEPS}, (_, step) => {
    const root = ((step + 0.5) / STEPS) * most;
    return {scale: root * root, weight: root ** (degrees - 1) * Math.exp((-degrees * (root * root - 1)) / 2)};
  });
  const total = points.reduce((sum, {weight}) => sum + weight, 0);
  return points.map(({scale, weight}) => ({scale, weight: weight / total}));
}
