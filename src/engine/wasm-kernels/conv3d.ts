import {tf} from '../tf.ts';
import {axesOf3d, inputGradient} from './input-gradient.ts';
import {tapsOf} from './taps.ts';

/** The packaged 3-d convolution is wrong for `same` with a filter shorter than its stride. Padding first is right. */
export function conv3dByExplicitPadding(packaged: tf.KernelFunc): tf.KernelFunc {
  return parameters => {
    const {x, filter} = parameters.inputs as {x: tf.Tensor5D; filter: tf.Tensor5D};
    const {strides, pad} = parameters.attrs as unknown as tf.Conv3DAttrs;
    const axes = axesOf3d(tf.backend_util.computeConv3DInfo(x.shape, filter.shape, strides, 1, pad));
    if (pad === 'valid' || axes.every(({filter, stride}) => filter >= stride)) return packaged(parameters);
    const margins = axes.map(({input, output, filter, stride, before}): [number, number] => [
      before,
      Math.max(0, (output - 1) * stride + filter - input - before),
    ]);
    const padded = tf.pad(x, [[0, 0], ...margins, [0, 0]]);
    const output = packaged({
      ...parameters,
      inputs: {...parameters.inputs, x: padded},
      attrs: {...parameters.attrs, pad: 'valid'},
    });
    padded.dispose();
    return output;
  };
}

/**
 * Gradient of a 3-d convolution by its filter: a 2-d gradient for each plane of the filter. The packaged kernel gives
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
