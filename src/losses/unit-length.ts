import {tf} from '../engine/tf.ts';

/** Divides each row by its length. A row of zeros is unchanged, with a finite gradient. */
export function unitRows(rows: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.sum(tf.square(rows), 1, true);
  const isZero = tf.sub(1, tf.step(tf.sub(squares, 1e-24)));
  return tf.mul(rows, tf.rsqrt(tf.add(squares, isZero)));
}
