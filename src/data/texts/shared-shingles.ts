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
