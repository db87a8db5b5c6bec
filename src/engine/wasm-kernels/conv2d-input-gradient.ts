import {tf} from '../tf.ts';
import {axesOf, inputGradient} from './input-gradient.ts';

/**
 * Gradient of a 2-d convolution by its input, as another convolution. The packaged kernel's scalar loops are two to ten
 * times slower; the order of additions is the same.
 */
export const conv2dInputGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {dy, filter} = inputs as {dy: tf.Tensor4D; filter: tf.Tensor4D};
  const {strides, pad, dimRoundingMode, inputShape} = attrs as unknown as tf.Conv2DBackpropInputAttrs;
  const info = tf.backend_util.computeConv2DInfo(inputShape, filter.shape, strides, 1, pad, dimRoundingMode);
  return tf.tidy(() => {
    const reversed = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
    return inputGradient(dy, axesOf(info), spread => tf.conv2d(spread as tf.Tensor4D, reversed, 1, 'valid'));
  });
};
