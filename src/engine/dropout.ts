import {type Attribute, dataTypes, float32, nativeBackend} from './compiled/binding.ts';
import {execute} from './native-kernels/execute.ts';
import {layers, tf} from './tf.ts';

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
