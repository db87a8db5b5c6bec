import {type Attribute, dataTypes, float32} from '../compiled/attribute.ts';
import {tf} from '../tf.ts';
import {execute} from './execute.ts';

const int32: Attribute = {kind: 'type', value: dataTypes.int32};

/**
 * Rows of a table of 32-bit floats by their numbers. TensorFlow.js reads the numbers back to check them, which no
 * compiled graph can do; TensorFlow checks them, too.
 */
export function gatherUnread(packaged: tf.KernelFunc): tf.KernelFunc {
  return params => {
    const {x, indices} = params.inputs as unknown as {x: tf.TensorInfo; indices: tf.TensorInfo};
    const {axis, batchDims} = params.attrs as unknown as tf.GatherV2Attrs;
    if (x.dtype !== 'float32' || indices.dtype !== 'int32') return packaged(params);
    const attributes = {
      batch_dims: {kind: 'int', value: batchDims},
      Tparams: float32,
      Tindices: int32,
      Taxis: int32,
    } as const;
    return tf.tidy(() => execute('GatherV2', attributes, [x, indices, tf.scalar(axis, 'int32')])[0]!);
  };
}
