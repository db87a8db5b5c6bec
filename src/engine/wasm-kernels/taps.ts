import type {BackendWasm} from '@tensorflow/tfjs-backend-wasm';
import {tf} from '../tf.ts';

/** Images of one size in a tensor: [images, height, width, channels], whatever its formal shape is. */
export interface Images {
  readonly pixels: tf.Tensor;
  readonly images: number;
  readonly channels: number;
}

/**
 * The inputs of each tap of a filter in a convolution over images: [images, out height, out width, channels], column by
 * column of the filter. The same tensor is refilled for each, so use one before the next.
 */
export function* tapsOf({pixels, images, channels}: Images, info: tf.backend_util.Conv2DInfo): Generator<tf.Tensor> {
  const {inHeight, outHeight, outWidth, filterHeight, filterWidth, strideHeight, strideWidth, padInfo} = info;
  const across = {
    outer: images * inHeight,
    length: info.inWidth,
    outputs: outWidth,
    inner: channels,
    stride: strideWidth,
  };
  const down = {
    outer: images,
    length: inHeight,
    outputs: outHeight,
    inner: outWidth * channels,
    stride: strideHeight,
  };
  const strip = tf.zeros([images, inHeight, outWidth, channels]);
  const tap = tf.zeros([images, outHeight, outWidth, channels]);
  for (let column = 0; column < filterWidth; column++) {
    shift(pixels, strip, {...across, offset: column - padInfo.left});
    for (let row = 0; row < filterHeight; row++) {
      shift(strip, tap, {...down, offset: row - padInfo.top});
      yield tap;
    }
  }
}

/** One axis of a tensor seen as [outer, length, inner], and the values to take along it. */
interface Shift {
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
  /** Number of values to take, the position of the first, and the distance between them. */
  readonly outputs: number;
  readonly offset: number;
  readonly stride: number;
}

/** Takes values along an axis, and zeros outside it: [outer, outputs, inner]. */
function shift(from: tf.Tensor, to: tf.Tensor, {outer, length, inner, outputs, offset, stride}: Shift): void {
  const {heap, indices} = onHeap(from, to);
  const [source, target] = indices as [number, number];
  const first = Math.max(0, Math.ceil(-offset / stride));
  const end = Math.min(outputs, Math.floor((length - 1 - offset) / stride) + 1);
  if (first > 0 || end < outputs) heap.fill(0, target, target + to.size);
  for (let row = 0; row < outer; row++) {
    const here = source + (row * length + first * stride + offset) * inner;
    const there = target + (row * outputs + first) * inner;
    if (stride === 1) heap.copyWithin(there, here, here + (end - first) * inner);
    else copyStrided(heap, here, there, {count: end - first, inner, stride});
  }
}

function copyStrided(
  heap: Float32Array,
  from: number,
  to: number,
  {count, inner, stride}: {readonly count: number; readonly inner: number; readonly stride: number},
): void {
  for (let position = 0; position < count; position++) {
    const [here, there] = [from + position * stride * inner, to + position * inner];
    for (let index = 0; index < inner; index++) heap[there + index] = heap[here + index]!;
  }
}

/** The engine's memory, and the indices of tensors in it. Valid until the engine next allocates memory. */
function onHeap(...tensors: tf.Tensor[]): {readonly heap: Float32Array; readonly indices: number[]} {
  const backend = tf.backend() as BackendWasm;
  const arrays = tensors.map(tensor => backend.typedArrayFromHeap(tensor));
  return {heap: new Float32Array(arrays[0]!.buffer), indices: arrays.map(({byteOffset}) => byteOffset / 4)};
}
