/** The element types that limbeck writes, by their names in the format. */
interface Values {
  U8: Uint8Array;
  I32: Int32Array;
  U32: Uint32Array;
  F32: Float32Array;
  I64: BigInt64Array;
}

export type Dtype = keyof Values;

/** One block of numbers, row-major. */
export type Tensor<D extends Dtype = Dtype> = {
  [K in D]: {readonly dtype: K; readonly shape: readonly number[]; readonly data: Values[K]};
}[D];

/** The arrays that hold values of each type. */
export const ARRAYS: {
  readonly [D in Dtype]: {readonly BYTES_PER_ELEMENT: number; new (length: number): Values[D]};
} = {
  U8: Uint8Array,
  I32: Int32Array,
  U32: Uint32Array,
  F32: Float32Array,
  I64: BigInt64Array,
};

/** A file begins with the length of its header, as a whole number of this many bytes. */
export const LENGTH_BYTES = 8 as const;
