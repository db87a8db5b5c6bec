import type {TensorInputs} from './inputs.ts';
import {finished, hashOf, normalise, OFFSET} from './text-hash.ts';
import {checkCount} from './text-options.ts';

/**
 * How a text becomes a sequence without a vocabulary. Words are cut from their beginnings into pieces of up to so many
 * characters, the last one shorter: `limbeck` of 4 is `limb` and `eck`. A character is a letter or a digit with the marks
 * upon it. Signs stand by themselves, and so do the characters of scripts that put no spaces between words (or few, as
 * Korean), where pieces of many would hardly come twice. Each piece is hashed to a number from 1 to `buckets`, one that begins a
 * word to another than the same within; 0 is what is left of the sequence.
 */
export interface SubwordReading {
  readonly kind: 'subwords';
  /** How many numbers there are for pieces. */
  readonly buckets: number;
  /** The most characters in a piece. */
  readonly characters: number;
  /** How long the sequence is: later pieces are left out. */
  readonly pieces: number;
  /** Of a longer text this many characters are read. */
  readonly length: number;
}

/** @throws InputError where a number is out of its range */
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

/** Where the hash of a piece begins that another piece of its word stands before. */
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
