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
