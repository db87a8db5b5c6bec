import {closeSync, fstatSync, openSync, writeSync} from 'node:fs';
import type {RootDatabase} from 'lmdb';
import {cutOff} from './cut-off.ts';

/** For the roots of the trees and the list of free pages. */
const PAGES_A_COMMIT = 16;
/** After a split a page is half full at least. */
const HALF_FULL = 2;
/** Larger entries may have pages of their own. */
const LARGE = 1024;
/** How many pages, at least, one above them knows, and how many stand above each other at most. */
const BRANCHES = 16;
const DEPTH = 4;
/** By how much of itself a file grows, and the least and the most of that, in bytes. */
const GROWTH = 1 / 32;
const LEAST_GROWTH = 1 << 16;
const MOST_GROWTH = 1 << 22;

const zeros = Buffer.alloc(1 << 16);

type Database = Pick<RootDatabase, 'getStats' | 'transactionSync'>;

/**
 * Room at the end of an LMDB file, made before a commit needs it. Where a commit itself finds the disk full, lmdb (3.5)
 * writes a message of more than 100 characters into a buffer of 100, and the process ends at some later moment. What is
 * written here fails as every write does, and leaves the file as it was.
 */
export class Preallocation {
  readonly #path: string;
  readonly #database: Database;
  /** Bytes of the file that are there for certain. */
  #end = 0;

  constructor(path: string, database: Database) {
    this.#path = path;
    this.#database = database;
  }

  /**
   * Makes room for a commit.
   *
   * @throws Error if there is none
   */
  make(values: readonly unknown[]): void {
    const sizes = values.map(bytesIn);
    if (this.#endWith(sizes) <= this.#end) return;
    // In a transaction: the end of the file is no other process's meanwhile.
    this.#database.transactionSync(() => {
      const end = this.#endWith(sizes);
      this.#end = grown(this.#path, end, Math.min(MOST_GROWTH, Math.max(LEAST_GROWTH, end * GROWTH)));
    });
  }

  /** Where the file ends at most with entries of so many bytes more. */
  #endWith(sizes: readonly number[]): number {
    const {
      lastPageNumber,
      root: {pageSize},
    } = this.#database.getStats() as Stats;
    const pages = lastPageNumber + 1;
    const count = sizes.length;
    const small = sizes.reduce((sum, size) => sum + (size > LARGE ? 0 : size), 0);
    const own = sizes.reduce((sum, size) => sum + (size > LARGE ? Math.ceil(size / pageSize) + 1 : 0), 0);
    // A page that changes is written anew: one an entry, unless there are fewer, and those above them.
    const changed = Math.min(count, pages) + Math.min(DEPTH * count, Math.ceil(pages / BRANCHES) + DEPTH);
    const split = Math.ceil((HALF_FULL * small) / pageSize);
    return (pages + PAGES_A_COMMIT + changed + split + own) * pageSize;
  }
}

/** What is used of what lmdb says of a file. */
interface Stats {
  readonly lastPageNumber: number;
  readonly root: {readonly pageSize: number};
}

/** Makes a file longer if it ends before `end`; how long it is then. */
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
      // Room that is not enough: others need it to say so.
      cutOff(file, size);
      throw error;
    }
  } finally {
    closeSync(file);
  }
}

/** How many bytes a value takes at most as MessagePack. Loops, since it is asked about every answer. */
function bytesIn(value: unknown): number {
  if (typeof value === 'string') return 5 + Buffer.byteLength(value);
  if (typeof value !== 'object' || value === null) return 9;
  if (ArrayBuffer.isView(value)) return 16 + value.byteLength;
  let bytes = 5;
  if (Array.isArray(value)) for (const part of value) bytes += bytesIn(part);
  else for (const name in value) bytes += 5 + 3 * name.length + bytesIn(value[name as keyof typeof value]);
  return bytes;
}
