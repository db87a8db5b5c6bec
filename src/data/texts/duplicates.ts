import {setImmediate} from 'node:timers/promises';
import {InputError} from '../../errors.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import {bandingFor, checkShingling, MinHash, SharedShingles, Shingler, type Shingling} from './shingles.ts';

export interface DuplicateOptions {
  /**
   * Least similarity of near-duplicates: the share of their runs of characters that both have (Jaccard), from 0.5 to 1.
   * With `false`, only texts that differ in nothing but case, white space and forms of characters are duplicates.
   *
   * @default 0.9
   */
  readonly near?: number | false | undefined;
  /**
   * The runs that are compared. Use runs of words for languages that put spaces between words.
   *
   * @default {characters: 5}
   */
  readonly shingles?: Shingling | undefined;
  /**
   * Seed of the hashes.
   *
   * @default 0
   */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const KINDS = {
  near: kinds.numberOrFalse,
  shingles: kinds.object,
  seed: kinds.number,
  signal: kinds.object,
} satisfies Shape<DuplicateOptions>;

/** The duplicates among some texts. */
export interface Duplicates {
  /** For each text, the index of the text that represents it: itself or an earlier one. */
  readonly representative: Int32Array;
  /** The texts that represent themselves, in their order. These are the ones to ask about. */
  readonly distinct: Int32Array;
  /** Number of texts that differ from an earlier one only in case, white space and forms of characters. */
  readonly exact: number;
  /** Number of further texts that are near-duplicates. */
  readonly near: number;
}

/**
 * Finds duplicates in time that grows linearly with the length of the texts. It always finds texts that are the same
 * after NFKC, lower case and one space for each run of white space. MinHash with bands (Broder, 1997; Leskovec,
 * Rajaraman and Ullman, Mining of Massive Datasets, section 3.4) misses few texts that are as similar as `near`. Each
 * candidate is compared exactly, so no less similar text is taken for a duplicate. No two of `distinct` that were
 * compared are as similar as `near`.
 *
 * @throws InputError if an option is out of its range
 */
export async function findDuplicates(texts: readonly string[], options: DuplicateOptions = {}): Promise<Duplicates> {
  checkOptions('findDuplicates', options, KINDS);
  const {near = 0.9, shingles = {characters: 5}, seed = 0, signal} = options;
  checkShingling(shingles);
  if (near !== false && !(near >= 0.5 && near <= 1)) {
    throw new InputError(`Expected \`near\` to be a number from 0.5 to 1, or false, got ${near}.`);
  }
  const alike = near === false ? undefined : new AlikeTexts(texts, near, shingles, seed);
  const representative = new Int32Array(texts.length);
  const distinct: number[] = [];
  /** Index of the representative by normalised text. */
  const known = new Map<string, number>();
  let exact = 0;
  for (const [index, text] of texts.entries()) {
    if (index % BATCH === 0) {
      signal?.throwIfAborted();
      await setImmediate();
    }
    const plain = normalise(text);
    const same = known.get(plain);
    const found = same ?? alike?.findOrAdd(index, plain);
    if (same !== undefined) exact++;
    if (same === undefined) known.set(plain, found ?? index);
    if (found === undefined) distinct.push(index);
    representative[index] = found ?? index;
  }
  return {representative, distinct: Int32Array.from(distinct), exact, near: texts.length - distinct.length - exact};
}

/** Texts that are handled before other work of the process can run. */
const BATCH = 1000;

/** The representatives, searchable by similarity. */
class AlikeTexts {
  private readonly texts: readonly string[];
  private readonly threshold: number;
  private readonly shingler: Shingler;
  private readonly minHash: MinHash;
  private readonly index: NearIndex;
  private readonly shared = new SharedShingles();

  constructor(texts: readonly string[], threshold: number, shingles: Shingling, seed: number) {
    const banding = bandingFor(threshold);
    this.texts = texts;
    this.threshold = threshold;
    this.shingler = new Shingler(shingles, seed);
    this.minHash = new MinHash(banding, seed);
    this.index = new NearIndex(texts.length, banding.bands);
  }

  /** The representative that a text is similar to. If there is none, adds the text and returns undefined. */
  findOrAdd(index: number, plain: string): number | undefined {
    const shingles = this.shingler.of(plain);
    const bands = this.minHash.bandsOf(shingles);
    const candidates = this.index.candidates(bands);
    if (candidates.length > 0) this.shared.load(shingles);
    for (const candidate of candidates) {
      const others = this.shingler.of(normalise(this.texts[candidate]!));
      if (this.shared.similarity(others) >= this.threshold) return candidate;
    }
    this.index.add(index, bands);
    return undefined;
  }
}

/** A text for comparison, without differences in forms of characters, case and white space. */
export function normalise(text: string): string {
  return text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
}

/** The most texts that are kept for one band. More than these only share a common part. */
const MOST_OF_BAND = 32;
/** The most texts that a text is compared with. */
const MOST_CANDIDATES = 16;

/** Texts by the bands of their signatures (locality-sensitive hashing). The cost of a search doesn't grow with them. */
class NearIndex {
  /** The entry that was added last, or -1, by the last bits of a band's key. */
  private readonly heads: Int32Array;
  /** For each entry, the one that was added before it, or -1. */
  private readonly next: Int32Array;
  private readonly keys: Uint32Array;
  private readonly texts: Int32Array;
  private entries = 0;
  /** For each text, the last search that met it, and in how many bands. */
  private readonly met: Int32Array;
  private readonly bands: Uint8Array;
  private looks = 0;

  /**
   * @param count - most texts
   * @param bands - bands of a text
   */
  constructor(count: number, bands: number) {
    const entries = count * bands;
    this.heads = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(entries, 2)))).fill(-1);
    this.next = new Int32Array(entries);
    this.keys = new Uint32Array(entries);
    this.texts = new Int32Array(entries);
    this.met = new Int32Array(count);
    this.bands = new Uint8Array(count);
  }

  add(text: number, keys: Uint32Array): void {
    for (const key of keys) {
      const head = key & (this.heads.length - 1);
      if (this.countOf(key) >= MOST_OF_BAND) continue;
      const entry = this.entries++;
      this.keys[entry] = key;
      this.texts[entry] = text;
      this.next[entry] = this.heads[head]!;
      this.heads[head] = entry;
    }
  }

  /** The texts with most bands in common, the first added first among equals. */
  candidates(keys: Uint32Array): readonly number[] {
    this.looks++;
    const found: number[] = [];
    for (const key of keys) {
      for (let entry = this.heads[key & (this.heads.length - 1)]!; entry >= 0; entry = this.next[entry]!) {
        if (this.keys[entry] !== key) continue;
        const text = this.texts[entry]!;
        if (this.met[text] !== this.looks) {
          this.met[text] = this.looks;
          this.bands[text] = 0;
          found.push(text);
        }
        this.bands[text]!++;
      }
    }
    if (found.length < 2) return found;
    return found.sort((a, b) => this.bands[b]! - this.bands[a]! || a - b).slice(0, MOST_CANDIDATES);
  }

  private countOf(key: number): number {
    let count = 0;
    for (let entry = this.heads[key & (this.heads.length - 1)]!; entry >= 0; entry = this.next[entry]!) {
      if (this.keys[entry] === key) count++;
    }
    return count;
  }
}
