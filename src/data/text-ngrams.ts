import {InputError} from '../errors.ts';
import type {TensorInputs} from './inputs.ts';
import {finished, hashOf, normalise, OFFSET, stepped} from './text-hash.ts';
import {checkCount, isCount, refuse} from './text-options.ts';

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

/** The texts as rows of numbers, float32 [count, buckets]. */
export function readNgrams(texts: readonly string[], reading: NgramReading): TensorInputs {
  const {buckets} = reading;
  const data = new Float32Array(texts.length * buckets);
  const hits = new Hits(buckets);
  for (const [row, text] of texts.entries()) {
    const indices = hits.of(text, reading);
    const value = 1 / Math.sqrt(indices.length);
    const start = row * buckets;
    for (const index of indices) data[start + index] = value;
  }
  return {kind: 'tensor', dtype: 'float32', shape: [buckets], count: texts.length, data};
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

const WORD = /[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu;

// Two different starting values, so that a word and its characters have different hashes.
const WORDS = OFFSET;
const CHARACTERS = 0x2b3c5d7f;
