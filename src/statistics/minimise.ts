import {addTo, dot} from './vectors.ts';

/**
 * A function of a point: returns its value there, and writes its slopes into `gradient`, which has the length of the point.
 * It must be pure, and keep neither list.
 */
export type Objective = (point: Float64Array, gradient: Float64Array) => number;

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
/** A step that is too short becomes longer by at least and at most these factors. */
const [LEAST_GROWTH, MOST_GROWTH] = [2, 100];

/**
 * The minimum of a smooth convex function, by L-BFGS: Nocedal and Wright (2006), Numerical optimization, algorithms 7.4
 * and 7.5. The line search brackets by bisection: Lewis and Overton (2013), algorithm 4.6; a step that is too short grows
 * to where the slopes so far would meet zero. Lists are allocated once, since points can be long.
 */
export function minimise(
  objective: Objective,
  start: Float64Array,
  {iterations = 200, tolerance = 1e-6}: MinimiseOptions = {},
): Minimum {
  let [now, next] = [evaluationAt(start), evaluationAt(start)];
  now.value = objective(now.point, now.gradient);
  const direction = new Float64Array(start.length);
  const moves: Move[] = [];
  let iteration = 0;
  while (iteration < iterations) {
    setDirection(direction, now.gradient, moves);
    if (!search(objective, {now, next, direction, isFirst: moves.length === 0})) break;
    iteration++;
    remember(moves, now, next);
    const fall = now.value - next.value;
    [now, next] = [next, now];
    if (fall <= tolerance * Math.abs(now.value)) break;
  }
  return {point: now.point, value: now.value, iterations: iteration};
}

/** A point, and the function there. */
interface Evaluation {
  readonly point: Float64Array;
  readonly gradient: Float64Array;
  value: number;
}

function evaluationAt(point: Float64Array): Evaluation {
  return {point: point.slice(), gradient: new Float64Array(point.length), value: Number.NaN};
}

/** An earlier step, and how it changed the gradient. */
interface Move {
  readonly step: Float64Array;
  readonly turn: Float64Array;
  /** Their dot product, above 0. */
  curvature: number;
}

/** Adds a move, which replaces the oldest one if there are too many, unless the function is not curved along it. */
function remember(moves: Move[], from: Evaluation, to: Evaluation): void {
  const {length} = from.point;
  const move =
    moves.length === HISTORY
      ? moves.shift()!
      : {step: new Float64Array(length), turn: new Float64Array(length), curvature: 0};
  setDifference(move.step, to.point, from.point);
  setDifference(move.turn, to.gradient, from.gradient);
  move.curvature = dot(move.step, move.turn);
  if (move.curvature > 0) moves.push(move);
}

function setDifference(difference: Float64Array, one: Float64Array, other: Float64Array): void {
  for (let axis = 0; axis < one.length; axis++) difference[axis] = one[axis]! - other[axis]!;
}

/** The two-loop recursion, algorithm 7.4. */
function setDirection(direction: Float64Array, gradient: Float64Array, moves: readonly Move[]): void {
  for (let axis = 0; axis < gradient.length; axis++) direction[axis] = -gradient[axis]!;
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
}

interface Search {
  readonly now: Evaluation;
  /** Where the search ends. */
  readonly next: Evaluation;
  readonly direction: Float64Array;
  readonly isFirst: boolean;
}

/** Moves `next` to a better point on a line. Returns false if no step lowers the value. */
function search(objective: Objective, {now, next, direction, isFirst}: Search): boolean {
  const slope = dot(now.gradient, direction);
  if (!(slope < 0)) return false;
  let [low, lowSlope, high] = [0, slope, Number.POSITIVE_INFINITY];
  // Nothing is known of the scale before the first step.
  let length = isFirst ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
  for (let trial = 0; trial < MOST_TRIALS; trial++) {
    next.point.set(now.point);
    addTo(next.point, direction, length);
    next.value = objective(next.point, next.gradient);
    if (!(next.value <= now.value + LEAST_FALL * length * slope)) {
      high = length;
    } else {
      const there = dot(next.gradient, direction);
      if (!(there < MOST_SLOPE * slope)) return true;
      const zero = length + ((length - low) * there) / (lowSlope - there);
      [low, lowSlope] = [length, there];
      length = zero > LEAST_GROWTH * low ? Math.min(zero, MOST_GROWTH * low) : LEAST_GROWTH * low;
    }
    if (high < Number.POSITIVE_INFINITY) length = (low + high) / 2;
  }
  return false;
}
