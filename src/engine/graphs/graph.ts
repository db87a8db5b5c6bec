/** A tensor that a graph takes or gives. */
export interface GraphTensor {
  /** The name to request it by. */
  readonly name: string;
  /** A type of `value-types.ts`, or another word for any other type. */
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
