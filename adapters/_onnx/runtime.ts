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

interface RuntimeTensor {
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

interface SessionOptions {
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

// Half-precision floats (IEEE 754 binary16), for which this version of JavaScript has no array.

const asFloat = new Float32Array(1);
const asBits = new Uint32Array(asFloat.buffer);

export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Returns the nearest half to a 32-bit float, ties to even. */
export function toHalf(value: number): number {
  asFloat[0] = value;
  const bits = asBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude < 0x38800000) return sign | nearestEven(Math.abs(asFloat[0]) * 2 ** 24);
  // Rounding can carry into the exponent, up to infinity. The layout of the bits makes this right.
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

function nearestEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
