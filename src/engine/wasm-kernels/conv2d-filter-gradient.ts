import {tf} from '../tf.ts';

interface Attributes {
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode: 'floor' | 'round' | 'ceil' | undefined;
  readonly filterShape: [number, number, number, number];
}

/**
 * Gradient of a 2-d convolution by its filter, one matrix product a kernel tap: for tap (i, j), dyᵀ · x shifted by
 * (i, j). The outputs' gradient is transposed once; the shifted inputs never are.
 */
export const conv2dFilterGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {x, dy} = inputs as {x: tf.Tensor4D; dy: tf.Tensor4D};
  const {strides, pad, dimRoundingMode, filterShape} = attrs as unknown as Attributes;
  const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
  const {batchSize, outHeight, outWidth, inChannels, outChannels, filterHeight, filterWidth} = info;
  const positions = batchSize * outHeight * outWidth;
  return tf.tidy(() => {
    const padded = padInput(x, info);
    const gradient = tf.transpose(tf.reshape(dy, [positions, outChannels]));
    const taps: tf.Tensor[] = [];
    for (let row = 0; row < filterHeight; row++) {
      for (let column = 0; column < filterWidth; column++) {
        const shifted = shiftedInput(padded, row, column, info);
        taps.push(tf.matMul(gradient, tf.reshape(shifted, [positions, inChannels]) as tf.Tensor2D));
      }
    }
    // [taps, out, in] to the filter's [height, width, in, out].
    const stacked = tf.transpose(tf.stack(taps), [0, 2, 1]);
    return tf.reshape(stacked, filterShape);
  });
};

function padInput(
  x: tf.Tensor4D,
  {padInfo, strideHeight, strideWidth, ...info}: tf.backend_util.Conv2DInfo,
): tf.Tensor4D {
  const {top, left} = padInfo;
  // Every tap must find a full window: room for the last one to the right and below, where strides leave it short.
  const bottom = Math.max(0, (info.outHeight - 1) * strideHeight + info.filterHeight - info.inHeight - top);
  const right = Math.max(0, (info.outWidth - 1) * strideWidth + info.filterWidth - info.inWidth - left);
  if (top === 0 && left === 0 && bottom === 0 && right === 0) return x;
  return tf.pad(x, [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ]);
}

function shiftedInput(x: tf.Tensor4D, row: number, column: number, info: tf.backend_util.Conv2DInfo): tf.Tensor {
  const {batchSize, outHeight, outWidth, inChannels, strideHeight, strideWidth} = info;
  if (strideHeight === 1 && strideWidth === 1) {
    return tf.slice(x, [0, row, column, 0], [batchSize, outHeight, outWidth, inChannels]);
  }
  const end = [
    batchSize,
    row + (outHeight - 1) * strideHeight + 1,
    column + (outWidth - 1) * strideWidth + 1,
    inChannels,
  ];
  return tf.stridedSlice(x, [0, row, column, 0], end, [1, strideHeight, strideWidth, 1]);
}
