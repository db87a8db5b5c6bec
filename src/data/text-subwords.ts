import type {TensorInputs} from './inputs.ts';
import {finished, hashOf, normalise, OFFSET} from './text-hash.ts';
import {checkCount} from './text-options.ts';

/**
 * How a text becomes a sequence without a vocabulary. Each word is cut, from its start, into pieces of `characters`
 * characters; the last one can be shorter. With 4, `limbeck` becomes `limb` and `eck`. A character is a letter or a
 * digit with its marks. Each sign is its own piece. So is each character of the scripts that put no spaces, or few as
 * Korean does, between words, because longer pieces of these would hardly ever occur twice. Each piece is hashed to a
 * number from 1 to `buckets`. A piece at the start of a word has another hash than the same piece inside a word. 0
 * fills the rest of the sequence.
 */
export interface SubwordReading {
  readonly kind: 'subwords';
  /** Number of different hashes of pieces. */
  readonly buckets: number;
  /** The most characters in a piece. */
  readonly characters: number;
  /** Length of the sequence. Later pieces are left out. */
  readonly pieces: number;
  /** Most characters that are read of a text. */
  readonly length: number;
}

/** @throws InputError if a number is out of its range */
export function checkSubwords({buckets, characters, pieces, length}: SubwordReading): void {
  checkCount('buckets', buckets, 2, 2 ** 20);
  checkCount('characters', characters, 1, 20);
  checkCount('pieces', pieces, 1, 2 ** 16);
  checkCount('length', length, 1, 2 ** 20);
}

/** The texts as sequences of numbers, int32 [count, pieces]. */
export function readSubwords(texts: readonly string[], reading: SubwordReading): TensorInputs {
  const {buckets, characters, pieces, length} = reading;
  const data = new Int32Array(texts.length * pieces);
  const piece = pieceOf(characters);
  for (const [row, text] of texts.entries()) {
    let position = row * pieces;
    const end = position + pieces;
    let endOfWord = -1;
    for (const {0: found, index, groups} of normalise(text, length).matchAll(piece)) {
      if (position === end) break;
      const isOfWord = groups!['word'] !== undefined;
      const offset = isOfWord && index === endOfWord ? WITHIN : OFFSET;
      data[position++] = 1 + (finished(hashOf(found, offset)) % buckets);
      if (isOfWord) endOfWord = index + found.length;
    }
  }
  return {kind: 'tensor', dtype: 'int32', shape: [pieces], count: texts.length, data};
}

/** The starting value of the hash of a piece that follows another one in its word. */
const WITHIN = 0x2b3c5d7f;

const UNSPACED = [
  'Han',
  'Hiragana',
  'Katakana',
  'Hangul',
  'Bopomofo',
  'Yi',
  'Thai',
  'Lao',
  'Khmer',
  'Myanmar',
  'Tibetan',
]
  .map(script => `\\p{Script=${script}}`)
  .join('');

function pieceOf(characters: number): RegExp {
  const character = `(?:(?![${UNSPACED}])[\\p{L}\\p{N}]\\p{M}*|\\p{M}+)`;
  return new RegExp(`(?<word>${character}{1,${characters}})|[\\p{L}\\p{N}]\\p{M}*|[^\\s\\p{L}\\p{M}\\p{N}]`, 'gu');
}
