import {tf} from '../tf.ts';

/** One more axis, of length 1, as a new shape: the operation as TensorFlow.js calls it lacks types that a graph asks for. */
export function expandDimsByReshape(): tf.KernelFunc {
  return ({inputs, attrs}) => {
    const input = inputs['input'] as tf.Tensor;
    const {dim} = attrs as unknown as tf.ExpandDimsAttrs;
    return tf.reshape(input, input.shape.toSpliced(dim < 0 ? input.shape.length + 1 + dim : dim, 0, 1));
  };
}
