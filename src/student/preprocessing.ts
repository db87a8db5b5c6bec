import {tf} from '../engine/tf.ts';

/** Turns raw inputs into a model's inputs: (value * scale - mean) / deviation. */
export interface Preprocessing {
  /**
   * Factor for every raw value, for example 1 / 255 for pixels of one byte.
   *
   * @default 1
   */
  readonly scale?: number;
  /**
   * Subtracted after scaling: one number, or one for each channel (the last dimension).
   *
   * @default 0
   */
  readonly mean?: number | readonly number[];
  /**
   * Divides after the mean is subtracted: one number, or one for each channel.
   *
   * @default 1
   */
  readonly deviation?: number | readonly number[];
}

/** Applies preprocessing to a batch of raw values [batch, ...shape], as 32-bit floats. */
export function preprocess(raw: tf.Tensor, {scale = 1, mean = 0, deviation = 1}: Preprocessing): tf.Tensor {
  return tf.tidy(() => {
    let values = raw.dtype === 'float32' ? raw : tf.cast(raw, 'float32');
    if (scale !== 1) values = tf.mul(values, scale);
    if (mean !== 0) values = tf.sub(values, channels(mean));
    if (deviation !== 1) values = tf.div(values, channels(deviation));
    return values === raw ? tf.clone(raw) : values;
  });
}

function channels(values: number | readonly number[]): tf.Tensor {
  return typeof values === 'number' ? tf.scalar(values) : tf.tensor1d([...values]);
}
