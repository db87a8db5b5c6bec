import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {type Inputs, selectRows, sizeOf, type TensorInputs} from './inputs.ts';

/** The inputs as tensors; refuses texts, which need a model that reads them. */
export function tensorInputs(inputs: Inputs, who: string): TensorInputs {
  if (inputs.kind === 'tensor') return inputs;
  throw new InputError(`${who} takes numbers, but the inputs are texts.`);
}

/** The named rows as one tensor of raw values, float32 [indices.length, ...shape]. */
export function batchTensor(inputs: TensorInputs, indices: ArrayLike<number>): tf.Tensor {
  const rows = selectRows(inputs.data, sizeOf(inputs.shape), indices);
  return tf.tensor(Float32Array.from(rows), [indices.length, ...inputs.shape], 'float32');
}
