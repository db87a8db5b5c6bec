import {tf} from '../tf.ts';
import {channelMeans} from './channels.ts';
import {tapsOf} from './taps.ts';

/** Gradient of a depthwise convolution by its filter: a channel's sum of what a tap met · the outputs' gradient. */
export const depthwiseFilterGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {x, dy} = inputs as {x: tf.Tensor4D; dy: tf.Tensor4D};
  const {strides, pad, dimRoundingMode, filterShape} = attrs as unknown as tf.DepthwiseConv2dNativeBackpropFilterAttrs;
  const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode, true);
  const {batchSize, inChannels, outChannels, filterHeight, filterWidth} = info;
  const multiplier = outChannels / inChannels;
  return tf.tidy(() => {
    const positions = dy.size / outChannels;
    // Every channel as often as it has outputs.
    const repeated = multiplier === 1 ? x : tf.mul(tf.expandDims(x, -1), tf.ones([multiplier]));
    const means: tf.Tensor[] = [];
    for (const tap of tapsOf({pixels: repeated, images: batchSize, channels: outChannels}, info)) {
      means.push(channelMeans(tf.mul(tap, dy)));
    }
    // [columns, rows, in, multiplier] to the filter's [rows, columns, in, multiplier].
    const taps = tf.reshape(tf.stack(means), [filterWidth, filterHeight, inChannels, multiplier]);
    return tf.mul(tf.transpose(taps, [1, 0, 2, 3]), positions);
  });
};
