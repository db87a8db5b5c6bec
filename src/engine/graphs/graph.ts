/** A tensor that a graph takes or gives. */
export interface GraphTensor {
  /** The name to request it by. */
  readonly name: string;
  /** A `ValueType`, or another word for any other type. */
  readonly dtype: string;
  /** The batch comes first. A dimension of any length is null. Undefined if not even the rank is known. */
  readonly shape: readonly (number | null)[] | undefined;
}

/** The inputs of one run, one after the other. */
export interface GraphValues {
  /** With the batch first. */
  readonly shape: readonly number[];
  readonly data: Uint8Array | Int32Array | Float32Array | readonly string[];
}

/** The values of one output, always as 32-bit floats. */
export interface GraphNumbers {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A model as a graph of operations with names. */
export interface Graph {
  readonly inputs: readonly GraphTensor[];
  /** The declared outputs. */
  readonly outputs: readonly GraphTensor[];
  /** Names of all tensors that `run` can give, except the second and later outputs of a node. */
  readonly names: readonly string[];
  /** A tensor that `run` can give; undefined if there is none of that name. */
  find(name: string): GraphTensor | undefined;
  /**
   * Prepares runs. Only the first call does anything.
   *
   * @throws Error if TensorFlow refuses the model
   */
  open(): void;
  /**
   * Computes the named tensors in one run, after `open`. The values are converted to the input's type, which must be
   * able to hold them.
   *
   * @param outputs - no name twice
   * @throws Error if an operation doesn't accept the values
   */
  run(input: GraphTensor, values: GraphValues, outputs: readonly string[]): Promise<readonly GraphNumbers[]>;
}

/** TensorFlow's numbers for the types whose values JavaScript can give and take, by name. */
const NUMBERS = {
  float32: 1,
  float64: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  uint16: 17,
  float16: 19,
  uint32: 22,
  uint64: 23,
} as const;

export type ValueType = keyof typeof NUMBERS;

/** True if graphs can be fed or read values of this type. */
export function isValueType(dtype: string): dtype is ValueType {
  return Object.hasOwn(NUMBERS, dtype);
}

export function typeNumber(dtype: ValueType): number {
  return NUMBERS[dtype];
}

/** The name of a type, or its number if it is not one of these. */
export function typeName(type: number): string {
  return Object.entries(NUMBERS).find(([, number]) => number === type)?.[0] ?? `TensorFlow's type ${type}`;
}

/** The least and the greatest value of an integer type; undefined for other types. */
export function wholeRange(dtype: string): readonly [least: number, greatest: number] | undefined {
  if (dtype === 'bool') return [0, 1];
  const [, unsigned, bits] = /^(u?)int(\d+)$/.exec(dtype) ?? [];
  if (bits === undefined) return undefined;
  return unsigned ? [0, 2 ** Number(bits) - 1] : [-(2 ** (Number(bits) - 1)), 2 ** (Number(bits) - 1) - 1];
}
