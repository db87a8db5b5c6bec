import {accessSync, constants, mkdtempSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {asBinary, type RangeOptions, type RootDatabase} from 'lmdb';
import pLimit, {type LimitFunction} from 'p-limit';
import {openReplaceableLmdb, Preallocation} from '../lmdb/file.ts';
import {encoder, type IndexEntry, keyEncoder} from './index-form.ts';
import type {LocatedReply} from './lines.ts';

const NAME = 'replies-2.index';
/** The index of earlier versions, in another form. */
const EARLIER = 'replies.index';
/** Milliseconds without a change after which no process of an earlier version is taken to need its index. */
const UNUSED = 86_400_000;
/** The key under which the index stores its progress, before all keys of replies. */
const PROGRESS = Buffer.of(0);
/**
 * LMDB maps its file. Linux counts the pages that were used, and those around them, as memory of the process until the
 * file is closed. A file of more bytes than this is closed and opened again after this many entries: with a million, 97
 * MiB are mapped in place of 300, for 7 µs a look-up.
 */
const LARGE = 1 << 24;
export const ENTRIES_A_MAP = 1000;
/** How many entries a commit adds to a smaller file. With more, the file has more pages that wait to be used again. */
export const MOST_ENTRIES = 4000;

/** How many bytes of each segment were read. The index of a segment in this list is its number. */
export type Progress = readonly (readonly [segment: string, read: number])[];

/** A part of a segment, and its replies. */
export interface Section {
  readonly segment: string;
  readonly start: number;
  readonly end: number;
  readonly entries: readonly LocatedReply[];
}

type Part = readonly {readonly key: string | Uint8Array; readonly value: unknown}[];

interface Opened {
  readonly database: RootDatabase<unknown, string | Uint8Array>;
  readonly preallocation: Preallocation;
}

/** The file of a journal's index. If the journal is read-only, it is a temporary one, for this process. */
export class IndexFile {
  readonly #path: string;
  readonly #temporary: string | undefined;
  readonly #large: number;
  readonly #inOrder: LimitFunction = pLimit(1);
  #opened: Opened;
  #used = 0;

  /** @param large - bytes of a file that is opened anew again and again */
  constructor(directory: string, large: number = LARGE) {
    this.#large = large;
    this.#temporary = isWritable(directory) ? undefined : mkdtempSync(join(tmpdir(), 'limbeck-index-'));
    const folder = this.#temporary ?? directory;
    removeEarlier(folder);
    this.#path = join(folder, NAME);
    this.#opened = open(this.#path);
  }

  /** How many entries are best read or added at once. */
  get batch(): number {
    return this.#isLarge() ? ENTRIES_A_MAP : MOST_ENTRIES;
  }

  progress(): Promise<Progress> {
    return this.#use(0, ({database}) => progressIn(database));
  }

  /** The progress of the index, and the entries of these queries in their order. */
  get(keys: readonly string[]): Promise<readonly [Progress, readonly (IndexEntry | undefined)[]]> {
    return this.#use(keys.length, ({database}) => [
      progressIn(database),
      keys.map(key => database.get(key) as IndexEntry | undefined),
    ]);
  }

  /** All queries and their entries, in the order of their keys. */
  async *all(): AsyncGenerator<readonly [key: string, entry: IndexEntry]> {
    let start: string | Uint8Array | undefined = PROGRESS;
    while (start !== undefined) {
      const range: RangeOptions = {start, exclusiveStart: true, limit: ENTRIES_A_MAP};
      const part: Part = await this.#use(ENTRIES_A_MAP, ({database}) => database.getRange(range).asArray);
      for (const {key, value} of part) yield [key as string, value as IndexEntry];
      start = part.at(-1)?.key;
    }
  }

  /** Adds the replies of a section, unless another process was faster. */
  add(section: Section): Promise<void> {
    return this.#use(section.entries.length, opened => commit(opened, section));
  }

  async close(): Promise<void> {
    await this.#inOrder(() => this.#opened.database.close());
    if (this.#temporary !== undefined) rmSync(this.#temporary, {recursive: true, force: true});
  }

  #use<Result>(entries: number, work: (opened: Opened) => Result): Promise<Result> {
    return this.#inOrder(async () => {
      if (this.#used >= ENTRIES_A_MAP && this.#isLarge()) {
        await this.#opened.database.close();
        this.#opened = open(this.#path);
        this.#used = 0;
      }
      this.#used += entries;
      return work(this.#opened);
    });
  }

  #isLarge(): boolean {
    return (statSync(this.#path, {throwIfNoEntry: false})?.size ?? 0) >= this.#large;
  }
}

function open(path: string): Opened {
  const database = openReplaceableLmdb<unknown, string | Uint8Array>(path, {encoder, keyEncoder});
  return {database, preallocation: new Preallocation(path, database)};
}

/** A process that has the file open reads on, and one that misses it makes it again. */
function removeEarlier(folder: string): void {
  const path = join(folder, EARLIER);
  try {
    const changed = statSync(path, {throwIfNoEntry: false})?.mtimeMs ?? Number.POSITIVE_INFINITY;
    if (Date.now() - changed > UNUSED) for (const file of [path, `${path}-lock`]) rmSync(file, {force: true});
  } catch {
    // It takes room, and nothing else. Some systems remove no file that is open.
  }
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function progressIn(database: Opened['database']): Progress {
  return JSON.parse(database.getBinary(PROGRESS)?.toString() ?? '[]');
}

function commit({database, preallocation}: Opened, {segment, start, end, entries}: Section): void {
  const progress = JSON.stringify(progressIn(database));
  preallocation.make([...entries.map(({key}) => [key, 0]), progress]);
  database.transactionSync(() => {
    const read = new Map(progressIn(database));
    if (start > 0 && read.get(segment) !== start) return;
    read.set(segment, end);
    for (const {location} of entries) if (!read.has(location.segment)) read.set(location.segment, 0);
    const numbers = new Map(Array.from(read.keys(), (name, number) => [name, number]));
    for (const {key, location, keptAt} of entries) {
      const known = database.get(key) as IndexEntry | undefined;
      if (known && known.keptAt > keptAt) continue;
      database.putSync(key, {...location, segment: numbers.get(location.segment)!, keptAt});
    }
    database.putSync(PROGRESS, asBinary(Buffer.from(JSON.stringify([...read]))));
  });
}
