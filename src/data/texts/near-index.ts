/** The most texts kept of one band: so many are alike by a part that all of them share. */
const MOST_OF_BAND = 32;
/** The most texts that one is compared with. */
const MOST_CANDIDATES = 16;

/** Texts by the bands of their signatures (locality-sensitive hashing). What a look takes does not grow with the texts. */
export class NearIndex {
  /** By the last bits of a band's key, the entry that was added last, or -1. */
  private readonly heads: Int32Array;
  /** By entry, the one that was added before, or -1. */
  private readonly next: Int32Array;
  private readonly keys: Uint32Array;
  private readonly texts: Int32Array;
  private entries = 0;
  /** By text, the look at which it was last met, and in how many bands. */
  private readonly met: Int32Array;
  private readonly bands: Uint8Array;
  private looks = 0;

  /**
   * @param count - of texts, at most
   * @param bands - of a text
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
