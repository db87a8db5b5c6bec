import {InputError} from '../errors.ts';
import type {TensorInputs} from './inputs.ts';
import {type SparseRows, sparseRows} from './sparse-rows.ts';

/** @throws InputError if an option is not a whole number in that range */
export function checkCount(name: string, value: number, least: number, greatest: number): void {
  if (!isCount(value, least, greatest)) refuse(name, `a whole number from ${least} to ${greatest}`, value);
}

export function isCount(value: number, least: number, greatest: number): boolean {
  return Number.isInteger(value) && value >= least && value <= greatest;
}

/** @throws InputError always */
export function refuse(name: string, range: string, value: unknown): never {
  throw new InputError(`Expected \`${name}\` to be ${range}, got ${value}.`);
}

/** The part of a text that is read. Each run of white space becomes one space, and each end gets one. */
export function normalise(text: string, length: number): string {
  const read = text.slice(0, length).normalize('NFKC').toLowerCase();
  return ` ${read.replace(/\s+/g, ' ').trim()} `;
}

const PRIME = 0x01000193;

/** The offset basis of FNV-1a. */
export const OFFSET = 0x811c9dc5;

/** FNV-1a over UTF-16 code units. */
export function hashOf(word: string, offset: number = OFFSET): number {
  let hash = offset;
  for (let index = 0; index < word.length; index++) hash = stepped(hash, word.charCodeAt(index));
  return hash;
}

/** Adds one value to a hash. */
export function stepped(hash: number, value: number): number {
  return Math.imul(hash ^ value, PRIME);
}

/** Spreads a hash over all of its 32 bits, by the finalizer of MurmurHash3. */
export function finished(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/**
 * How a text becomes numbers without a vocabulary. Its runs of words and of characters are hashed to buckets
 * (Weinberger et al., 2009). Each bucket that a run hits holds 1 / sqrt(buckets hit), so that long texts weigh no more
 * than short ones.
 */
export interface NgramReading {
  readonly kind: 'n-grams';
  /** Number of buckets, which is the length of the row that a text becomes. */
  readonly buckets: number;
  /** The most words in a run, 0 for none. A word is letters, marks and digits; any other sign is its own word. */
  readonly words: number;
  /** The fewest and the most characters in a run, across words; both 0 for none. */
  readonly characters: readonly [fewest: number, most: number];
  /** Most characters that are read of a text. */
  readonly length: number;
}

/** @throws InputError if a number is out of its range */
export function checkNgrams({buckets, words, characters, length}: NgramReading): void {
  const [fewest, most] = characters;
  checkCount('buckets', buckets, 2, 2 ** 20);
  checkCount('words', words, 0, 5);
  checkCount('length', length, 1, 2 ** 20);
  const isRange = isCount(fewest, 0, most) && isCount(most, 0, 10) && (fewest > 0 || most === 0);
  if (!isRange) refuse('characters', 'two whole numbers up to 10, the smaller one first', characters);
  if (words === 0 && most === 0)
    throw new InputError(
      'Both `words` and `characters` are off, so a text becomes nothing. Give at least one of them.',
    );
}

/** The texts as rows of `buckets` numbers. */
export function readNgrams(texts: readonly string[], reading: NgramReading): SparseRows {
  const hits = new Hits(reading.buckets);
  const columns = texts.map(text => hits.of(text, reading).slice());
  return sparseRows(columns, reading.buckets, count => 1 / Math.sqrt(count));
}

/**
 * Makes the function that returns the buckets that a text hits, each once, in no order.
 *
 * @throws InputError if the reading is invalid
 */
export function bucketReader(reading: NgramReading): (text: string) => Int32Array {
  checkNgrams(reading);
  const hits = new Hits(reading.buckets);
  return text => hits.of(text, reading).slice();
}

/** The buckets that a text hits, each once. */
class Hits {
  private readonly buckets: number;
  /** The last text that hit each bucket. */
  private readonly lastText: Int32Array;
  private texts = 0;
  private readonly indices: Int32Array;
  private count = 0;

  constructor(buckets: number) {
    this.buckets = buckets;
    this.lastText = new Int32Array(buckets);
    this.indices = new Int32Array(buckets);
  }

  /** Valid until the next call. */
  of(text: string, {words, characters: [fewest, most], length}: NgramReading): Int32Array {
    this.texts++;
    this.count = 0;
    const read = normalise(text, length);
    if (words > 0) this.addWords(read, words);
    if (most > 0) this.addCharacters(read, fewest, most);
    return this.indices.subarray(0, this.count);
  }

  private addWords(text: string, most: number): void {
    const hashes = Array.from(text.matchAll(WORD), ([word]) => hashOf(word));
    for (let start = 0; start < hashes.length; start++) {
      let hash = WORDS;
      for (let end = start; end < Math.min(start + most, hashes.length); end++) {
        hash = stepped(hash, finished(hashes[end]!));
        this.add(hash);
      }
    }
  }

  private addCharacters(text: string, fewest: number, most: number): void {
    for (let start = 0; start < text.length; start++) {
      let hash = CHARACTERS;
      const longest = Math.min(start + most, text.length);
      for (let end = start; end < longest; end++) {
        hash = stepped(hash, text.charCodeAt(end));
        if (end - start + 1 >= fewest) this.add(hash);
      }
    }
  }

  private add(hash: number): void {
    const index = finished(hash) % this.buckets;
    if (this.lastText[index] === this.texts) return;
    this.lastText[index] = this.texts;
    this.indices[this.count++] = index;
  }
}

export const WORD: RegExp = /[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu;

// Two different starting values, so that a word and its characters have different hashes.
const WORDS = OFFSET;
const CHARACTERS = 0x2b3c5d7f;

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

/** The scripts that put no spaces, or few as Korean does, between words, for a class of a regular expression. */
export const UNSPACED: string = [
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
