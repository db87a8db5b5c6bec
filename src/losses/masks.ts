import {tf} from '../engine/tf.ts';

/** Far below any logit, but finite: exp of it is 0, and 0 times it is 0 and not NaN. */
export const NEVER = -1e9;

/**
 * Keeps the classes of a mask and removes all others from the softmax.
 *
 * @param mask - [batch, classes], 1 for the classes to keep, else 0
 */
export function onlyClasses(logits: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
  return withoutClasses(logits, tf.sub(1, mask));
}

/** Removes the classes of a mask from the softmax. */
export function withoutClasses(logits: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
  return tf.add(logits, tf.mul(mask, NEVER));
}

/** [batch, classes]: 1 at each row's label, else 0. */
export function labelMask(labels: tf.Tensor1D, classes: number): tf.Tensor2D {
  return tf.cast(tf.oneHot(labels, classes), 'float32') as tf.Tensor2D;
}
