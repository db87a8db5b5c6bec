import {normalTail} from './distributions.ts';
import {byDegrees, reachBy, type TwoParts} from './two-parts.ts';

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
