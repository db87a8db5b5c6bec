import {layers, tf} from './tf.ts';

/** The fields of TensorFlow.js's batch normalization layer, which its own type hides. */
interface BatchNormalization extends layers.layers.Layer {
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly gamma?: layers.LayerVariable;
  readonly beta?: layers.LayerVariable;
  readonly movingMean: layers.LayerVariable;
  readonly movingVariance: layers.LayerVariable;
}

/** The inputs of a layer in training. The last axis is that of the channels. */
export interface Normalized {
  readonly x: tf.Tensor;
  readonly gamma: tf.Tensor;
  readonly beta: tf.Tensor;
  readonly epsilon: number;
}

/**
 * gamma · (x − mean) / √(variance + epsilon) + beta over the batch. The variance is the sum of squares divided by their
 * count.
 */
export type Normalize = (given: Normalized) => {
  readonly y: tf.Tensor;
  readonly mean: tf.Tensor;
  readonly variance: tf.Tensor;
};

/**
 * Replaces the training of batch normalization layers. TensorFlow.js itself composes a dozen operations. Layers with
 * another axis than the last, without scale or without centre stay as they are.
 *
 * @param backend - the backend that it applies to
 */
export function normalizeLayersBy(backend: string, normalize: Normalize): void {
  const prototype = Object.getPrototypeOf(layers.layers.batchNormalization({})) as BatchNormalization;
  const composed = prototype.call;
  prototype.call = function (this: BatchNormalization, inputs, options) {
    const [x] = [inputs].flat();
    const {axis, gamma, beta, momentum, epsilon, movingMean, movingVariance} = this;
    const isLast = axis === -1 || axis === x!.rank - 1;
    const fits = tf.getBackend() === backend && options['training'] && isLast;
    if (!fits || !gamma || !beta) return composed.call(this, inputs, options);
    return tf.tidy(() => {
      const {y, mean, variance} = normalize({x: x!, gamma: gamma.read(), beta: beta.read(), epsilon});
      move(movingMean, mean, momentum);
      move(movingVariance, variance, momentum);
      return y;
    });
  };
}

/** m ← m − (m − value) · (1 − momentum), as the layer itself does. */
function move(average: layers.LayerVariable, value: tf.Tensor, momentum: number): void {
  const old = average.read();
  average.write(tf.sub(old, tf.mul(tf.sub(old, value), 1 - momentum)));
}
