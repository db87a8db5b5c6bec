import {tf} from '../tf.ts';
import {axesOf, axesOf3d, inputGradient} from './input-gradient.ts';
import {tapsOf} from './taps.ts';

interface Attributes {
  readonly strides: number | [number, number];
  /** Null if a depthwise layer has none. */
  readonly dilations: number | [number, number] | null;
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode: 'floor' | 'round' | 'ceil' | undefined;
}

/**
 * The packaged convolution is wrong for padding `same` with a filter shorter than its stride along one axis only, and
 * writes out of bounds for some numeric paddings. Padding the input first and convolving without padding is always
 * right.
 *
 * @param packaged - the kernel of a plain, fused or depthwise 2-d convolution
 */
export function conv2dByExplicitPadding(packaged: tf.KernelFunc): tf.KernelFunc {
  return parameters => {
    const {x, filter} = parameters.inputs as {x: tf.Tensor4D; filter: tf.Tensor4D};
    const {strides, dilations, pad, dimRoundingMode} = parameters.attrs as unknown as Attributes;
    const info = tf.backend_util.computeConv2DInfo(
      x.shape,
      filter.shape,
      strides,
      dilations ?? 1,
      pad,
      dimRoundingMode,
    );
    const short = info.filterHeight < info.strideHeight || info.filterWidth < info.strideWidth;
    if (pad === 'valid' || (pad === 'same' && !short)) return packaged(parameters);
    const {top, bottom, left, right} = info.padInfo;
    const padded = tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
    const output = packaged({
      ...parameters,
      inputs: {...parameters.inputs, x: padded},
      attrs: {...parameters.attrs, pad: 'valid', dimRoundingMode: 'floor'},
    });
    padded.dispose();
    return output;
  };
}

/**
 * Gradient of a 2-d convolution by its filter, one matrix product per tap: inputs of the tap · the outputs' gradient.
 * With channels first no product transposes, and the second operand is packed once for all.
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

/**
 * Gradient of a depthwise convolution by its filter: per channel, the sum of inputs of a tap · the outputs' gradient.
 */
export const depthwiseFilterGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {x, dy} = inputs as {x: tf.Tensor4D; dy: tf.Tensor4D};
  const {strides, pad, dimRoundingMode, filterShape} = attrs as unknown as tf.DepthwiseConv2dNativeBackpropFilterAttrs;
  const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode, true);
  const {batchSize, inChannels, outChannels, filterHeight, filterWidth} = info;
  const multiplier = outChannels / inChannels;
  return tf.tidy(() => {
    const positions = dy.size / outChannels;
    // Repeats every channel once for each of its outputs.
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

/**
 * Means over all axes but the last, by average pooling: [channels]. The packaged sums transpose first and add in scalar
 * loops ([64, 32, 32, 16]: 3 ms against 0.3 ms).
 */
export function channelMeans(x: tf.Tensor): tf.Tensor1D {
  const [batch, channels] = [x.shape[0]!, x.shape.at(-1)!];
  const positions = x.size / (batch * channels);
  return tf.tidy(() => {
    const ofImages = meanOver(positions, tf.reshape(x, [batch, positions, 1, channels]));
    return tf.reshape(meanOver(batch, tf.reshape(ofImages, [1, batch, 1, channels])), [channels]);
  });
}

function meanOver(length: number, x: tf.Tensor4D): tf.Tensor4D {
  return length === 1 ? x : tf.avgPool(x, [length, 1], 1, 'valid');
}

/**
 * scale · x + shift, both [channels]. The engine computes it as a convolution of single pixels, in one pass over the
 * values.
 */
export function scaleChannels(x: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor): tf.Tensor {
  const channels = x.shape.at(-1)!;
  return tf.tidy(() => {
    const inputs = {
      x: tf.reshape(x, [1, -1, 1, channels]),
      filter: tf.reshape(scale, [1, 1, channels, 1]),
      bias: tf.reshape(shift, [channels]),
    };
    const attrs = {strides: 1, pad: 'valid', dataFormat: 'NHWC', dilations: 1, activation: 'linear'};
    return tf.reshape(tf.engine().runKernel<tf.Tensor>('FusedDepthwiseConv2D', inputs, attrs), x.shape);
  });
}
