import {closeSync, fstatSync, openSync, readSync, rmSync, statSync, writeSync} from 'node:fs';
import {dirname} from 'node:path';
import {open, type RootDatabase, type RootDatabaseOptions} from 'lmdb';
import {cutOff, makeFolder} from '../../data/files.ts';

/** Bytes before the content of a page: its number first, its kind after two words. */
const PAGE_HEAD = 24;
const PAGE_KIND = 18;
const BRANCH = 1;
const LEAF = 2;
const META = 8;
/** The first two pages hold the state of the file, each for one of the last two commits. Both contain this number. */
const MAGIC = 0xbeef_c0de;
const FORMAT = 2;
/** Offsets from the magic number. */
const VERSION = 4;
const PAGE_SIZE = 24;
const ROOTS = [64, 112];
const LAST_PAGE = 120;
const COMMIT = 128;
const META_BYTES = PAGE_HEAD + COMMIT + 8;
/** The root of an empty tree. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/**
 * Opens an LMDB file, and creates it and its folders if needed. LMDB ends the process if a file is damaged or not its
 * own, so the file is checked first.
 *
 * @throws Error that says what is wrong with the file
 */
export function openLmdb<Value, Key extends string | number | Uint8Array = string>(
  path: string,
  options: RootDatabaseOptions,
): RootDatabase<Value, Key> {
  makeFolder(dirname(path));
  checkFile(path);
  return open({
    path,
    noSubdir: true,
    // A commit then returns when the disk has it, and an answer survives a power cut as well as a killed process.
    overlappingSync: false,
    // Otherwise a failed commit leaves a rejected promise that nobody can reach, which ends the process.
    eventTurnBatching: false,
    ...options,
  });
}

/** Opens an LMDB file whose content can be made again. A damaged one is replaced by an empty one. */
export function openReplaceableLmdb<Value, Key extends string | number | Uint8Array = string>(
  path: string,
  options: RootDatabaseOptions = {},
): RootDatabase<Value, Key> {
  try {
    return openLmdb(path, options);
  } catch {
    for (const file of [path, `${path}-lock`]) rmSync(file, {force: true});
    return openLmdb(path, options);
  }
}

/** True if there is an LMDB file with a damaged or missing part. For other files that is not known. */
export function isDamagedLmdb(path: string): boolean {
  try {
    checkFile(path);
    return false;
  } catch (error) {
    return error instanceof DamagedFileError;
  }
}

class DamagedFileError extends Error {
  constructor(problem: string) {
    super(`${problem} (\`limbeck cache rebuild\` moves it away and rebuilds it from the journal)`);
  }
}

function checkFile(path: string): void {
  const stats = statSync(path, {throwIfNoEntry: false});
  if (stats === undefined) return;
  if (stats.isDirectory()) throw new Error('it is a directory (EISDIR)');
  // To open a pipe would wait for its writer.
  if (!stats.isFile()) throw new Error('it is not a regular file');
  const file = openSync(path, 'r');
  try {
    // A new file is empty until the first process to open it has written its first pages.
    if (fstatSync(file).size > 0) checkPages(file);
  } finally {
    closeSync(file);
  }
}

function checkPages(file: number): void {
  // A first page of zeros is damage: such a file is nothing else.
  if (readAt(file, 0, META_BYTES).every(byte => byte === 0)) throw damaged('the first page');
  const first = metaAt(file, 0, 0);
  const size = first.readUInt32LE(PAGE_SIZE);
  if (size < META_BYTES || !Number.isInteger(Math.log2(size))) throw damaged('the first page');
  const second = metaAt(file, 1, size);
  const isLater = second.readBigUInt64LE(COMMIT) > first.readBigUInt64LE(COMMIT);
  const state = isLater ? second : first;
  const pages = Number(state.readBigUInt64LE(LAST_PAGE)) + 1;
  if (fstatSync(file).size < pages * size)
    throw new DamagedFileError('the file is an LMDB database whose end is missing');
  for (const index of ROOTS) {
    const root = state.readBigUInt64LE(index);
    if (root !== NO_PAGE && !isOfTree(readAt(file, Number(root) * size, PAGE_HEAD), root)) {
      throw damaged(`page ${root}`);
    }
  }
}

/** The bytes from the magic number on in one of the first two pages. */
function metaAt(file: number, number: number, offset: number): Buffer {
  const page = readAt(file, offset, META_BYTES);
  const meta = page.subarray(PAGE_HEAD);
  const isMeta = page.readUInt16LE(PAGE_KIND) === META && meta.readUInt32LE() === MAGIC;
  if (!isMeta && number === 0) throw new Error('the file is not an LMDB database, or its first page is damaged');
  if (!isMeta) throw damaged('the second page');
  const format = meta.readUInt16LE(VERSION);
  if (format !== FORMAT) throw new Error(`the file is an LMDB database of format ${format}, not ${FORMAT}`);
  return meta;
}

/** True if a page has this number and belongs to a tree. */
function isOfTree(page: Buffer, number: bigint): boolean {
  return page.readBigUInt64LE() === number && (page.readUInt16LE(PAGE_KIND) & (BRANCH | LEAF)) !== 0;
}

/** Bytes beyond the end are zeros. */
function readAt(file: number, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, position);
  return bytes;
}

function damaged(what: string): DamagedFileError {
  return new DamagedFileError(`${what} of this LMDB database is damaged`);
}

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
