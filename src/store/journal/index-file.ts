import {accessSync, constants, mkdtempSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setImmediate} from 'node:timers/promises';
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
/** The most entries that a commit adds. With more, the file has more pages that wait to be used again. */
export const MOST_ENTRIES = 4000;
/** How many entries are best added at once: in the order of their keys, neighbours share pages. */
export const ENTRIES_AT_ONCE = 50_000;
/** The bytes of a page. */
const PAGE = 4096;

/** How many bytes of each segment were read. The index of a segment in this list is its number. */
export type Progress = readonly (readonly [segment: string, read: number])[];

/** A part of a segment, and its replies. */
export interface Section {
  readonly segment: string;
  /** How many bytes of the segment were read so far, and how many with this part. */
  readonly read: number;
  readonly end: number;
  /** By query, the reply that counts. */
  readonly entries: ReadonlyMap<string, LocatedReply>;
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

  /** How many entries are best read at once. */
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

  /**
   * Adds the replies of a section in several commits, unless another process was faster. If the process ends before the
   * last one, the section is read and added again.
   */
  async add({entries, ...section}: Section): Promise<void> {
    const sorted = [...entries.keys()].sort().map(key => entries.get(key)!);
    let start = 0;
    do {
      const end = start + this.#neighbours(sorted.length);
      const part = {...section, entries: sorted.slice(start, end), isLast: end >= sorted.length};
      const used = Math.min(part.entries.length, ENTRIES_A_MAP);
      if (!(await this.#use(used, opened => commit(opened, part)))) return;
      start = end;
      // The process may hold leases that it has to renew.
      await setImmediate();
    } while (start < sorted.length);
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

  /** How many neighbours of so many sorted entries use about as many pages as `ENTRIES_A_MAP` entries in no order. */
  #neighbours(count: number): number {
    const onEachPage = (count * PAGE) / (this.#size() + PAGE);
    return Math.floor(ENTRIES_A_MAP * Math.min(Math.max(1, onEachPage), MOST_ENTRIES / ENTRIES_A_MAP));
  }

  #isLarge(): boolean {
    return this.#size() >= this.#large;
  }

  #size(): number {
    return statSync(this.#path, {throwIfNoEntry: false})?.size ?? 0;
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

type Kept = Pick<IndexEntry, 'keptAt'>;

/** Whether a reply counts in place of an earlier one: the one whose answer was kept last does, or else the last one. */
export function counts({keptAt}: Kept, earlier: Kept | undefined): boolean {
  return earlier === undefined || earlier.keptAt <= keptAt;
}

interface SectionPart extends Omit<Section, 'entries'> {
  readonly entries: readonly LocatedReply[];
  readonly isLast: boolean;
}

/** Returns false if another process has added the section. */
function commit({database, preallocation}: Opened, {segment, read, end, entries, isLast}: SectionPart): boolean {
  preallocation.make([...entries.map(({key}) => [key, 0]), JSON.stringify(progressIn(database))]);
  return database.transactionSync(() => {
    const progress = new Map(progressIn(database));
    if ((progress.get(segment) ?? 0) !== read) return false;
    progress.set(segment, isLast ? end : read);
    for (const {location} of entries) if (!progress.has(location.segment)) progress.set(location.segment, 0);
    const numbers = new Map(Array.from(progress.keys(), (name, number) => [name, number]));
    for (const {key, location, keptAt} of entries) {
      if (!counts({keptAt}, database.get(key) as IndexEntry | undefined)) continue;
      database.putSync(key, {...location, segment: numbers.get(location.segment)!, keptAt});
    }
    database.putSync(PROGRESS, asBinary(Buffer.from(JSON.stringify([...progress]))));
    return true;
  });
}
