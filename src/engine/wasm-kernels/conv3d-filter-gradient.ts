import {tf} from '../tf.ts';
import {tapsOf} from './taps.ts';

/**
 * Gradient of a 3-d convolution by its filter: one of a 2-d convolution a plane of the filter. The packaged kernel gives
 * wrong values with strides and with padding.
 */
export const conv3dFilterGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {x, dy} = inputs as {x: tf.Tensor5D; dy: tf.Tensor5D};
  const {strides, pad, filterShape} = attrs as unknown as {
    readonly strides: number | [number, number, number];
    readonly pad: 'valid' | 'same';
    readonly filterShape: [number, number, number, number, number];
  };
  const [batch, depth, height, width, channels] = x.shape;
  const [, outDepth, outHeight, outWidth, outChannels] = dy.shape;
  const [planes, ...planeShape] = filterShape;
  const [strideDepth, ...planeStrides] = typeof strides === 'number' ? [strides, strides, strides] : strides;
  const plane = height * width * channels;
  const along = tf.backend_util.computeConv2DInfo(
    [batch, depth, 1, plane],
    [planes, 1, plane, 1],
    [strideDepth, 1],
    1,
    pad,
  );
  return tf.tidy(() => {
    const gradient = tf.reshape(dy, [batch * outDepth, outHeight, outWidth, outChannels]);
    const gradients: tf.Tensor[] = [];
    for (const tap of tapsOf({pixels: x, images: batch, channels: plane}, along)) {
      const inputs = {x: tf.reshape(tap, [batch * outDepth, height, width, channels]), dy: gradient};
      const attrs = {strides: planeStrides, pad, dataFormat: 'NHWC', filterShape: planeShape};
      gradients.push(tf.engine().runKernel<tf.Tensor>('Conv2DBackpropFilter', inputs, attrs));
    }
    return tf.stack(gradients);
  });
};
