import {tf} from '../engine/tf.ts';

/**
 * Pearson's correlation of two tensors along an axis, which it removes: Σ x̃ỹ / (‖x̃‖ ‖ỹ‖ + 1e-8), with x̃ and ỹ
 * centred. For a constant tensor it is 0, with no gradient.
 */
export function correlation(x: tf.Tensor, y: tf.Tensor, axis: number): tf.Tensor {
  const [centredX, centredY] = [centre(x, axis), centre(y, axis)];
  const norms = tf.mul(norm(centredX, axis), norm(centredY, axis));
  return tf.div(tf.sum(tf.mul(centredX, centredY), axis), tf.add(norms, 1e-8));
}

/** x minus its mean along an axis. */
export function centre<T extends tf.Tensor>(x: T, axis: number): T {
  return tf.sub(x, tf.mean(x, axis, true));
}

/** The 1e-16 keeps the gradient of a constant tensor's norm, 0 / 0, at 0. */
function norm(x: tf.Tensor, axis: number): tf.Tensor {
  return tf.sqrt(tf.add(tf.sum(tf.square(x), axis), 1e-16));
}

/** Divides each row by its length. A row of zeros is unchanged, with a finite gradient. */
export function unitRows(rows: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.sum(tf.square(rows), 1, true);
  const isZero = tf.sub(1, tf.step(tf.sub(squares, 1e-24)));
  return tf.mul(rows, tf.rsqrt(tf.add(squares, isZero)));
}
