import {layers, tf} from '../tf.ts';
import {channelMeans, scaleChannels} from './channels.ts';

/** What TensorFlow.js's batch normalization layer holds; its own type hides it. */
interface BatchNormalization extends layers.layers.Layer {
  readonly axis: number;
  readonly momentum: number;
  readonly epsilon: number;
  readonly gamma?: layers.LayerVariable;
  readonly beta?: layers.LayerVariable;
  readonly movingMean: layers.LayerVariable;
  readonly movingVariance: layers.LayerVariable;
}

const KERNEL = 'TrainingBatchNorm';

/**
 * Makes batch normalization layers train in a few passes over the values, forward and backward. TensorFlow.js composes both
 * of a dozen operations, slow ones among them. Layers with another axis than the last, without scale or without centre stay
 * as they are.
 */
export function fuseBatchNormalization(): void {
  tf.registerKernel({kernelName: KERNEL, backendName: 'wasm', kernelFunc: forward});
  tf.registerGradient({
    kernelName: KERNEL,
    inputsToSave: ['gamma'],
    outputsToSave: [false, true, false, true],
    gradFunc: backward,
  });
  const prototype = Object.getPrototypeOf(layers.layers.batchNormalization({})) as BatchNormalization;
  const composed = prototype.call;
  prototype.call = function (this: BatchNormalization, inputs, options) {
    const [input] = [inputs].flat();
    const isLast = this.axis === -1 || this.axis === input!.rank - 1;
    const fits = tf.getBackend() === 'wasm' && options['training'] && isLast && this.gamma && this.beta;
    return fits ? tf.tidy(() => normalize(this, input!)) : composed.call(this, inputs, options);
  };
}

/** gamma · (x − mean) / √(variance + epsilon) + beta over the batch; moves the layer's averages. */
function normalize(layer: BatchNormalization, x: tf.Tensor): tf.Tensor {
  const {gamma, beta, momentum, epsilon, movingMean, movingVariance} = layer;
  const inputs = {x, gamma: gamma!.read(), beta: beta!.read()};
  const [y, , mean, variance] = tf.engine().runKernel(KERNEL, inputs, {epsilon}) as tf.Tensor[];
  move(movingMean, mean!, momentum);
  move(movingVariance, variance!, momentum);
  return y!;
}

/** m ← m − (m − value) · (1 − momentum), as the layer's own. */
function move(average: layers.LayerVariable, value: tf.Tensor, momentum: number): void {
  const old = average.read();
  average.write(tf.sub(old, tf.mul(tf.sub(old, value), 1 - momentum)));
}

/** [y, x − mean, mean, variance] */
const forward: tf.KernelFunc = ({inputs, attrs}) => {
  const {x, gamma, beta} = inputs as {x: tf.Tensor; gamma: tf.Tensor; beta: tf.Tensor};
  return tf.tidy(() => {
    const mean = channelMeans(x);
    const centred = scaleChannels(x, tf.onesLike(mean), tf.neg(mean));
    const variance = channelMeans(tf.square(centred));
    const y = scaleChannels(centred, tf.mul(gamma, inverseDeviation(variance, attrs)), beta);
    return [y, centred, mean, variance];
  });
};

/** Through mean and variance too. Ioffe and Szegedy (2015), Batch Normalization, section 3. */
const backward: tf.GradFunc = (dys, [gamma, centred, variance], attrs) => {
  const dy = (dys as tf.Tensor[])[0]!;
  const [dx, dgamma, dbeta] = tf.tidy(() => {
    const inverse = inverseDeviation(variance!, attrs);
    const count = dy.size / inverse.size;
    const [flow, along] = [channelMeans(dy), channelMeans(tf.mul(dy, centred!))];
    const scale = tf.mul(gamma!, inverse);
    const spread = scaleChannels(centred!, tf.mul(tf.mul(scale, tf.square(inverse)), along), tf.zerosLike(along));
    const dx = tf.sub(scaleChannels(dy, scale, tf.neg(tf.mul(scale, flow))), spread);
    return [dx, tf.mul(tf.mul(along, inverse), count), tf.mul(flow, count)];
  });
  return {x: () => dx!, gamma: () => dgamma!, beta: () => dbeta!};
};

function inverseDeviation(variance: tf.Tensor, attrs: tf.NamedAttrMap | undefined): tf.Tensor {
  return tf.rsqrt(tf.add(variance, attrs!['epsilon'] as number));
}
