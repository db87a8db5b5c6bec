import {tf} from '../tf.ts';
import {tapsOf} from './taps.ts';

/**
 * Gradient of a 2-d convolution by its filter, one matrix product a tap: what the tap met · the outputs' gradient. With
 * channels first no product transposes, and the second operand is packed once for all.
 */
export const conv2dFilterGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {x, dy} = inputs as {x: tf.Tensor4D; dy: tf.Tensor4D};
  const {strides, pad, dimRoundingMode, filterShape} = attrs as unknown as tf.Conv2DBackpropFilterAttrs;
  const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
  const {batchSize, inChannels, outChannels, filterHeight, filterWidth} = info;
  return tf.tidy(() => {
    const pixels = tf.transpose(x, [3, 0, 1, 2]);
    const gradient = tf.reshape(dy, [-1, outChannels]) as tf.Tensor2D;
    const products: tf.Tensor[] = [];
    for (const tap of tapsOf({pixels, images: inChannels * batchSize, channels: 1}, info)) {
      products.push(tf.matMul(tf.reshape(tap, [inChannels, -1]) as tf.Tensor2D, gradient));
    }
    // [columns, rows, in, out] to the filter's [rows, columns, in, out].
    const taps = tf.reshape(tf.stack(products), [filterWidth, filterHeight, inChannels, outChannels]);
    return tf.transpose(taps, [1, 0, 2, 3]);
  });
};
