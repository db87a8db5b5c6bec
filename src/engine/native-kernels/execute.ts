import {
  type Attributes,
  executeUpdate,
  type NativeBackend,
  nativeBackend,
  type TensorInfo,
  toBinding,
} from '../compiled/binding.ts';
import {tf} from '../tf.ts';

/** Runs one of TensorFlow's operations. */
export function execute(
  name: string,
  attributes: Attributes,
  inputs: readonly tf.TensorInfo[],
  outputs = 1,
): tf.Tensor[] {
  const backend = native();
  const ids = backend.getInputTensorIds(inputs);
  return tensorsOf(backend, backend.binding.executeOp(name, toBinding(backend.binding, attributes), ids, outputs));
}

/**
 * Runs one of TensorFlow's operations that change variables in place.
 *
 * @param values - values of the variables before
 * @param inputs - the operation's other inputs
 * @returns values of the variables after
 */
export function update(
  name: string,
  attributes: Attributes,
  values: readonly tf.Tensor[],
  inputs: readonly tf.Tensor[],
): tf.Tensor[] {
  const backend = native();
  const {binding} = backend;
  const [held, other] = [backend.getInputTensorIds(values), backend.getInputTensorIds(inputs)];
  return tensorsOf(backend, executeUpdate(binding, name, toBinding(binding, attributes), held, other));
}

/** The native backend. Kernels and gradients for it run on no other. */
function native(): NativeBackend {
  const backend = nativeBackend();
  if (backend === undefined) throw new Error(`This needs the native engine; ${tf.getBackend()} runs.`);
  return backend;
}

function tensorsOf(backend: NativeBackend, infos: readonly TensorInfo[]): tf.Tensor[] {
  return infos.map(info => backend.createOutputTensor(info));
}
