import {tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {inputsOfKinds} from '../input-kinds.ts';
import type {Inputs, TensorInputs} from './inputs.ts';

/** The inputs as tensors; refuses all others. */
export function tensorInputs(inputs: Inputs, who: string): TensorInputs {
  if (inputs.kind === 'tensor') return inputs;
  throw new InputError(`${who} takes numbers, but the inputs are ${inputsOfKinds(inputs.kind)}.`);
}

/** All of the inputs as one tensor of raw values, float32 [count, ...shape]. It may share their memory. */
export function rawTensor({data, count, shape}: TensorInputs): tf.Tensor {
  return tf.tensor(data instanceof Float32Array ? data : new Float32Array(data), [count, ...shape], 'float32');
}
