import {fromHalf} from './half.ts';

/** The part of `onnxruntime-node` that is used. */
export interface OnnxRuntime {
  readonly Tensor: new (type: string, data: TensorData, shape: readonly number[]) => RuntimeTensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<Session>;
  };
}

export type TensorData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Uint8Array
  | Int32Array
  | BigInt64Array
  | readonly string[];

export interface RuntimeTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

export interface Session {
  run(feeds: Feeds, outputs: readonly string[]): Promise<{readonly [name: string]: RuntimeTensor}>;
}

export interface Feeds {
  readonly [name: string]: RuntimeTensor;
}

export interface SessionOptions {
  /** The model's folder, in which the runtime looks for its files of weights. */
  readonly folder: string;
  readonly threads: number | undefined;
}

export async function openSession(
  runtime: OnnxRuntime,
  model: Uint8Array,
  {folder, threads}: SessionOptions,
): Promise<Session> {
  return runtime.InferenceSession.create(model, {
    // Its own log on standard error repeats its exceptions.
    logSeverityLevel: 4,
    extra: {session: {model_external_initializers_file_folder_path: folder}},
    ...(threads !== undefined && {intraOpNumThreads: threads}),
  });
}

/** An output as numbers. */
export interface NumberTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** @returns undefined if it holds no numbers */
export function numbersOf({type, dims, data}: RuntimeTensor): NumberTensor | undefined {
  const values = float32(type, data);
  return values && {shape: dims, values};
}

function float32(type: string, data: unknown): Float32Array | undefined {
  if (data instanceof Float32Array) return data;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  // Newer versions of Node have an array of half floats. Older ones give their bits.
  if (type === 'float16' && data instanceof Uint16Array) return Float32Array.from(data, fromHalf);
  return ArrayBuffer.isView(data) ? Float32Array.from(data as unknown as ArrayLike<number>) : undefined;
}
