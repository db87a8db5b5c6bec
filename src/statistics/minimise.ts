import {addTo, dot} from './vectors.ts';

/** The value of a function at a point, and its slopes there. */
export interface Evaluation {
  readonly value: number;
  /** [point] */
  readonly gradient: Float64Array;
}

export interface MinimiseOptions {
  /**
   * The most iterations.
   *
   * @default 200
   */
  readonly iterations?: number;
  /**
   * The search ends when an iteration lowers the value by less than this share of it.
   *
   * @default 1e-6
   */
  readonly tolerance?: number;
}

export interface Minimum {
  readonly point: Float64Array;
  readonly value: number;
  readonly iterations: number;
}

/** Number of earlier steps that shape the next one. */
const HISTORY = 6;
/** A step must lower the value by this share of what the slope promises (Armijo), and flatten the slope to the other. */
const [LEAST_FALL, MOST_SLOPE] = [1e-4, 0.9];
/** A line search that has not ended by then stands on rounding errors. */
const MOST_TRIALS = 25;

/**
 * The minimum of a smooth convex function, by L-BFGS: Nocedal and Wright (2006), Numerical optimization, algorithms 7.4
 * and 7.5. The line search brackets by bisection: Lewis and Overton (2013), algorithm 4.6.
 *
 * @param evaluate - must be pure
 */
export function minimise(
  evaluate: (point: Float64Array) => Evaluation,
  start: Float64Array,
  {iterations = 200, tolerance = 1e-6}: MinimiseOptions = {},
): Minimum {
  let [point, now] = [start, evaluate(start)];
  const moves: Move[] = [];
  for (let iteration = 1; iteration <= iterations; iteration++) {
    const direction = directionFrom(now.gradient, moves);
    const next = search(evaluate, {point, now, direction, isFirst: moves.length === 0});
    if (next === undefined) return {point, value: now.value, iterations: iteration - 1};
    const step = differenceOf(next.point, point);
    const turn = differenceOf(next.now.gradient, now.gradient);
    const curvature = dot(step, turn);
    if (curvature > 0) moves.push({step, turn, curvature});
    if (moves.length > HISTORY) moves.shift();
    const fall = now.value - next.now.value;
    [point, now] = [next.point, next.now];
    if (fall <= tolerance * Math.abs(now.value)) return {point, value: now.value, iterations: iteration};
  }
  return {point, value: now.value, iterations};
}

/** An earlier step, and how it changed the gradient. */
interface Move {
  readonly step: Float64Array;
  readonly turn: Float64Array;
  /** Their dot product, above 0. */
  readonly curvature: number;
}

/** The two-loop recursion, algorithm 7.4. */
function directionFrom(gradient: Float64Array, moves: readonly Move[]): Float64Array {
  const direction = gradient.map(slope => -slope);
  const shares = moves.map(() => 0);
  for (let index = moves.length - 1; index >= 0; index--) {
    const {step, turn, curvature} = moves[index]!;
    shares[index] = dot(step, direction) / curvature;
    addTo(direction, turn, -shares[index]!);
  }
  const last = moves.at(-1);
  const scale = last ? last.curvature / dot(last.turn, last.turn) : 1;
  for (let axis = 0; axis < direction.length; axis++) direction[axis]! *= scale;
  for (const [index, {step, turn, curvature}] of moves.entries()) {
    addTo(direction, step, shares[index]! - dot(turn, direction) / curvature);
  }
  return direction;
}

interface Search {
  readonly point: Float64Array;
  readonly now: Evaluation;
  readonly direction: Float64Array;
  readonly isFirst: boolean;
}

/** The next point on a line; undefined if no step lowers the value. */
function search(
  evaluate: (point: Float64Array) => Evaluation,
  {point, now, direction, isFirst}: Search,
): {readonly point: Float64Array; readonly now: Evaluation} | undefined {
  const slope = dot(now.gradient, direction);
  if (!(slope < 0)) return undefined;
  let [low, high] = [0, Number.POSITIVE_INFINITY];
  // Nothing is known of the scale before the first step.
  let length = isFirst ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
  for (let trial = 0; trial < MOST_TRIALS; trial++) {
    const next = point.slice();
    addTo(next, direction, length);
    const there = evaluate(next);
    if (!(there.value <= now.value + LEAST_FALL * length * slope)) high = length;
    else if (dot(there.gradient, direction) < MOST_SLOPE * slope) low = length;
    else return {point: next, now: there};
    length = high < Number.POSITIVE_INFINITY ? (low + high) / 2 : 2 * low;
  }
  return undefined;
}

function differenceOf(one: Float64Array, other: Float64Array): Float64Array {
  const difference = new Float64Array(one.length);
  for (let axis = 0; axis < one.length; axis++) difference[axis] = one[axis]! - other[axis]!;
  return difference;
}
