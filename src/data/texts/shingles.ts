import {InputError} from '../../errors.ts';
import {mixSeed} from '../random.ts';

/** The runs of characters or of words that texts are compared by, with their length. */
export type Shingling = {readonly characters: number} | {readonly words: number};

/** @throws InputError if the number is out of its range */
export function checkShingling(shingling: Shingling): void {
  const [name, length = 0] = Object.entries(shingling)[0] ?? [];
  const isRight =
    (name === 'characters' || name === 'words') && Number.isInteger(length) && length >= 1 && length <= 50;
  if (isRight && Object.keys(shingling).length === 1) return;
  throw new InputError(
    `Expected \`shingles\` to be {characters: n} or {words: n}, n from 1 to 50, got ${JSON.stringify(shingling)}.`,
  );
}

/** Hashes the runs of texts. */
export class Shingler {
  private readonly shingling: Shingling;
  private readonly seed: number;
  private hashes = new Uint32Array(1024);

  constructor(shingling: Shingling, seed: number) {
    this.shingling = shingling;
    this.seed = mixSeed(seed, 'shingles');
  }

  /**
   * A hash of each run, possibly with repetitions. A text shorter than a run gives one hash. The result is valid until
   * the next call.
   *
   * @param text - normalised
   */
  of(text: string): Uint32Array {
    if ('words' in this.shingling) return this.ofWords(text, this.shingling.words);
    return this.ofCharacters(text, this.shingling.characters);
  }

  /** Uses a rolling polynomial (Rabin and Karp), so that the length of the runs costs nothing. */
  private ofCharacters(text: string, length: number): Uint32Array {
    const size = Math.min(length, text.length);
    const count = text.length - size + 1;
    const hashes = this.room(count);
    let leaving = 1;
    for (let step = 1; step < size; step++) leaving = Math.imul(leaving, BASE);
    let hash = 0;
    for (let index = 0; index < size; index++) hash = Math.imul(hash, BASE) + text.charCodeAt(index);
    hashes[0] = finished(hash ^ this.seed);
    for (let index = 1; index < count; index++) {
      const without = hash - Math.imul(leaving, text.charCodeAt(index - 1));
      hash = (Math.imul(without, BASE) + text.charCodeAt(index + size - 1)) | 0;
      hashes[index] = finished(hash ^ this.seed);
    }
    return hashes.subarray(0, count);
  }

  private ofWords(text: string, length: number): Uint32Array {
    const words = Array.from(text.matchAll(WORD), ([word]) => mixSeed(this.seed, word));
    const size = Math.min(length, words.length);
    const count = words.length - size + 1;
    const hashes = this.room(count);
    for (let start = 0; start < count; start++) {
      let hash = 0;
      for (let index = start; index < start + size; index++) hash = (Math.imul(hash, BASE) + words[index]!) | 0;
      hashes[start] = finished(hash);
    }
    return hashes.subarray(0, count);
  }

  private room(count: number): Uint32Array {
    if (count > this.hashes.length) this.hashes = new Uint32Array(2 * count);
    return this.hashes;
  }
}

/** A run of letters, marks and digits, or any other single sign. */
const WORD = /[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}]/gu;

/** An odd number, far from a power of two. */
const BASE = 0x01000193;

