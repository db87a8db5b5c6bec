import {closeSync, fstatSync, openSync, writeSync} from 'node:fs';
import type {RootDatabase} from 'lmdb';
import {cutOff} from '../../data/files.ts';

/** For the roots of the trees and the list of free pages. */
const PAGES_A_COMMIT = 16;
/** After a split a page is at least half full. */
const HALF_FULL = 2;
/** Larger entries can have pages of their own. */
const LARGE = 1024;
/** The fewest children of a branch page, and the greatest depth of a tree. */
const BRANCHES = 16;
const DEPTH = 4;
/** The share by which a file grows, and the least and the most growth in bytes. */
const GROWTH = 1 / 32;
const LEAST_GROWTH = 1 << 16;
const MOST_GROWTH = 1 << 22;

const zeros = Buffer.alloc(1 << 16);

type Database = Pick<RootDatabase, 'getStats' | 'transactionSync'>;

/**
 * Preallocates space at the end of an LMDB file before a commit needs it. If a commit finds the disk full, lmdb (3.5)
 * writes a message of more than 100 characters into a buffer of 100, and the process ends at some later moment. A write
 * here fails like every write, and leaves the file as it was.
 */
export class Preallocation {
  readonly #path: string;
  readonly #database: Database;
  /** The bytes of the file that surely exist. */
  #end = 0;

  constructor(path: string, database: Database) {
    this.#path = path;
    this.#database = database;
  }

  /**
   * Preallocates space for a commit.
   *
   * @throws Error if there is none
   */
  make(values: readonly unknown[]): void {
    const sizes = values.map(bytesIn);
    if (this.#endWith(sizes) <= this.#end) return;
    // In a transaction, so that no other process moves the end of the file.
    this.#database.transactionSync(() => {
      const end = this.#endWith(sizes);
      this.#end = grown(this.#path, end, Math.min(MOST_GROWTH, Math.max(LEAST_GROWTH, end * GROWTH)));
    });
  }

  /** The furthest end of the file with entries of these additional sizes. */
  #endWith(sizes: readonly number[]): number {
    const {
      lastPageNumber,
      root: {pageSize},
    } = this.#database.getStats() as Stats;
    const pages = lastPageNumber + 1;
    const count = sizes.length;
    const small = sizes.reduce((sum, size) => sum + (size > LARGE ? 0 : size), 0);
    const own = sizes.reduce((sum, size) => sum + (size > LARGE ? Math.ceil(size / pageSize) + 1 : 0), 0);
    // A changed page is written anew: one per entry, unless there are fewer, and the pages above them.
    const changed = Math.min(count, pages) + Math.min(DEPTH * count, Math.ceil(pages / BRANCHES) + DEPTH);
    const split = Math.ceil((HALF_FULL * small) / pageSize);
    return (pages + PAGES_A_COMMIT + changed + split + own) * pageSize;
  }
}

/** The used part of lmdb's statistics of a file. */
interface Stats {
  readonly lastPageNumber: number;
  readonly root: {readonly pageSize: number};
}

/** Extends a file that ends before `end`. Returns its length. */
function grown(path: string, end: number, growth: number): number {
  const file = openSync(path, 'r+');
  try {
    const {size} = fstatSync(file);
    if (size >= end) return size;
    try {
      let position = size;
      while (position < end + growth) position += writeSync(file, zeros, 0, zeros.length, position);
      return position;
    } catch (error) {
      // Space that does not suffice is freed, because others need it to report the failure.
      cutOff(file, size);
      throw error;
    }
  } finally {
    closeSync(file);
  }
}

/**
 * The most bytes that a value takes as MessagePack. It loops instead of allocating, because it runs for every answer.
 */
function bytesIn(value: unknown): number {
  if (typeof value === 'string') return 5 + Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 9;
  if (ArrayBuffer.isView(value)) return 16 + value.byteLength;
  let bytes = 5;
  if (Array.isArray(value)) for (const part of value) bytes += bytesIn(part);
  else for (const name in value) bytes += 5 + 3 * name.length + bytesIn(value[name as keyof typeof value]);
  return bytes;
}
