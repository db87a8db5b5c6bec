import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';

/** T: a number, or a scalar that is learned. */
export type Temperature = number | tf.Scalar;

/** Refuses a temperature that no softmax can have. */
export function checkTemperature(temperature: number, name = 'temperature'): void {
  if (temperature > 0 && Number.isFinite(temperature)) return;
  throw new InputError(`Expected \`${name}\` to be a number above 0, got ${temperature}.`);
}

/**
 * logits / T. By a product where T is a number: a graph of TensorFlow's makes one of a quotient, and then differs in the
 * last bit from operations run one by one.
 */
export function softenBy(logits: tf.Tensor2D, T: Temperature): tf.Tensor2D {
  return typeof T === 'number' ? tf.mul(logits, 1 / T) : tf.div(logits, T);
}

/**
 * factor · T² · loss. Gradients of a softened loss shrink as 1 / T² without it, so a weight would mean another thing at
 * each T.
 */
export function timesSquare(loss: tf.Tensor, T: Temperature, factor = 1): tf.Scalar {
  return typeof T === 'number' ? tf.mul(loss, T * T * factor) : tf.mul(tf.mul(loss, tf.square(T)), factor);
}
