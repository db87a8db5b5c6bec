import {
  checkCount,
  checkNgrams,
  checkSubwords,
  type NgramReading,
  readNgrams,
  readSubwords,
  type SubwordReading,
} from './hashed-reading.ts';
import type {TensorInputs} from './inputs.ts';
import {checkPieces, type PieceReading, piecesIn, readPieces} from './piece-reading.ts';
import {denseRows, type SparseRows} from './sparse-rows.ts';

/** How a text becomes numbers without an encoder. The numbers are the same wherever JavaScript runs. */
export type PlainReading = NgramReading | PieceReading | SubwordReading;

/** How a text becomes a student's raw inputs. */
export type TextReading = PlainReading | EmbeddingReading;

/** @throws InputError if a number is out of its range */
export function checkTextReading(reading: TextReading): void {
  if (reading.kind === 'n-grams') checkNgrams(reading);
  else if (reading.kind === 'subwords') checkSubwords(reading);
  else if (reading.kind === 'word-pieces') checkPieces(reading);
  else checkEmbedding(reading);
}

/** How many numbers a text becomes. */
export function widthOf(reading: TextReading): number {
  switch (reading.kind) {
    case 'n-grams':
      return reading.buckets;
    case 'subwords':
      return reading.pieces;
    case 'word-pieces':
      return piecesIn(reading);
    case 'embeddings':
      return reading.dimensions;
  }
}

/** How a text becomes a row in which all columns that it hits have the same value. */
export type BagReading = NgramReading | PieceReading;

export function isBag(reading: {readonly kind: string} | undefined): reading is BagReading {
  return reading?.kind === 'n-grams' || reading?.kind === 'word-pieces';
}

/** The texts as sparse rows. */
export function readBags(texts: readonly string[], reading: BagReading): SparseRows {
  return reading.kind === 'n-grams' ? readNgrams(texts, reading) : readPieces(texts, reading);
}

/** The texts as numbers [count, width]. */
export function readTexts(texts: readonly string[], reading: PlainReading): TensorInputs {
  return isBag(reading) ? denseRows(readBags(texts, reading)) : readSubwords(texts, reading);
}

/** How a frozen encoder turns a text into its embedding: the states of its tokens, pooled and scaled to length 1. */
export interface EmbeddingReading {
  readonly kind: 'embeddings';
  /** The folder of the encoder, or the name that `limbeck encoder add` knows it by. */
  readonly path: string;
  /** The weights in that folder, as safetensors or ONNX. */
  readonly file: string;
  /** SHA-256 of the model, its settings and its tokenizer, in hexadecimal. It doesn't depend on their paths. */
  readonly model: string;
  /** The tensor that holds the states, [texts, tokens, dimensions]. */
  readonly output: string;
  /**
   * The state of the first token is the embedding.
   *
   * @default the mean of all states is
   */
  readonly pooling?: 'cls';
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
