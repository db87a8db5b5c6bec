import {tf} from '../tf.ts';

/** The used part of tfjs-node's binding to TensorFlow's C API. It identifies tensors by number. */
export interface Binding {
  /** Runs one operation. TensorFlow infers the attributes that are left out. */
  executeOp(
    name: string,
    attributes: readonly OperationAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorInfo[];
  /** Present if the binding records: `executeUpdate` below, recorded as one operation. */
  executeUpdate?(
    name: string,
    attributes: readonly OperationAttribute[],
    values: readonly number[],
    inputs: readonly number[],
  ): TensorInfo[];
  createTensor(shape: readonly number[], dtype: number, values: TensorValues | readonly Uint8Array[]): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): TensorValues;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  /** Runs the part of a graph that the outputs need. Names are joined by commas. */
  runSavedModel(id: number, inputs: readonly number[], inputNames: string, outputNames: string): TensorInfo[];
  getNumOfSavedModels(): number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
}

export type TensorValues = Float32Array | Int32Array | Uint8Array;

export interface OperationAttribute {
  readonly name: string;
  /** One of the binding's `TF_ATTR_…` */
  readonly type: number;
  readonly value: unknown;
}

export interface TensorInfo {
  readonly id: number;
  readonly shape: readonly number[];
  /** One of `dataTypes`. */
  readonly dtype: number;
}

/** The backend that `@tensorflow/tfjs-node` registers as `tensorflow`. */
export interface NativeBackend {
  /** Each call looks it up here, so it can be replaced. */
  binding: Binding;
  /** Returns the numbers of tensors. Uploads those that TensorFlow doesn't hold yet. */
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[];
  createOutputTensor(info: TensorInfo): tf.Tensor;
}

/** The native backend, if it is the one that runs. */
export function nativeBackend(): NativeBackend | undefined {
  return tf.getBackend() === 'tensorflow' ? (tf.backend() as unknown as NativeBackend) : undefined;
}

/** An attribute of an operation. */
export type Attribute =
  | {readonly kind: 'string'; readonly value: string}
  | {readonly kind: 'int' | 'float'; readonly value: number}
  | {readonly kind: 'bool'; readonly value: boolean}
  /** See `dataTypes`. */
  | {readonly kind: 'type'; readonly value: number}
  | {readonly kind: 'ints' | 'shape'; readonly value: readonly number[]}
  | {readonly kind: 'tensor'; readonly value: Constant};

/** By name. */
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Constant {
  readonly kind: 'constant';
  readonly shape: readonly number[];
  /** See `dataTypes`. */
  readonly dtype: number;
  /** All values, or a single one for all. */
  readonly values: TensorValues;
}

/** TensorFlow's numbers for the types of tensors. */
export const dataTypes = {float32: 1, int32: 3, string: 7, complex64: 8, int64: 9, bool: 10} as const;

/** The attribute `T` of operations on 32-bit floats. */
export const float32: Attribute = {kind: 'type', value: dataTypes.float32};

/** Attributes in the form of the binding. No operation that runs alone has a tensor as an attribute. */
function toBinding(binding: Binding, attributes: Attributes): OperationAttribute[] {
  const types: Partial<Record<Attribute['kind'], number>> = {
    string: binding.TF_ATTR_STRING,
    int: binding.TF_ATTR_INT,
    ints: binding.TF_ATTR_INT,
    float: binding.TF_ATTR_FLOAT,
    bool: binding.TF_ATTR_BOOL,
    type: binding.TF_ATTR_TYPE,
    shape: binding.TF_ATTR_SHAPE,
  };
  return Object.entries(attributes).map(([name, {kind, value}]) => ({name, type: types[kind]!, value}));
}

/** An attribute from the form of the binding; undefined if no operation here has its kind. */
export function fromBinding(binding: Binding, {type, value}: OperationAttribute): Attribute | undefined {
  const kind = kindOf(binding, type, Array.isArray(value));
  return kind && ({kind, value} as Attribute);
}

function kindOf(binding: Binding, type: number, isList: boolean): Attribute['kind'] | undefined {
  if (type === binding.TF_ATTR_SHAPE) return 'shape';
  if (isList) return type === binding.TF_ATTR_INT ? 'ints' : undefined;
  switch (type) {
    case binding.TF_ATTR_STRING:
      return 'string';
    case binding.TF_ATTR_INT:
      return 'int';
    case binding.TF_ATTR_FLOAT:
      return 'float';
    case binding.TF_ATTR_BOOL:
      return 'bool';
    case binding.TF_ATTR_TYPE:
      return 'type';
    default:
      return undefined;
  }
}

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
