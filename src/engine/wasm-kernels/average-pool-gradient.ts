import {tf} from '../tf.ts';
import {axesOf, axesOf3d, type ConvolvedAxis, inputGradient} from './input-gradient.ts';

/**
 * Gradient of 2-d average pooling: each window's gradient is shared among its places inside the image. The packaged kernel
 * counts those outside, too.
 */
export const averagePoolGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {dy, input} = inputs as {dy: tf.Tensor4D; input: tf.Tensor4D};
  const {filterSize, strides, pad} = attrs as unknown as tf.AvgPoolGradAttrs;
  const axes = axesOf(tf.backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad));
  return tf.tidy(() =>
    inputGradient(shares(dy, axes), axes, spread => tf.avgPool(spread as tf.Tensor4D, filterSize, 1, 'valid')),
  );
};

/** Gradient of 3-d average pooling, as that of 2-d. */
export const averagePool3dGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {dy, input} = inputs as {dy: tf.Tensor5D; input: tf.Tensor5D};
  const {filterSize, strides, pad, dimRoundingMode} = attrs as unknown as tf.AvgPool3DGradAttrs;
  const info = tf.backend_util.computePool3DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
  const axes = axesOf3d(info);
  return tf.tidy(() =>
    inputGradient(shares(dy, axes), axes, spread => tf.avgPool3d(spread as tf.Tensor5D, filterSize, 1, 'valid')),
  );
};

/** What a window gives to each of its places, times the places of a whole window. */
function shares(dy: tf.Tensor, axes: readonly ConvolvedAxis[]): tf.Tensor {
  return axes.reduce((gradient, {input, output: outputs, filter, stride, before}, axis) => {
    const factors = Array.from({length: outputs}, (_, output) => {
      const start = output * stride - before;
      return filter / (Math.min(input, start + filter) - Math.max(0, start));
    });
    if (factors.every(factor => factor === 1)) return gradient;
    const shape = dy.shape.map((_, place) => (place === axis + 1 ? outputs : 1));
    return tf.mul(gradient, tf.tensor(factors, shape));
  }, dy);
}
