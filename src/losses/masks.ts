import {tf} from '../engine/tf.ts';

/** Far below any logit, yet finite: exp gives 0, and 0 times it is 0 and not NaN. */
const NEVER = -1e9;

/**
 * Leaves the classes of a mask as they are and takes every other out of the softmax.
 *
 * @param mask - [batch, classes], 1 for the classes that stay, else 0
 */
export function onlyClasses(logits: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
  return withoutClasses(logits, tf.sub(1, mask));
}

/** Takes the classes of a mask out of the softmax. */
export function withoutClasses(logits: tf.Tensor2D, mask: tf.Tensor2D): tf.Tensor2D {
  return tf.add(logits, tf.mul(mask, NEVER));
}

/** 1 at each row's label, else 0. [batch, classes] */
export function labelMask(labels: tf.Tensor1D, classes: number): tf.Tensor2D {
  return tf.cast(tf.oneHot(labels, classes), 'float32') as tf.Tensor2D;
}
