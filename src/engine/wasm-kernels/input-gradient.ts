import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {tf} from '../tf.ts';

/** The geometry of a convolution along one axis of its images. */
export interface ConvolvedAxis {
  /** Lengths of the input, of the output and of the filter. */
  readonly input: number;
  readonly output: number;
  readonly filter: number;
  readonly stride: number;
  /** Zeros before the input's first value. */
  readonly before: number;
}

/**
 * Gradient of a convolution by its input: a convolution with the reversed filter and no strides over the outputs'
 * gradient, with zeros between and around its values.
 *
 * @param dy - [batch, ...outputs, channels]
 * @param axes - the axes of the images
 * @param convolve - convolves with the reversed filter, stride 1, without padding
 */
export function inputGradient(
  dy: tf.Tensor,
  axes: readonly ConvolvedAxis[],
  convolve: (spread: tf.Tensor) => tf.Tensor,
): tf.Tensor {
  const margins = axes.map(
    ({input, output, filter, stride, before}) =>
      [filter - 1 - before, input + before - ((output - 1) * stride + 1)] as const,
  );
  const apart = axes.reduce((values, {stride}, axis) => setApart(values, axis + 1, stride), dy);
  const padding = margins.map(margin => margin.map(zeros => Math.max(0, zeros)) as [number, number]);
  const gradient = convolve(tf.pad(apart, [[0, 0], ...padding, [0, 0]]));
  // Padding wider than the filter makes outputs that no input reaches.
  const surplus = margins.map(([before]) => Math.max(0, -before));
  const inputs = axes.map(({input}) => input);
  if (inputs.every((length, axis) => length === gradient.shape[axis + 1])) return gradient;
  return tf.slice(gradient, [0, ...surplus, 0], [dy.shape[0]!, ...inputs, gradient.shape.at(-1)!]);
}

/** Puts zeros between the values along an axis, so that they are `stride` positions apart. */
function setApart(x: tf.Tensor, axis: number, stride: number): tf.Tensor {
  const length = x.shape[axis]!;
  if (stride === 1 || length === 1) return x;
  const outer = tf.util.sizeFromShape(x.shape.slice(0, axis));
  const inner = tf.util.sizeFromShape(x.shape.slice(axis + 1));
  const spread = (length - 1) * stride + 1;
  const apart = tf.zeros([...x.shape.slice(0, axis), spread, ...x.shape.slice(axis + 1)]);
  const backend = tf.backend() as BackendWasm;
  const from = backend.typedArrayFromHeap(x) as Float32Array;
  const to = backend.typedArrayFromHeap(apart) as Float32Array;
  for (let row = 0; row < outer; row++) {
    for (let index = 0; index < length; index++) {
      const start = (row * length + index) * inner;
      to.set(from.subarray(start, start + inner), (row * spread + index * stride) * inner);
    }
  }
  return apart;
}

/** The two axes of a 2-d convolution. */
export function axesOf(info: tf.backend_util.Conv2DInfo): ConvolvedAxis[] {
  const {padInfo, inHeight, inWidth, filterHeight, filterWidth, strideHeight, strideWidth} = info;
  return [
    {input: inHeight, output: info.outHeight, filter: filterHeight, stride: strideHeight, before: padInfo.top},
    {input: inWidth, output: info.outWidth, filter: filterWidth, stride: strideWidth, before: padInfo.left},
  ];
}

/** The three axes of a 3-d convolution. */
export function axesOf3d(info: tf.backend_util.Conv3DInfo): ConvolvedAxis[] {
  const {padInfo} = info;
  // TensorFlow.js computes a negative padding for `same` with a filter shorter than its stride.
  return [
    {
      input: info.inDepth,
      output: info.outDepth,
      filter: info.filterDepth,
      stride: info.strideDepth,
      before: Math.max(0, padInfo.front),
    },
    {
      input: info.inHeight,
      output: info.outHeight,
      filter: info.filterHeight,
      stride: info.strideHeight,
      before: Math.max(0, padInfo.top),
    },
    {
      input: info.inWidth,
      output: info.outWidth,
      filter: info.filterWidth,
      stride: info.strideWidth,
      before: Math.max(0, padInfo.left),
    },
  ];
}
