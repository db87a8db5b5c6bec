import {tf} from '../tf.ts';

/**
 * The packaged kernel multiplies plain operands with XNNPACK but falls back to scalar loops where one is transposed, as
 * in every gradient. Transposing first is five to ten times faster ([64, 784]ᵀ · [64, 64]: 2.5 ms against 0.5 ms).
 */
export function matMulByExplicitTranspose(packaged: tf.KernelFunc): tf.KernelFunc {
  return parameters => {
    const {transposeA, transposeB} = parameters.attrs as {transposeA: boolean; transposeB: boolean};
    const {a, b} = parameters.inputs as {a: tf.Tensor; b: tf.Tensor};
    const plain = transposeA === transposeB && !transposeA;
    if (plain || a.dtype !== 'float32' || b.dtype !== 'float32') return packaged(parameters);
    return tf.tidy(() => {
      const left = transposeA ? swapInnerAxes(a) : a;
      const right = transposeB ? swapInnerAxes(b) : b;
      return tf.matMul(left, right);
    });
  };
}

/** Kernels get bare tensor descriptions; the engine's own functions take them as they stand. */
function swapInnerAxes(tensor: tf.TensorInfo): tf.Tensor {
  const axes = tensor.shape.map((_, axis) => axis);
  const last = axes.length - 1;
  return tf.transpose(tensor as tf.Tensor, [...axes.slice(0, last - 1), last, last - 1]);
}
