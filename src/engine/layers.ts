import {type Attribute, dataTypes, execute, float32, nativeBackend} from './compiled/binding.ts';
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

/** The fields of TensorFlow.js's dropout layers, which their own type hides. */
interface Dropout extends layers.layers.Layer {
  readonly rate: number;
  getNoiseShape(input: tf.Tensor): number[] | null | undefined;
}

/** The present source of masks, and the number of masks drawn so far. */
interface Draws {
  readonly seed: tf.Scalar;
  count: number;
}

let draws: Draws | undefined;
let isPatched = false;

/**
 * Runs a function in which dropout layers in training draw their masks from one seed. The same seed gives the same
 * masks. TensorFlow.js's own layers draw masks without a seed, or the same mask at every step.
 *
 * @param seed - int32; a tensor, so that a compiled step takes another seed without being compiled again
 */
export function withDropoutSeed<T>(seed: tf.Scalar, run: () => T): T {
  patchLayers();
  draws = {seed, count: 0};
  try {
    return run();
  } finally {
    draws = undefined;
  }
}

function patchLayers(): void {
  if (isPatched) return;
  isPatched = true;
  const prototype = Object.getPrototypeOf(layers.layers.dropout({rate: 0})) as Dropout;
  const unseeded = prototype.call;
  prototype.call = function (this: Dropout, inputs, options) {
    const [input] = [inputs].flat();
    const {rate} = this;
    if (!draws || !options['training'] || rate === 0 || rate === 1) return unseeded.call(this, inputs, options);
    return dropOut(input!, rate, this.getNoiseShape(input!) ?? input!.shape, draws);
  };
}

function dropOut(input: tf.Tensor, rate: number, shape: number[], draws: Draws): tf.Tensor {
  return tf.tidy(() => {
    const kept = tf.cast(tf.less(uniform(shape, draws), 1 - rate), 'float32');
    return tf.mul(input, tf.div(kept, 1 - rate));
  });
}

/** Numbers from 0 to 1, 1 excluded, different at each draw. */
function uniform(shape: number[], draws: Draws): tf.Tensor {
  draws.count++;
  if (nativeBackend()) {
    const int32: Attribute = {kind: 'type', value: dataTypes.int32};
    const seed = tf.stack([draws.seed, tf.scalar(draws.count, 'int32')]);
    const attributes = {dtype: float32, T: int32, Tseed: int32};
    return execute('StatelessRandomUniform', attributes, [tf.tensor1d(shape, 'int32'), seed])[0]!;
  }
  const [seed] = draws.seed.dataSync();
  // TensorFlow.js treats a seed of 0 as no seed.
  return tf.randomUniform(shape, 0, 1, 'float32', (seed! >>> 0) * 2 ** 20 + draws.count);
}
