import {bucketReader, type NgramReading} from '../data/hashed-reading.ts';
import {shuffledIndices} from '../data/random.ts';
import {InputError} from '../errors.ts';

/**
 * Recognises texts that are unlike those a student was trained on, because they share too few runs of words and
 * characters with every kept text. It compares texts and not the student's own features, because the features fit the
 * training texts too closely: with a cut-off below which 1 % of the training texts fall, between 0.1 and 40 % of unseen
 * texts of the same task did.
 */
export interface Gate {
  readonly reading: NgramReading;
  /** The least similarity that an accepted text has to a kept one, from 0 to 1. */
  readonly cutOff: number;
  /** The buckets of each kept text. */
  readonly texts: readonly Uint16Array[];
}

const READING: NgramReading = {kind: 'n-grams', buckets: 2 ** 14, words: 1, characters: [3, 4], length: 1000};
/** Number of texts that are kept. */
const KEPT = 500;
/** Number of texts that the cut-off is measured on. */
const MEASURED = 1000;
/** The fewest texts from which a cut-off can be measured. */
const FEWEST = 20;
/** Share of texts like the training texts that a gate refuses. */
const REFUSED = 0.01;

/** The most texts that a gate uses. */
export const MOST_GATE_TEXTS: number = KEPT + MEASURED;

/**
 * Fits a gate that refuses about 1 % of texts like these. A text of the same source is refused with a probability of at
 * most 0.01 + 1/n, where n is the number of measured texts, because its similarity is as likely to be among the lowest
 * as any of theirs.
 *
 * @param texts - texts that the student was trained on
 * @returns undefined if there are too few texts
 */
export function fitGate(texts: readonly string[], seed: number): Gate | undefined {
  if (texts.length < FEWEST) return undefined;
  const order = shuffledIndices(texts.length, seed, 'texts of a gate').subarray(0, MOST_GATE_TEXTS);
  const read = bucketReader(READING);
  const sets = Array.from(order, index => Uint16Array.from(read(texts[index]!)));
  const gate = {reading: READING, cutOff: 0, texts: sets.slice(0, KEPT)};
  const likenessOf = comparison(gate);
  // The measured texts should not be kept as well. If there are too few for both, each text is compared with the
  // others.
  const measuring = sets.length >= 2 * KEPT ? sets.slice(KEPT) : sets;
  const likenesses = measuring.map((set, index) => likenessOf(set, measuring === sets ? index : undefined));
  likenesses.sort((one, other) => one - other);
  return {...gate, cutOff: likenesses[Math.floor(REFUSED * (likenesses.length + 1))]!};
}

/** Makes the function that says whether a gate refuses a text. */
export function gatekeeper(gate: Gate): (text: string) => boolean {
  const read = bucketReader(gate.reading);
  const likenessOf = comparison(gate);
  return text => likenessOf(read(text)) < gate.cutOff;
}

/**
 * Makes a function that returns the similarity to the most similar kept text: the cosine of the two as vectors of 0 and
 * 1. The second argument is the index of a text to leave out.
 */
function comparison({reading, texts}: Gate): (buckets: ArrayLike<number>, without?: number) => number {
  const {ends, indices} = holders(texts, reading.buckets);
  const shared = new Int32Array(texts.length);
  return (buckets, without) => {
    shared.fill(0);
    for (let position = 0; position < buckets.length; position++) {
      const bucket = buckets[position]!;
      const end = ends[bucket]!;
      for (let holder = bucket === 0 ? 0 : ends[bucket - 1]!; holder < end; holder++) shared[indices[holder]!]! += 1;
    }
    let most = 0;
    for (const [index, {length}] of texts.entries()) {
      const both = shared[index]!;
      if (index !== without && both > 0) most = Math.max(most, both / Math.sqrt(length * buckets.length));
    }
    return most;
  };
}

/**
 * The indices of the texts that hold each bucket, bucket by bucket, and the end of each bucket's range in that list.
 */
function holders(
  texts: readonly Uint16Array[],
  buckets: number,
): {readonly ends: Uint32Array; readonly indices: Uint16Array} {
  const holding = Array.from({length: buckets}, (): number[] => []);
  for (const [index, text] of texts.entries()) for (const bucket of text) holding[bucket]!.push(index);
  let end = 0;
  const ends = Uint32Array.from(holding, ({length}) => {
    end += length;
    return end;
  });
  return {ends, indices: Uint16Array.from(holding.flat())};
}

/**
 * The texts of a gate as bytes: the number of buckets of each text, then all buckets, as 16-bit little-endian numbers.
 */
export function gateBytes({texts}: Gate): Uint8Array {
  const numbers = [...texts.map(({length}) => length), ...texts.flatMap(text => [...text])];
  const bytes = new DataView(new ArrayBuffer(2 * numbers.length));
  for (const [index, number] of numbers.entries()) bytes.setUint16(2 * index, number, true);
  return new Uint8Array(bytes.buffer);
}

/**
 * Reads the bytes that `gateBytes` wrote.
 *
 * @param count - number of texts
 * @param path - path of the file, for messages
 * @throws InputError if the bytes are damaged
 */
export function gateTexts(bytes: Uint8Array, count: number, {buckets}: NgramReading, path: string): Gate['texts'] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isWhole = bytes.length % 2 === 0 && bytes.length >= 2 * count;
  const numbers = Array.from({length: isWhole ? bytes.length / 2 : 0}, (_, index) => view.getUint16(2 * index, true));
  const sizes = numbers.slice(0, count);
  const size = sizes.reduce((sum, length) => sum + length, count);
  if (!isWhole || size !== numbers.length || numbers.slice(count).some(bucket => bucket >= buckets)) {
    throw new InputError(`${path} is damaged. Save or copy the student again.`);
  }
  let start = count;
  return sizes.map(length => {
    start += length;
    return Uint16Array.from(numbers.slice(start - length, start));
  });
}
