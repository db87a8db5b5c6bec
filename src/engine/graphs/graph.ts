/** A tensor that a graph takes or gives. */
export interface GraphTensor {
  /** By which it is asked for. */
  readonly name: string;
  /** See `value-types.ts`; another word where it is none of those. */
  readonly dtype: string;
  /** With the batch first. A dimension of any length is null; undefined if not even their number is known. */
  readonly shape: readonly (number | null)[] | undefined;
}

/** The inputs of one run, one after the other. */
export interface GraphValues {
  /** With the batch first. */
  readonly shape: readonly number[];
  readonly data: Uint8Array | Int32Array | Float32Array | readonly string[];
}

/** What one output gave, as 32-bit floats whatever its own type. */
export interface GraphNumbers {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A model as a graph of operations with names. */
export interface Graph {
  readonly inputs: readonly GraphTensor[];
  /** Those that it declares. */
  readonly outputs: readonly GraphTensor[];
  /** Names of all tensors that `run` can give, but for further outputs of a node. */
  readonly names: readonly string[];
  /** A tensor that `run` can give; undefined if there is none of that name. */
  find(name: string): GraphTensor | undefined;
  /**
   * Loads what runs need, the first time.
   *
   * @throws Error if TensorFlow refuses the model
   */
  open(): void;
  /**
   * Runs what the named tensors need, once, after `open`. The values become of the input's type, which must be able to
   * hold them.
   *
   * @param outputs - no name twice
   * @throws Error if an operation can't do with the values
   */
  run(input: GraphTensor, values: GraphValues, outputs: readonly string[]): Promise<readonly GraphNumbers[]>;
}
