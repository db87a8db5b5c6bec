import {shuffledIndices} from '../data/random.ts';
import {bucketReader, type NgramReading} from '../data/text-ngrams.ts';
import {InputError} from '../errors.ts';

/**
 * Tells texts that are unlike those a student learned from: no text that is kept of these shares enough runs of words and
 * characters with it. It looks at texts and not at the student's own features, since these are drawn to the texts that made
 * them: with a cut-off that 1 % of the training texts fall under, 0.1 to 40 % of unseen ones of the same task did.
 */
export interface Gate {
  readonly reading: NgramReading;
  /** The least likeness, from 0 to 1, that a text must have. */
  readonly cutOff: number;
  /** The buckets of each text that is kept. */
  readonly texts: readonly Uint16Array[];
}

const READING: NgramReading = {kind: 'n-grams', buckets: 2 ** 14, words: 1, characters: [3, 4], length: 1000};
/** Texts that are kept. */
const KEPT = 500;
/** Texts that the cut-off is found by. */
const MEASURED = 1000;
/** With fewer nothing can be said of what is usual. */
const FEWEST = 20;
/** Share of texts like those of the training that a gate refuses. */
const REFUSED = 0.01;

/** How many texts a gate takes at most. */
export const MOST_GATE_TEXTS: number = KEPT + MEASURED;

/**
 * A gate that refuses about 1 % of texts like these: a text of the same source is refused with probability 0.01 + 1/n at
 * most, where n texts measure it, since its likeness is as likely as theirs to be among the least.
 *
 * @param texts - that a student learned from
 * @returns undefined where they are too few
 */
export function fitGate(texts: readonly string[], seed: number): Gate | undefined {
  if (texts.length < FEWEST) return undefined;
  const order = shuffledIndices(texts.length, seed, 'texts of a gate').subarray(0, MOST_GATE_TEXTS);
  const read = bucketReader(READING);
  const sets = Array.from(order, index => Uint16Array.from(read(texts[index]!)));
  const gate = {reading: READING, cutOff: 0, texts: sets.slice(0, KEPT)};
  const likenessOf = comparison(gate);
  // What measures should not be kept as well; where there is too little for both, a text is compared with the others.
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
 * Makes the function that says how like the most like text is that is kept: the cosine of the two as vectors of 0 and 1.
 * The second argument is the index of one to leave out.
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

/** By bucket, the indices of the texts that hold it, one bucket after the other, and where those of each bucket end. */
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

/** What a gate's texts are on disk: how many buckets each has, then all buckets, 16-bit numbers, the lower byte first. */
export function gateBytes({texts}: Gate): Uint8Array {
  const numbers = [...texts.map(({length}) => length), ...texts.flatMap(text => [...text])];
  const bytes = new DataView(new ArrayBuffer(2 * numbers.length));
  for (const [index, number] of numbers.entries()) bytes.setUint16(2 * index, number, true);
  return new Uint8Array(bytes.buffer);
}

/**
 * Reads what `gateBytes` wrote.
 *
 * @param count - how many texts there are
 * @param path - of the file, for messages
 * @throws InputError where the bytes are not what they should be
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
