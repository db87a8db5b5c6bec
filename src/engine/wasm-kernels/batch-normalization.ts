import {type Normalize, normalizeLayersBy} from '../batch-normalization.ts';
import {tf} from '../tf.ts';
import {channelMeans, scaleChannels} from './channels.ts';

const KERNEL = 'TrainingBatchNorm';

/** Makes batch normalization layers train in a few passes over the values, forward and backward. */
export function fuseBatchNormalization(): void {
  tf.registerKernel({kernelName: KERNEL, backendName: 'wasm', kernelFunc: forward});
  tf.registerGradient({
    kernelName: KERNEL,
    inputsToSave: ['gamma'],
    outputsToSave: [false, true, false, true],
    gradFunc: backward,
  });
  normalizeLayersBy('wasm', normalize);
}

const normalize: Normalize = ({x, gamma, beta, epsilon}) => {
  const [y, , mean, variance] = tf.engine().runKernel(KERNEL, {x, gamma, beta}, {epsilon}) as tf.Tensor[];
  return {y: y!, mean: mean!, variance: variance!};
};

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

/** The gradient also goes through mean and variance. Ioffe and Szegedy (2015), Batch Normalization, section 3. */
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

/**
 * Batch normalization by known averages of channels, as one scale and shift. The packaged kernel is a scalar loop
 * ([64, 32, 32, 16]: 3.6 ms against 0.4 ms).
 */
export function normalizeByScale(packaged: tf.KernelFunc): tf.KernelFunc {
  return parameters => {
    const {x, mean, variance, scale, offset} = parameters.inputs as Record<string, tf.Tensor>;
    const {varianceEpsilon} = parameters.attrs as unknown as tf.FusedBatchNormAttrs;
    if (mean!.shape.length !== 1 || !scale || !offset) return packaged(parameters);
    return tf.tidy(() => {
      const factor = tf.mul(scale, tf.rsqrt(tf.add(variance!, varianceEpsilon)));
      return scaleChannels(x!, factor, tf.sub(offset, tf.mul(mean!, factor)));
    });
  };
}
