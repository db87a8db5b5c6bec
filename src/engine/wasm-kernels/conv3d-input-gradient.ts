import {tf} from '../tf.ts';
import {axesOf3d, inputGradient} from './input-gradient.ts';

/** Gradient of a 3-d convolution by its input, as another convolution. The packaged kernel gives wrong values. */
export const conv3dInputGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {dy, filter} = inputs as {dy: tf.Tensor5D; filter: tf.Tensor5D};
  const {strides, pad, inputShape} = attrs as unknown as tf.Conv3DBackpropInputV2Attrs;
  const info = tf.backend_util.computeConv3DInfo(inputShape, filter.shape, strides, 1, pad);
  return tf.tidy(() => {
    const reversed = tf.transpose(tf.reverse(filter, [0, 1, 2]), [0, 1, 2, 4, 3]);
    return inputGradient(dy, axesOf3d(info), spread => tf.conv3d(spread as tf.Tensor5D, reversed, 1, 'valid'));
  });
};
