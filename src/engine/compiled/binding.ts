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
  /** Present if the binding records: `executeUpdate` of `update.ts`, recorded as one operation. */
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
