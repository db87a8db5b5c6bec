import {float32} from '../compiled/attribute.ts';
import {tf} from '../tf.ts';
import {execute} from './execute.ts';

/**
 * The product of two matrices by TensorFlow's operation for two matrices; TensorFlow.js takes the one for batches of
 * them, which is slower by a seventh to a half and is not fused with what comes after it.
 */
export function matMulOfMatrices(packaged: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const {a, b} = params.inputs as {a: tf.Tensor; b: tf.Tensor};
    const {transposeA, transposeB} = params.attrs as unknown as tf.BatchMatMulAttrs;
    if (!isMatrix(a) || !isMatrix(b)) return packaged(params);
    const attributes = {
      T: float32,
      transpose_a: {kind: 'bool', value: transposeA},
      transpose_b: {kind: 'bool', value: transposeB},
    } as const;
    return tf.tidy(() => {
      const [product] = execute('MatMul', attributes, [matrixOf(a), matrixOf(b)]);
      const batch = a.shape.length > b.shape.length ? a.shape : b.shape;
      return batch.length === 2 ? product! : tf.reshape(product!, [...batch.slice(0, -2), ...product!.shape]);
    });
  };
}

/** Whether it is one, or a batch of a single one. */
function isMatrix({shape, dtype}: tf.TensorInfo): boolean {
  return dtype === 'float32' && shape.slice(0, -2).every(size => size === 1);
}

function matrixOf(tensor: tf.Tensor): tf.Tensor {
  return tensor.shape.length === 2 ? tensor : tf.reshape(tensor, tensor.shape.slice(-2));
}
