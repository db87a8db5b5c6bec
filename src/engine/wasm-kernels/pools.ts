import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {tf} from '../tf.ts';
import {axesOf, axesOf3d, type ConvolvedAxis, inputGradient} from './input-gradient.ts';

/**
 * Gradient of 2-d average pooling: each window's gradient is divided among its pixels inside the image. The packaged
 * kernel also counts those outside.
 */
export const averagePoolGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {dy, input} = inputs as {dy: tf.Tensor4D; input: tf.Tensor4D};
  const {filterSize, strides, pad} = attrs as unknown as tf.AvgPoolGradAttrs;
  const axes = axesOf(tf.backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad));
  return tf.tidy(() =>
    inputGradient(shares(dy, axes), axes, spread => tf.avgPool(spread as tf.Tensor4D, filterSize, 1, 'valid')),
  );
};

/** Gradient of 3-d average pooling, like the 2-d one. */
export const averagePool3dGradient: tf.KernelFunc = ({inputs, attrs}) => {
  const {dy, input} = inputs as {dy: tf.Tensor5D; input: tf.Tensor5D};
  const {filterSize, strides, pad, dimRoundingMode} = attrs as unknown as tf.AvgPool3DGradAttrs;
  const info = tf.backend_util.computePool3DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
  const axes = axesOf3d(info);
  return tf.tidy(() =>
    inputGradient(shares(dy, axes), axes, spread => tf.avgPool3d(spread as tf.Tensor5D, filterSize, 1, 'valid')),
  );
};

/** The share of a window's gradient for each of its pixels, times the number of pixels of a whole window. */
function shares(dy: tf.Tensor, axes: readonly ConvolvedAxis[]): tf.Tensor {
  return axes.reduce((gradient, {input, output: outputs, filter, stride, before}, axis) => {
    const factors = Array.from({length: outputs}, (_, output) => {
      const start = output * stride - before;
      return filter / (Math.min(input, start + filter) - Math.max(0, start));
    });
    if (factors.every(factor => factor === 1)) return gradient;
    const shape = dy.shape.map((_, index) => (index === axis + 1 ? outputs : 1));
    return tf.mul(gradient, tf.tensor(factors, shape));
  }, dy);
}

/**
 * Gradient of 2-d max pooling: each window's gradient goes to its largest input, the first one on ties. The packaged
 * kernel gives none to windows whose largest input is not above 0.
 */
export const maxPoolGradient: tf.KernelFunc = ({inputs, attrs, backend}) => {
  const {dy, input} = inputs as {dy: tf.Tensor4D; input: tf.Tensor4D};
  const {filterSize, strides, pad, dimRoundingMode} = attrs as unknown as tf.MaxPoolGradAttrs;
  const info = tf.backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
  const depth = {input: 1, output: 1, filter: 1, stride: 1, before: 0};
  return gradientOf(dy, input, [depth, ...axesOf(info)], backend as BackendWasm);
};

/** Gradient of 3-d max pooling, like the 2-d one. The packaged kernel gives it to a wrong pixel in the same windows. */
export const maxPool3dGradient: tf.KernelFunc = ({inputs, attrs, backend}) => {
  const {dy, input} = inputs as {dy: tf.Tensor5D; input: tf.Tensor5D};
  const {filterSize, strides, pad, dimRoundingMode} = attrs as unknown as tf.MaxPool3DGradAttrs;
  const info = tf.backend_util.computePool3DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
  return gradientOf(dy, input, axesOf3d(info), backend as BackendWasm);
};

function gradientOf(dy: tf.Tensor, input: tf.Tensor, axes: readonly ConvolvedAxis[], wasm: BackendWasm): tf.TensorInfo {
  const dx = wasm.makeOutput(input.shape, 'float32');
  const gradient = wasm.typedArrayFromHeap(dx) as Float32Array;
  const values = wasm.typedArrayFromHeap(input) as Float32Array;
  const flow = wasm.typedArrayFromHeap(dy) as Float32Array;
  gradient.fill(0);
  const channels = input.shape.at(-1)!;
  let out = 0;
  for (const indices of windows(axes, input.shape[0]!, channels)) {
    for (let channel = 0; channel < channels; channel++) {
      let best = indices[0]! + channel;
      let largest = values[best]!;
      for (let index = 1; index < indices.length; index++) {
        const position = indices[index]! + channel;
        const value = values[position]!;
        if (value > largest) {
          largest = value;
          best = position;
        }
      }
      gradient[best]! += flow[out++]!;
    }
  }
  return dx;
}

/** Indices of each window's pixels inside its image. The same array is refilled for each window. */
function* windows(axes: readonly ConvolvedAxis[], images: number, channels: number): Generator<readonly number[]> {
  const [depths, rows, columns] = axes.map(rangesAlong) as [Range[], Range[], Range[]];
  const [depth, height, width] = axes.map(({input}) => input) as [number, number, number];
  const indices: number[] = [];
  for (let image = 0; image < images; image++) {
    for (const [front, back] of depths) {
      for (const [top, bottom] of rows) {
        for (const [left, right] of columns) {
          indices.length = 0;
          for (let plane = front; plane < back; plane++) {
            for (let row = top; row < bottom; row++) {
              const line = ((image * depth + plane) * height + row) * width;
              for (let column = left; column < right; column++) indices.push((line + column) * channels);
            }
          }
          yield indices;
        }
      }
    }
  }
}

type Range = readonly [start: number, end: number];

/** The parts of the windows along an axis that lie inside of the image. */
function rangesAlong({input, filter, stride, before, output: outputs}: ConvolvedAxis): Range[] {
  return Array.from({length: outputs}, (_, output) => {
    const start = output * stride - before;
    return [Math.max(0, start), Math.min(input, start + filter)];
  });
}

/**
 * 3-d pooling: over height and width, then over depth. The packaged kernels are wrong for windows whose largest value
 * is not above 0, and for `same` with a window shorter than its stride.
 */
export function pool3d(pool: typeof tf.maxPool | typeof tf.avgPool): tf.KernelFunc {
  return ({inputs, attrs}) => {
    const {x} = inputs as {x: tf.Tensor5D};
    const {filterSize, strides, pad, dimRoundingMode} = attrs as unknown as tf.MaxPool3DAttrs;
    const [batch, depth, height, width, channels] = x.shape;
    const info = tf.backend_util.computePool3DInfo(x.shape, filterSize, strides, 1, pad, dimRoundingMode);
    const {filterDepth, filterHeight, filterWidth, strideDepth, strideHeight, strideWidth} = info;
    return tf.tidy(() => {
      const images = tf.reshape(x, [batch * depth, height, width, channels]) as tf.Tensor4D;
      const planes = pool(images, [filterHeight, filterWidth], [strideHeight, strideWidth], pad, dimRoundingMode);
      const columns = tf.reshape(planes, [batch, depth, info.outHeight * info.outWidth, channels]) as tf.Tensor4D;
      const pooled = pool(columns, [filterDepth, 1], [strideDepth, 1], depthPadding(pad), dimRoundingMode);
      return tf.reshape(pooled, info.outShape);
    });
  };
}

/** Numeric padding is for every axis, but the second pooling has one axis that is already pooled. */
function depthPadding(pad: tf.MaxPool3DAttrs['pad']): 'valid' | 'same' | tf.backend_util.ExplicitPadding {
  if (typeof pad === 'string') return pad;
  return [
    [0, 0],
    [pad, pad],
    [0, 0],
    [0, 0],
  ];
}
