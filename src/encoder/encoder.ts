/** A frozen local encoder: of texts, if nothing else is said. */
export interface Encoder<T = string> {
  /** For people: the name or folder that it was opened by. */
  readonly name: string;
  /** SHA-256 of its files and of the settings that decide its vectors, in hexadecimal. Part of keys. */
  readonly hash: string;
  /** Length of a vector. */
  readonly dimensions: number;
  /**
   * Encodes inputs as float32 [inputs, dimensions]. Each row has length 1, except that a text without tokens gives zeros.
   * On one machine and engine, a text has the same bits whatever its neighbours are.
   *
   * @throws the signal's reason if it is aborted; it is checked between batches
   */
  encode(inputs: readonly T[], options?: EncodeOptions): Promise<Float32Array>;
  /** Frees its weights. */
  close(): void | Promise<void>;
}

export interface EncodeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch with the number of inputs that are done. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/** How the states of a text's tokens become one vector: their mean, or the state of the first token. */
export type Pooling = 'mean' | 'cls';

/** Texts as an encoder's batches take them. */
export interface EncoderModel {
  /** Texts can share a batch if their numbers of tokens give the same number when rounded up to a multiple of this. */
  readonly step: number;
  /** The tokens of a text, special ones included; empty if it has none. */
  tokensOf(text: string): readonly number[];
  /**
   * The states of the tokens of texts that can share a batch, one text after another, [tokens, dimensions].
   *
   * @param tokens - at least one for each text
   */
  statesOf(tokens: readonly (readonly number[])[]): Promise<Float32Array>;
  close(): void | Promise<void>;
}
