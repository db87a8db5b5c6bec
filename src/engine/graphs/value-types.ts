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
