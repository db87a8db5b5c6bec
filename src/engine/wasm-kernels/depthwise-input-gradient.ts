import {tf} from '../tf.ts';
import {axesOf, inputGradient} from './input-gradient.ts';

/** Gradient of a depthwise convolution by its input, as another depthwise convolution. */
export const depthwiseInputGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {dy, filter} = inputs as {dy: tf.Tensor4D; filter: tf.Tensor4D};
  const {strides, pad, dimRoundingMode, inputShape} = attrs as unknown as tf.DepthwiseConv2dNativeBackpropInputAttrs;
  const info = tf.backend_util.computeConv2DInfo(inputShape, filter.shape, strides, 1, pad, dimRoundingMode, true);
  const [height, width, channels, multiplier] = filter.shape;
  return tf.tidy(() => {
    const reversed = tf.reshape(tf.reverse(filter, [0, 1]), [height, width, channels * multiplier, 1]) as tf.Tensor4D;
    const gradient = inputGradient(dy, axesOf(info), spread =>
      tf.depthwiseConv2d(spread as tf.Tensor4D, reversed, 1, 'valid'),
    );
    if (multiplier === 1) return gradient;
    return tf.sum(tf.reshape(gradient, [...inputShape, multiplier]), -1);
  });
};
