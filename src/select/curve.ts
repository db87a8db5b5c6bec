import {randomInteger, seededRandom} from '../data/random.ts';
import {mean, quantile} from '../evaluate/statistics.ts';
import {checkOptions, kinds} from '../options.ts';

/** The error of a student that learned from a number of answers. */
export interface CurvePoint {
  readonly answers: number;
  /** From 0 to 1. */
  readonly error: number;
}

/** A learning curve, error(n) = floor + scale · n^−rate. */
export interface LearningCurve {
  /** The error that students of this kind keep, however much they learn. */
  readonly floor: number;
  readonly scale: number;
  readonly rate: number;
}

/** The limits of fitted rates. A slower one looks like a straight line in log n; no student showed a faster one. */
const SLOWEST = 0.05;
const FASTEST = 2;

/** With fewer sizes a floor and a rate can't be distinguished, so the floor is 0. */
const SIZES_FOR_FLOOR = 6;

/**
 * The best fit of a learning curve, by weighted least squares with no part below 0. Cortes, Jackel, Solla, Vapnik and
 * Denker (1994), Learning curves: asymptotic values and rate of convergence. For each rate the floor and the scale are
 * a linear problem with one solution; the rate is found by search.
 *
 * @param weights - [points], 1 over the variance of each
 * @returns undefined for fewer than two sizes
 */
export function fitCurve(
  points: readonly CurvePoint[],
  weights: ArrayLike<number> = points.map(() => 1),
): LearningCurve | undefined {
  const sizes = new Set(points.map(({answers}) => answers)).size;
  if (sizes < 2) return undefined;
  const hasFloor = sizes >= SIZES_FOR_FLOOR;
  const fitAt = (rate: number): Fit => fitAtRate(points, weights, rate, hasFloor);
  const {floor, scale, rate} = fitAt(lowest(rate => fitAt(rate).loss));
  return {floor, scale, rate};
}

/** The error that the curve predicts for a student that learns from a number of answers. */
export function errorAt({floor, scale, rate}: LearningCurve, answers: number): number {
  return floor + scale * answers ** -rate;
}

interface Fit extends LearningCurve {
  /** Weighted sum of squares. */
  readonly loss: number;
}

function fitAtRate(points: readonly CurvePoint[], weights: ArrayLike<number>, rate: number, hasFloor: boolean): Fit {
  let [sum, sumX, sumXx, sumY, sumXy] = [0, 0, 0, 0, 0];
  for (const [index, {answers, error}] of points.entries()) {
    const weight = weights[index]!;
    const x = answers ** -rate;
    sum += weight;
    sumX += weight * x;
    sumXx += weight * x * x;
    sumY += weight * error;
    sumXy += weight * x * error;
  }
  const determinant = sum * sumXx - sumX * sumX;
  let [floor, scale] = [0, sumXy / sumXx];
  if (hasFloor) {
    const free = [(sumXx * sumY - sumX * sumXy) / determinant, (sum * sumXy - sumX * sumY) / determinant] as const;
    // The loss is convex: if the unconstrained optimum has a part below 0, the constrained one has 0 for that part.
    if (free[1] < 0) [floor, scale] = [sumY / sum, 0];
    else if (free[0] > 0) [floor, scale] = free;
  }
  const curve = {floor, scale, rate};
  const loss = points.reduce((total, point, index) => {
    return total + weights[index]! * (point.error - errorAt(curve, point.answers)) ** 2;
  }, 0);
  return {...curve, loss};
}

/** The rate with the lowest loss: the best of a grid, then a golden-section search between its neighbours. */
function lowest(lossAt: (rate: number) => number): number {
  const steps = 24;
  const rateAt = (index: number): number => SLOWEST * (FASTEST / SLOWEST) ** (index / steps);
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let index = 0; index <= steps; index++) {
    const loss = lossAt(rateAt(index));
    if (loss < least) [best, least] = [index, loss];
  }
  return goldenSection(lossAt, rateAt(Math.max(0, best - 1)), rateAt(Math.min(steps, best + 1)));
}

