import {float32, toBinding} from './attribute.ts';
import type {Binding, OperationAttribute, TensorInfo} from './binding.ts';

/** TensorFlow's name for a variable that is not shared. */
const ANONYMOUS = {kind: 'string', value: 'cd2c89b7-88b7-44c8-ad83-06c2a9158347'} as const;

/**
 * Runs an operation that changes variables of TensorFlow in place, such as `ResourceApplyAdam`, on 32-bit float values.
 * Each value goes into a variable made for the call. In a compiled graph the same operation changes the session's
 * variables.
 *
 * @param values - values of the first inputs of the operation before it runs
 * @param inputs - its other inputs
 * @returns the new values
 */
export function executeUpdate(
  binding: Binding,
  name: string,
  attributes: readonly OperationAttribute[],
  values: readonly number[],
  inputs: readonly number[],
): TensorInfo[] {
  if (binding.executeUpdate) return binding.executeUpdate(name, attributes, values, inputs);
  const handles = values.map(value => variableOf(binding, value));
  binding.executeOp(name, attributes, [...handles, ...inputs], 0);
  return handles.map(handle => {
    const [info] = binding.executeOp('ReadVariableOp', toBinding(binding, {dtype: float32}), [handle], 1);
    binding.executeOp('DestroyResourceOp', [], [handle], 0);
    binding.deleteTensor(handle);
    return info!;
  });
}

function variableOf(binding: Binding, value: number): number {
  // The shape is required but not used here.
  const attributes = {shared_name: ANONYMOUS, shape: {kind: 'shape', value: []}, dtype: float32} as const;
  const [handle] = binding.executeOp('VarHandleOp', toBinding(binding, attributes), [], 1);
  binding.executeOp('AssignVariableOp', toBinding(binding, {dtype: float32}), [handle!.id, value], 0);
  return handle!.id;
}
