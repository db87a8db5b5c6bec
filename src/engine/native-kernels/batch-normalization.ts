import {type Attributes, float32} from '../compiled/attribute.ts';
import {nativeBackend} from '../compiled/binding.ts';
import {layers, tf} from '../tf.ts';
import {execute} from './execute.ts';

/** What TensorFlow.js's batch normalization layer holds; its own type hides it. */
interface BatchNormalization extends layers.layers.Layer {
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly gamma?: LayerVariable;
  readonly beta?: LayerVariable;
  readonly movingMean: LayerVariable;
  readonly movingVariance: LayerVariable;
}

type LayerVariable = layers.LayerVariable;

const KERNEL = 'FusedBatchNormV3';

/**
 * Makes batch normalization layers train by TensorFlow's fused operations, forward and backward. TensorFlow.js composes
 * both of a dozen operations. Layers with another axis than the last, without scale or without centre stay as they are.
 */
export function fuseBatchNormalization(): void {
  tf.registerKernel({kernelName: KERNEL, backendName: 'tensorflow', kernelFunc: forward});
  tf.registerGradient({
    kernelName: KERNEL,
    inputsToSave: ['x', 'gamma'],
    outputsToSave: [false, false, false, true, true, true],
    gradFunc: backward,
  });
  const prototype = Object.getPrototypeOf(layers.layers.batchNormalization({})) as BatchNormalization;
  const composed = prototype.call;
  prototype.call = function (this: BatchNormalization, inputs, options) {
    const [input] = [inputs].flat();
    const isLast = this.axis === -1 || this.axis === input!.rank - 1;
    const fits = nativeBackend() && options['training'] && isLast && this.gamma && this.beta;
    return fits ? tf.tidy(() => normalize(this, input!)) : composed.call(this, inputs, options);
  };
}

/** gamma · (x − mean) / √(variance + epsilon) + beta over the batch; moves the layer's averages. */
function normalize(layer: BatchNormalization, input: tf.Tensor): tf.Tensor {
  const {gamma, beta, momentum, epsilon, movingMean, movingVariance} = layer;
  const channels = input.shape.at(-1)!;
  const x = input.rank === 4 ? input : tf.reshape(input, [-1, 1, 1, channels]);
  const inputs = {x, gamma: gamma!.read(), beta: beta!.read()};
  const [y, mean, variance] = tf.engine().runKernel(KERNEL, inputs, {epsilon}) as tf.Tensor[];
  // TensorFlow divides the sum of squares by one less than their count, TensorFlow.js by their count.
  const count = input.size / channels;
  move(movingMean, mean!, momentum);
  move(movingVariance, tf.mul(variance!, (count - 1) / count), momentum);
  return input.rank === 4 ? y! : tf.reshape(y!, input.shape);
}

/** m ← m − (m − value) · (1 − momentum), as the layer's own. */
function move(average: LayerVariable, value: tf.Tensor, momentum: number): void {
  const old = average.read();
  average.write(tf.sub(old, tf.mul(tf.sub(old, value), 1 - momentum)));
}

const forward: tf.KernelFunc = ({inputs: {x, gamma, beta}, attrs}) =>
  tf.tidy(() => {
    const none = tf.tensor1d([], 'float32');
    return execute(KERNEL, attributesOf(attrs), [x!, gamma!, beta!, none, none], 6);
  });

/** Through mean and variance too. */
const backward: tf.GradFunc = (dy, [x, gamma, ...reserved], attrs) => {
  const [dx, dgamma, dbeta] = tf.tidy(() => {
    const inputs = [(dy as tf.Tensor[])[0]!, x!, gamma!, ...reserved];
    return execute('FusedBatchNormGradV3', attributesOf(attrs), inputs, 5).slice(0, 3);
  });
  return {x: () => dx!, gamma: () => dgamma!, beta: () => dbeta!};
};

function attributesOf(attrs: tf.NamedAttrMap | undefined): Attributes {
  return {
    T: float32,
    U: float32,
    epsilon: {kind: 'float', value: attrs!['epsilon'] as number},
    data_format: {kind: 'string', value: 'NHWC'},
    is_training: {kind: 'bool', value: true},
  };
}
