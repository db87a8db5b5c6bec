import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {asBinary, type RootDatabase} from 'lmdb';
import {openReplaceableLmdb, Preallocation} from '../lmdb/file.ts';
import type {ReplyLocation} from '../stored-answer.ts';
import {type DeletedKeys, readDeleted} from './deleted-keys.ts';
import {encoder, type IndexEntry, keyEncoder} from './index-form.ts';
import {type LocatedReply, linesOf, repliesIn, segmentsIn, startOf} from './lines.ts';

/**
 * Finds the replies to queries in all segments of a journal. The index is a file beside the segments. It grows with
 * them: each byte of a journal is read once, however often a query is looked up.
 */
export class ReplyIndex {
  readonly #directory: string;
  readonly #own: string | undefined;
  #opened: Promise<IndexFile | undefined> | undefined;
  #deleted: DeletedKeys = new Map();

  /** @param own - a segment that is not searched: that of this process */
  constructor(directory: string, own?: string) {
    this.#directory = directory;
    this.#own = own;
  }

  /**
   * By query, the locations of replies. If a query has several, the one whose answer was kept last, or else the last
   * one.
   */
  async find(keys: readonly string[]): Promise<ReadonlyMap<string, ReplyLocation>> {
    const found = new Map<string, ReplyLocation>();
    this.#opened ??= this.#open();
    const opened = await this.#opened;
    if (opened === undefined) return found;
    const segments = progressIn(opened);
    for (const key of keys) {
      const entry = opened.database.get(key) as IndexEntry | undefined;
      if (entry === undefined) continue;
      const {segment: number, offset, length, keptAt} = entry;
      const segment = segments[number]![0];
      if (!this.#isDeleted(key, keptAt || startOf(segment))) found.set(key, {segment, offset, length});
    }
    return found;
  }

  /** Queries that have a reply and no known answer. */
  async *unread(): AsyncGenerator<string> {
    this.#opened ??= this.#open();
    const opened = await this.#opened;
    if (opened === undefined) return;
    const segments = progressIn(opened);
    for (const {key, value} of opened.database.getRange({start: PROGRESS})) {
      if (typeof key !== 'string') continue;
      const {segment, keptAt} = value as IndexEntry;
      if (keptAt === 0 && !this.#isDeleted(key, startOf(segments[segment]![0]))) yield key;
    }
  }

  /** Reads what other processes have written by now, before the next find. */
  async renew(): Promise<void> {
    const opened = await this.#opened;
    if (opened) await this.#readOn(opened);
    else this.#opened = undefined;
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    await opened?.close();
  }

  /** Returns undefined if the journal has no segments. */
  async #open(): Promise<IndexFile | undefined> {
    if (this.#segments().length === 0) return undefined;
    const opened = openIndex(this.#directory);
    await this.#readOn(opened);
    return opened;
  }

  /** @param at - milliseconds since 1970 */
  #isDeleted(key: string, at: number): boolean {
    const deleted = this.#deleted.get(key);
    return deleted !== undefined && at <= deleted;
  }

  #segments(): readonly string[] {
    return segmentsIn(this.#directory).filter(name => name !== this.#own);
  }

  async #readOn(opened: IndexFile): Promise<void> {
    this.#deleted = readDeleted(this.#directory);
    for (const segment of this.#segments()) await readSegment(opened, this.#directory, segment);
  }
}

const NAME = 'replies-2.index';
/** The index of earlier versions, in another form. */
const EARLIER = 'replies.index';
/** Milliseconds without a change after which no process of an earlier version is taken to need its index. */
const UNUSED = 86_400_000;
/** The key under which the index stores its progress, before all keys of replies. */
const PROGRESS = Buffer.of(0);
/** How many replies go into the index with one commit. With more, the file has more pages that wait to be used again. */
const BATCH = 4000;

/** How many bytes of each segment were read. The index of a segment in this list is its number. */
type Progress = readonly (readonly [segment: string, read: number])[];

/** The open file of an index. */
interface IndexFile {
  readonly database: RootDatabase<unknown, string | Uint8Array>;
  readonly preallocation: Preallocation;
  close(): Promise<void>;
}

/** If the journal is read-only, the index is created elsewhere, for this process. */
function openIndex(directory: string): IndexFile {
  const folder = isWritable(directory) ? directory : mkdtempSync(join(tmpdir(), 'limbeck-index-'));
  removeEarlier(folder);
  const path = join(folder, NAME);
  const database = openReplaceableLmdb<unknown, string | Uint8Array>(path, {encoder, keyEncoder});
  const close = async () => {
    await database.close();
    if (folder !== directory) rmSync(folder, {recursive: true, force: true});
  };
  return {database, preallocation: new Preallocation(path, database), close};
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

function progressIn({database}: Pick<IndexFile, 'database'>): Progress {
  return JSON.parse(database.getBinary(PROGRESS)?.toString() ?? '[]');
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Adds the replies of a segment to the index, from the last position that was read. */
async function readSegment(index: IndexFile, directory: string, segment: string): Promise<void> {
  const path = join(directory, segment);
  if (!existsSync(path)) return;
  const file = openSync(path, 'r');
  try {
    const {size} = fstatSync(file);
    const read = progressIn(index).find(([name]) => name === segment)?.[1] ?? 0;
    if (read === size) return;
    // A segment that was cut and written anew is read from the beginning.
    let start = read > size ? 0 : read;
    let end = start;
    let entries: LocatedReply[] = [];
    for (const {line, offset} of linesOf(file, start)) {
      end = offset + line.length;
      for (const entry of repliesIn(line, segment, offset)) entries.push(entry);
      if (entries.length < BATCH) continue;
      commit(index, {segment, start, end, entries});
      [start, entries] = [end, []];
      await setImmediate();
    }
    commit(index, {segment, start, end, entries});
  } finally {
    closeSync(file);
  }
}

/** A part of a segment, and its replies. */
interface Section {
  readonly segment: string;
  readonly start: number;
  readonly end: number;
  readonly entries: readonly LocatedReply[];
}

/** Writes nothing if another process was faster. */
function commit({database, preallocation}: IndexFile, {segment, start, end, entries}: Section): void {
  const progress = JSON.stringify(progressIn({database}));
  preallocation.make([...entries.map(({key}) => [key, 0]), progress]);
  database.transactionSync(() => {
    const read = new Map(progressIn({database}));
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
