import {addTo, dot, type Vector} from '../statistics/vectors.ts';

/** Texts as the pieces that they hold, and the vectors that the rows of their pieces should add up to. */
export interface TableLesson {
  /** The columns of each text's pieces, each once. */
  readonly texts: readonly Int32Array[];
  /** [texts, width] */
  readonly vectors: Float32Array;
  /** [pieces, width], a vector of each piece by itself, on any scale. */
  readonly alone: Float32Array;
  readonly width: number;
}

/** λ: a piece is drawn to its own vector as strongly as by one text that it makes up alone. */
const PENALTY = 1;
const MOST_ITERATIONS = 100;

/**
 * The table T that minimises Σ_i ‖Σ_p T_p / sqrt(n_i) − y_i‖² + λ ‖T − s · T⁰‖², for texts i with vectors y_i and n_i pieces p
 * each: ridge regression that is drawn to the pieces' own vectors T⁰, on the scale s that fits the texts best. Rows of
 * pieces that are in no text stay at these. Solved by conjugate gradients with Jacobi's preconditioner: Saad (2003),
 * Iterative methods for sparse linear systems, algorithm 9.1.
 *
 * @param tolerance - the search ends if the residual is this share of that at the start
 * @returns float32 [pieces, width]
 */
export function fitTable(lesson: TableLesson, tolerance = 1e-2): Float32Array {
  const {alone, vectors} = lesson;
  const sums = textVectors(lesson, alone);
  const square = dot(sums, sums);
  const scale = square === 0 ? 1 : dot(sums, vectors) / square;
  const table = Float64Array.from(alone, value => value * scale);
  const misses = Float64Array.from(vectors, (value, index) => value - scale * sums[index]!);
  const residual = pieceSums(lesson, misses);
  const weights = weightsOf(lesson);
  const preconditioned = residual.map((value, index) => value / weights[index]!);
  const direction = preconditioned.slice();
  const first = dot(residual, preconditioned);
  let left = first;
  for (let iteration = 0; iteration < MOST_ITERATIONS && left > tolerance ** 2 * first; iteration++) {
    const image = pieceSums(lesson, textVectors(lesson, direction));
    addTo(image, direction, PENALTY);
    const length = left / dot(direction, image);
    addTo(table, direction, length);
    addTo(residual, image, -length);
    for (let index = 0; index < residual.length; index++) preconditioned[index] = residual[index]! / weights[index]!;
    const before = left;
    left = dot(residual, preconditioned);
    for (let index = 0; index < direction.length; index++) {
      direction[index] = preconditioned[index]! + (left / before) * direction[index]!;
    }
  }
  return Float32Array.from(table);
}

/** Σ_p T_p / sqrt(n) of each text, [texts, width]. */
export function textVectors({texts, width}: Pick<TableLesson, 'texts' | 'width'>, table: Vector): Float64Array {
  const sums = new Float64Array(texts.length * width);
  for (const [row, pieces] of texts.entries()) {
    const share = 1 / Math.sqrt(pieces.length);
    const start = row * width;
    for (const piece of pieces) {
      const own = piece * width;
      for (let axis = 0; axis < width; axis++) sums[start + axis]! += share * table[own + axis]!;
    }
  }
  return sums;
}

/** The transpose of `textVectors`: for each piece the sum over its texts, [pieces, width]. */
function pieceSums({texts, width, alone}: TableLesson, vectors: Vector): Float64Array {
  const sums = new Float64Array(alone.length);
  for (const [row, pieces] of texts.entries()) {
    const share = 1 / Math.sqrt(pieces.length);
    const start = row * width;
    for (const piece of pieces) {
      const own = piece * width;
      for (let axis = 0; axis < width; axis++) sums[own + axis]! += share * vectors[start + axis]!;
    }
  }
  return sums;
}

/** The diagonal of the system, [pieces, width]. */
function weightsOf({texts, alone, width}: TableLesson): Float64Array {
  const weights = new Float64Array(alone.length).fill(PENALTY);
  for (const pieces of texts) {
    for (const piece of pieces) {
      for (let axis = 0; axis < width; axis++) weights[piece * width + axis]! += 1 / pieces.length;
    }
  }
  return weights;
}
