import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';

/** T: a number, or a learned scalar. */
export type Temperature = number | tf.Scalar;

/** @throws InputError if a temperature is not a number above 0 */
export function checkTemperature(temperature: number, name = 'temperature'): void {
  if (temperature > 0 && Number.isFinite(temperature)) return;
  throw new InputError(`Expected \`${name}\` to be a number above 0, got ${temperature}.`);
}

/**
 * logits / T. If T is a number, it multiplies by 1 / T, because TensorFlow's graphs turn a quotient into a product and
 * then differ in the last bit from single operations.
 */
export function softenBy(logits: tf.Tensor2D, T: Temperature): tf.Tensor2D {
  return typeof T === 'number' ? tf.mul(logits, 1 / T) : tf.div(logits, T);
}

/**
 * factor · T² · loss. Without T², gradients of a softened loss shrink as 1 / T², so the effect of a weight would depend
 * on T.
 */
export function timesSquare(loss: tf.Tensor, T: Temperature, factor = 1): tf.Scalar {
  return typeof T === 'number' ? tf.mul(loss, T * T * factor) : tf.mul(tf.mul(loss, tf.square(T)), factor);
}
