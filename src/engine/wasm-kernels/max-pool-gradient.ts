import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {tf} from '../tf.ts';

interface Attributes {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number;
  readonly dimRoundingMode: 'floor' | 'round' | 'ceil' | undefined;
}

/**
 * Gradient of 2-d max pooling: each window's gradient goes to its largest input, the first one on ties. The packaged
 * kernel gives none to windows whose largest input is not above 0.
 */
export const maxPoolGradient: tf.KernelFunc = ({inputs, attrs, backend}) => {
  const {dy, input} = inputs as {dy: tf.Tensor4D; input: tf.Tensor4D};
  const {filterSize, strides, pad, dimRoundingMode} = attrs as unknown as Attributes;
  const info = tf.backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
  const wasm = backend as BackendWasm;
  const dx = wasm.makeOutput(input.shape, 'float32');
  const gradient = wasm.typedArrayFromHeap(dx) as Float32Array;
  const values = wasm.typedArrayFromHeap(input) as Float32Array;
  const flow = wasm.typedArrayFromHeap(dy) as Float32Array;
  gradient.fill(0);
  const {inHeight, inWidth, outHeight, outWidth, inChannels} = info;
  for (let batch = 0; batch < info.batchSize; batch++) {
    const image = batch * inHeight * inWidth * inChannels;
    for (let row = 0; row < outHeight; row++) {
      for (let column = 0; column < outWidth; column++) {
        const window = windowAt(info, row, column);
        const out = ((batch * outHeight + row) * outWidth + column) * inChannels;
        for (let channel = 0; channel < inChannels; channel++) {
          gradient[largestIn(values, image + channel, window, info)]! += flow[out + channel]!;
        }
      }
    }
  }
  return dx;
};

/** The part of a window that lies inside the image. */
interface Window {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
}

function windowAt(info: tf.backend_util.Conv2DInfo, row: number, column: number): Window {
  const top = row * info.strideHeight - info.padInfo.top;
  const left = column * info.strideWidth - info.padInfo.left;
  return {
    top: Math.max(0, top),
    bottom: Math.min(info.inHeight, top + info.filterHeight),
    left: Math.max(0, left),
    right: Math.min(info.inWidth, left + info.filterWidth),
  };
}

/** Place of the largest value of one channel in a window. `start` is where that channel's image begins. */
function largestIn(
  values: Float32Array,
  start: number,
  {top, bottom, left, right}: Window,
  {inWidth, inChannels}: tf.backend_util.Conv2DInfo,
): number {
  let best = start + (top * inWidth + left) * inChannels;
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const place = start + (row * inWidth + column) * inChannels;
      if (values[place]! > values[best]!) best = place;
    }
  }
  return best;
}