const GOLDEN = (Math.sqrt(5) - 1) / 2;

function goldenSection(lossAt: (rate: number) => number, from: number, to: number): number {
  let [low, high] = [from, to];
  let [left, right] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
  let [lossLeft, lossRight] = [lossAt(left), lossAt(right)];
  while (high - low > 1e-7 * high) {
    if (lossLeft <= lossRight) {
      [high, right, lossRight] = [right, left, lossLeft];
      left = high - GOLDEN * (high - low);
      lossLeft = lossAt(left);
    } else {
      [low, left, lossLeft] = [left, right, lossRight];
      right = low + GOLDEN * (high - low);
      lossRight = lossAt(right);
    }
  }
  return (low + high) / 2;
}

/** The agreement of a student with the teacher on the held-out inputs. */
export interface MeasuredRound {
  /** Number of answers that it learned from. */
  readonly answers: number;
  /**
   * [held out], 1 if it agrees with the teacher and 0 if it doesn't, or a share. The inputs are the same every round.
   */
  readonly agrees: Float64Array;
}

export interface GainOptions {
  /**
   * How many more answers.
   *
   * @default 100
   */
  readonly calls?: number;
  /**
   * Seed of the resamples.
   *
   * @default 0
   */
  readonly seed?: number;
  /** @default 500 */
  readonly resamples?: number;
}

/** The expected growth of agreement. */
export interface ExpectedGain {
  /** How many more answers. */
  readonly calls: number;
  /** A share, from 0 to 1. */
  readonly gain: number;
  /** 95 % percentile interval. */
  readonly interval: readonly [low: number, high: number];
  /** The learning curve behind the estimate. */
  readonly curve: LearningCurve;
}

/**
 * The expected gain of more answers, by the learning curve through all rounds so far. The interval is a bootstrap: it
 * draws the held-out inputs with replacement, the same ones for each round, and fits a curve to them (Efron and
 * Tibshirani, 1993, An introduction to the bootstrap, section 9.5). It assumes that the curve has this form.
 *
 * @returns undefined for fewer than two rounds
 */
export function expectedGain(rounds: readonly MeasuredRound[], options: GainOptions = {}): ExpectedGain | undefined {
  checkOptions('expectedGain', options, {calls: kinds.number, seed: kinds.number, resamples: kinds.number});
  const {calls = 100, seed = 0, resamples = 500} = options;
  const points = rounds.map(({answers, agrees}) => ({answers, error: 1 - mean(agrees)}));
  const held = rounds[0]?.agrees.length ?? 0;
  const weights = points.map(({error}) => weightOf(error, held));
  const curve = fitCurve(points, weights);
  if (curve === undefined) return undefined;
  const last = rounds.at(-1)!.answers;
  const random = seededRandom(seed, 'resamples of the learning curve');
  const gains = Float64Array.from({length: resamples}, () => {
    const drawn = Int32Array.from({length: held}, () => randomInteger(random, 0, held - 1));
    const redrawn = rounds.map(({answers, agrees}) => ({answers, error: 1 - meanAt(agrees, drawn)}));
    return gainOf(fitCurve(redrawn, weights)!, last, calls);
  }).sort();
  return {
    calls,
    gain: gainOf(curve, last, calls),
    interval: [quantile(gains, 0.025), quantile(gains, 0.975)],
    curve,
  };
}

function gainOf(curve: LearningCurve, answers: number, calls: number): number {
  return errorAt(curve, answers) - errorAt(curve, answers + calls);
}

/** 1 / the variance of a share. One more right and one more wrong input are added, so that no share is certain. */
function weightOf(error: number, held: number): number {
  const smooth = (error * held + 1) / (held + 2);
  return held / (smooth * (1 - smooth));
}

function meanAt(values: Float64Array, indices: Int32Array): number {
  let sum = 0;
  for (const index of indices) sum += values[index]!;
  return sum / indices.length;
}
