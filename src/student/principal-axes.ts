import {randomNormals, seededRandom} from '../data/random.ts';
import {tf, valuesOf} from '../engine/tf.ts';
import {dot} from '../statistics/vectors.ts';

/** The mean of rows, and orthonormal axes along which they vary most. */
export interface PrincipalAxes {
  /** [width] */
  readonly mean: Float32Array;
  /** [width, count], an axis in each column. */
  readonly axes: Float32Array;
  readonly count: number;
}

/** Rounds of the iteration. Each brings the axes closer to the principal components, by the ratio of the variances. */
const ROUNDS = 8;

/**
 * Axes that span nearly the same space as the first principal components, by subspace iteration: Halko, Martinsson and
 * Tropp (2011), Finding structure with randomness, algorithm 4.4. They are in no order within that space.
 *
 * @param rows - [rows, width]
 * @param count - number of axes, at most `width`
 */
export function principalAxes(rows: Float32Array, width: number, count: number): PrincipalAxes {
  const asTensor = (): tf.Tensor2D => tf.tensor2d(rows, [rows.length / width, width]);
  const mean = valuesOf(() => tf.mean(asTensor(), 0));
  const covariance = valuesOf(() => {
    const centred = tf.sub<tf.Tensor2D>(asTensor(), tf.tensor1d(mean));
    return tf.matMul(centred, centred, true);
  });
  let axes = orthonormal(randomNormals(seededRandom(0, 'principal axes'), width * count), count);
  for (let round = 0; round < ROUNDS; round++) axes = orthonormal(product(covariance, axes, width), count);
  return {mean, axes, count};
}

/** The coordinates of each row along the axes, float32 [rows, count]. */
export function alongAxes(rows: Float32Array, {mean, axes}: PrincipalAxes): Float32Array {
  return product(rows, axes, mean.length, mean);
}

/** [rows, width] less a row, times [width, count]. */
function product(rows: Float32Array, columns: Float32Array, width: number, less?: Float32Array): Float32Array {
  return valuesOf(() => {
    const values = tf.tensor2d(rows, [rows.length / width, width]);
    const taken = less ? tf.sub<tf.Tensor2D>(values, tf.tensor1d(less)) : values;
    return tf.matMul(taken, tf.tensor2d(columns, [width, columns.length / width]));
  });
}

/** Gram and Schmidt's process on columns, each against those before it as they are by then. */
function orthonormal(columns: ArrayLike<number>, count: number): Float32Array {
  const width = columns.length / count;
  const made: Float64Array[] = [];
  for (let column = 0; column < count; column++) {
    const vector = Float64Array.from({length: width}, (_, row) => columns[row * count + column]!);
    for (const axis of made) {
      const along = dot(vector, axis);
      for (let row = 0; row < width; row++) vector[row]! -= along * axis[row]!;
    }
    const length = Math.sqrt(dot(vector, vector));
    made.push(length === 0 ? vector : vector.map(value => value / length));
  }
  return Float32Array.from({length: columns.length}, (_, index) => made[index % count]![Math.floor(index / count)]!);
}
