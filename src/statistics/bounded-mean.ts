import {normalTail} from './distributions.ts';

/** The least and the greatest value that can be. */
export type Range = readonly [least: number, greatest: number];

/** Steps of a bisection. */
const STEPS = 60;
/** The ends of its search, in widths of the range. */
const [NEAREST, FARTHEST] = [1e-12, 1e6];
/** No bound is nearer to the middle than so many standard deviations, where the tail loses its digits. */
const MIDDLE = 0.5;

/**
 * An interval for the mean of independent values that stay in a range, whatever their distribution is. Student's t is too
 * narrow if values that are rare and far from the others are missing by chance; this one knows how far they could be.
 *
 * Each end is the quantile of the mean under uniform Dirichlet weights on the values and on that end of the range: the bound
 * of Gaffke (2005) and of Learned-Miller and Thomas (2019, A new confidence interval for the mean of a bounded random
 * variable). If all values are ends of the range, it is that of Clopper and Pearson. That it always holds is a conjecture
 * without a known counterexample; `npm run bench:promises -- --only vectors` counts how often it does.
 *
 * @param values - one or more
 * @param error - of both sides together
 */
export function boundedMeanInterval(values: ArrayLike<number>, [least, greatest]: Range, error = 0.05): Range {
  const width = greatest - least;
  // Rounding can take a value a little out of the range.
  const within = (value: number): number => Math.min(width, Math.max(0, value));
  const above = Float64Array.from(values, value => within(value - least));
  const below = Float64Array.from(values, value => within(greatest - value));
  return [least + lowerMean(above, width, error / 2), greatest - lowerMean(below, width, error / 2)];
}

/** The lower bound of the mean of values from 0 to `width`. */
function lowerMean(values: Float64Array, width: number, error: number): number {
  if (values.every(value => value === 0)) return 0;
  let [low, high] = [Math.log(NEAREST * width), Math.log(FARTHEST * width)];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (candidate(values, Math.exp(middle)).tail < error) low = middle;
    else high = middle;
  }
  return candidate(values, Math.exp(low)).mean;
}

interface Candidate {
  readonly mean: number;
  /** The probability that random weights give a lower mean. */
  readonly tail: number;
}

/**
 * A mean is below c if Σ E_i (x_i − c) < 0, where the E_i are independent exponentials and one of the x_i is 0. The
 * saddlepoint of this sum weights x_i by 1 / (x_i + shift), so each shift has its c: the harmonic mean of all x_i + shift,
 * minus the shift. The tail is that of Lugannani and Rice (1980), which moves an end by less than 0.5 % of the interval.
 *
 * @param shift - above 0; the greater it is, the greater is the mean
 */
function candidate(values: Float64Array, shift: number): Candidate {
  const count = values.length + 1;
  let [inverses, logs] = [1 / shift, Math.log(shift)];
  for (const value of values) {
    inverses += 1 / (value + shift);
    logs += Math.log(value + shift);
  }
  const harmonic = count / inverses;
  const distance = Math.sqrt(2 * Math.max(0, logs - count * Math.log(harmonic)));
  const mean = Math.max(0, harmonic - shift);
  if (distance < MIDDLE) return {mean, tail: 0.5};
  let squares = (1 - harmonic / shift) ** 2;
  for (const value of values) squares += (1 - harmonic / (value + shift)) ** 2;
  const density = Math.exp((-distance * distance) / 2) / Math.sqrt(2 * Math.PI);
  return {mean, tail: normalTail(distance) + density * (1 / Math.sqrt(squares) - 1 / distance)};
}