/** Spreads a hash over all of its 32 bits, by the finalizer of MurmurHash3. */
function finished(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** Compares the shingles of one text with those of others, exactly. */
export class SharedShingles {
  /** Open addressing. A slot without an owner is free. */
  private hashes = new Uint32Array(0);
  private owners = new Uint8Array(0);
  private size = 0;

  /** Loads the text that others are compared with. */
  load(shingles: Uint32Array): void {
    this.fill(shingles, shingles.length);
  }

  private fill(shingles: Uint32Array, count: number): void {
    this.reserve(count);
    this.owners.fill(NOBODY);
    this.size = 0;
    for (const hash of shingles) {
      const index = this.find(hash);
      if (this.owners[index] !== NOBODY) continue;
      this.hashes[index] = hash;
      this.owners[index] = MINE;
      this.size++;
    }
  }

  /** The share of all shingles of both that both have (Jaccard), from 0 to 1. */
  similarity(others: Uint32Array): number {
    if (2 * (this.size + others.length) > this.owners.length) this.grow(others.length);
    const marked: number[] = [];
    let shared = 0;
    let onlyTheirs = 0;
    for (const hash of others) {
      const index = this.find(hash);
      const owner = this.owners[index];
      if (owner === BOTH || owner === THEIRS) continue;
      if (owner === MINE) shared++;
      else onlyTheirs++;
      this.hashes[index] = hash;
      this.owners[index] = owner === MINE ? BOTH : THEIRS;
      marked.push(index);
    }
    // Theirs were added last, so no search for one of mine passes through their slots.
    for (const index of marked) this.owners[index] = this.owners[index] === BOTH ? MINE : NOBODY;
    return shared / (this.size + onlyTheirs);
  }

  private find(hash: number): number {
    const mask = this.owners.length - 1;
    let index = hash & mask;
    while (this.owners[index] !== NOBODY && this.hashes[index] !== hash) index = (index + 1) & mask;
    return index;
  }

  private reserve(count: number): void {
    const length = 2 ** Math.ceil(Math.log2(Math.max(4 * count, 64)));
    if (length === this.owners.length) return;
    this.hashes = new Uint32Array(length);
    this.owners = new Uint8Array(length);
  }

  private grow(count: number): void {
    const mine = this.hashes.filter((_, index) => this.owners[index] === MINE);
    this.fill(mine, mine.length + count);
  }
}

const NOBODY = 0;
const MINE = 1;
const THEIRS = 2;
const BOTH = 3;

/** Number of values in a signature. */
const BINS = 128;

/** The bands of a signature. */
interface Banding {
  readonly bands: number;
  /** Number of values in a band. */
  readonly rows: number;
}

/** Largest share of the pairs at the threshold that is missed. */
const MISSED = 0.001;

/**
 * The longest bands that find all but a thousandth of the pairs at the threshold. Two signatures agree in a value with
 * probability s, the share of shingles that both have, so they agree in some band with probability
 * 1 - (1 - s^rows)^bands.
 */
export function bandingFor(threshold: number): Banding {
  let best: Banding = {bands: BINS, rows: 1};
  for (let rows = 1; rows <= BINS; rows++) {
    const bands = Math.floor(BINS / rows);
    if ((1 - threshold ** rows) ** bands > MISSED) break;
    best = {bands, rows};
  }
  return best;
}

/**
 * Signatures of sets of hashes by one permutation (Li, Owen and Zhang, 2012, One permutation hashing). Empty bins are
 * filled from others (Shrivastava, 2017, Optimal densification for fast and accurate minwise hashing). It looks at each
 * hash once, however long the signature is.
 */
export class MinHash {
  private readonly banding: Banding;
  private readonly seed: number;
  private readonly values = new Uint32Array(BINS);
  private readonly filled = new Uint32Array(BINS);
  private readonly keys: Uint32Array;

  constructor(banding: Banding, seed: number) {
    this.banding = banding;
    this.seed = mixSeed(seed, 'min-hash');
    this.keys = new Uint32Array(banding.bands);
  }

  /** A key for each band of the signature. Similar sets share a key. The result is valid until the next call. */
  bandsOf(hashes: Uint32Array): Uint32Array {
    const {bands, rows} = this.banding;
    const signature = this.signatureOf(hashes);
    for (let band = 0; band < bands; band++) {
      let key = finished(this.seed + band);
      for (let row = band * rows; row < (band + 1) * rows; row++) key = finished(key ^ signature[row]!) + row;
      this.keys[band] = key;
    }
    return this.keys;
  }

  private signatureOf(hashes: Uint32Array): Uint32Array {
    const {values, filled} = this;
    values.fill(EMPTY);
    for (const hash of hashes) {
      const bin = hash % BINS;
      const value = hash >>> 7;
      if (value < values[bin]!) values[bin] = value;
    }
    for (let bin = 0; bin < BINS; bin++) {
      let from = bin;
      for (let attempt = 1; values[from] === EMPTY; attempt++) {
        from = finished(this.seed ^ Math.imul(bin + 1, 0x9e3779b1) ^ Math.imul(attempt, 0x85ebca77)) % BINS;
      }
      filled[bin] = values[from]!;
    }
    return filled;
  }
}

const EMPTY = 0xffffffff;
