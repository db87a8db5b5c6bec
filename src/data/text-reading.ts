import type {TensorInputs} from './inputs.ts';
import {checkEmbedding, type EmbeddingReading} from './text-embedding.ts';
import {checkNgrams, type NgramReading, readNgrams} from './text-ngrams.ts';
import {checkSubwords, readSubwords, type SubwordReading} from './text-subwords.ts';

/** How hashes turn a text into numbers. The numbers are the same wherever JavaScript runs. */
export type HashedReading = NgramReading | SubwordReading;

/** How a text becomes a student's raw inputs. */
export type TextReading = HashedReading | EmbeddingReading;

/** @throws InputError if a number is out of its range */
export function checkReading(reading: TextReading): void {
  if (reading.kind === 'n-grams') checkNgrams(reading);
  else if (reading.kind === 'subwords') checkSubwords(reading);
  else checkEmbedding(reading);
}

/** How many numbers a text becomes. */
export function widthOf(reading: TextReading): number {
  switch (reading.kind) {
    case 'n-grams':
      return reading.buckets;
    case 'subwords':
      return reading.pieces;
    case 'embeddings':
      return reading.dimensions;
  }
}

/** The part that decides the numbers. The paths of a model's files don't. */
export function identityOfReading(reading: TextReading): Omit<TextReading, 'path' | 'file'> {
  if (reading.kind !== 'embeddings') return reading;
  const {path: _, file: __, ...identity} = reading;
  return identity;
}

/** The texts as numbers [count, width]. */
export function readTexts(texts: readonly string[], reading: HashedReading): TensorInputs {
  return reading.kind === 'n-grams' ? readNgrams(texts, reading) : readSubwords(texts, reading);
}
