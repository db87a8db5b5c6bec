import {checkCount} from './text-options.ts';

/** How a text becomes its embedding by a frozen model: the mean of the states of its tokens, of length 1. */
export interface EmbeddingReading {
  readonly kind: 'embeddings';
  /** The folder of the model. */
  readonly path: string;
  /** The model in that folder, as ONNX. */
  readonly file: string;
  /** SHA-256 of the model, its settings and its tokenizer, wherever they lie. In hexadecimal. */
  readonly model: string;
  /** The tensor that holds the states, [texts, tokens, dimensions]. */
  readonly output: string;
  /** How many numbers a text becomes. */
  readonly dimensions: number;
  /** Of a longer text this many tokens are read, special ones included. */
  readonly tokens: number;
  /** Of a longer text this many characters are read. */
  readonly length: number;
}

/** @throws InputError where a number is out of its range */
export function checkEmbedding({dimensions, tokens, length}: EmbeddingReading): void {
  checkCount('dimensions', dimensions, 1, 2 ** 16);
  checkCount('tokens', tokens, 1, 2 ** 20);
  checkCount('length', length, 1, 2 ** 20);
}
