import {checkCount} from './text-options.ts';

/** How a frozen model turns a text into its embedding: the mean of the states of its tokens, scaled to length 1. */
export interface EmbeddingReading {
  readonly kind: 'embeddings';
  /** The folder of the model. */
  readonly path: string;
  /** The model in that folder, as ONNX. */
  readonly file: string;
  /** SHA-256 of the model, its settings and its tokenizer, in hexadecimal. It doesn't depend on their paths. */
  readonly model: string;
  /** The tensor that holds the states, [texts, tokens, dimensions]. */
  readonly output: string;
  /** Length of the embedding. */
  readonly dimensions: number;
  /** Most tokens that are read of a text, special tokens included. */
  readonly tokens: number;
  /** Most characters that are read of a text. */
  readonly length: number;
}

/** @throws InputError if a number is out of its range */
export function checkEmbedding({dimensions, tokens, length}: EmbeddingReading): void {
  checkCount('dimensions', dimensions, 1, 2 ** 16);
  checkCount('tokens', tokens, 1, 2 ** 20);
  checkCount('length', length, 1, 2 ** 20);
}
