import {accessSync, closeSync, constants, existsSync, fstatSync, mkdtempSync, openSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import type {RootDatabase} from 'lmdb';
import {openLmdb, Preallocation} from '../lmdb/file.ts';
import type {ReplyLocation} from '../stored-answer.ts';
import {type DeletedKeys, readDeleted} from './deleted-keys.ts';
import {keptIn, linesOf, replyKeys} from './lines.ts';
import {segmentsIn, startOf} from './segment.ts';

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
      const [number, offset, length, keptAt] = entry;
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
    for (const {key, value} of opened.database.getRange()) {
      if (typeof key !== 'string') continue;
      const [segment, , , keptAt] = value as IndexEntry;
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

const NAME = 'replies.index';
/** The key under which the index stores its progress. Keys of replies are texts. */
const PROGRESS = 0;
/** How many replies go into the index with one commit. */
const BATCH = 20_000;

/** How many bytes of each segment were read. The index of a segment in this list is its number. */
type Progress = readonly (readonly [segment: string, read: number])[];

/**
 * The location of the reply to a query. `keptAt`: when its answer was kept, in milliseconds since 1970; 0 if unknown.
 */
type IndexEntry = readonly [segment: number, offset: number, length: number, keptAt: number];

/** The open file of an index. */
interface IndexFile {
  readonly database: RootDatabase<unknown, string | number>;
  readonly preallocation: Preallocation;
  close(): Promise<void>;
}

/** If the journal is read-only, the index is created elsewhere, for this process. */
function openIndex(directory: string): IndexFile {
  if (isWritable(directory)) return openAt(join(directory, NAME), () => {});
  const folder = mkdtempSync(join(tmpdir(), 'limbeck-index-'));
  return openAt(join(folder, NAME), () => rmSync(folder, {recursive: true, force: true}));
}

function progressIn({database}: Pick<IndexFile, 'database'>): Progress {
  return (database.get(PROGRESS) as Progress | undefined) ?? [];
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function openAt(path: string, afterwards: () => void): IndexFile {
  const database = openOrMakeAgain(path);
  const close = async () => {
    await database.close();
    afterwards();
  };
  return {database, preallocation: new Preallocation(path, database), close};
}

/** A damaged index is rebuilt, because all of it is in the segments. */
function openOrMakeAgain(path: string): IndexFile['database'] {
  try {
    return openLmdb(path, {});
  } catch {
    for (const file of [path, `${path}-lock`]) rmSync(file, {force: true});
    return openLmdb(path, {});
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
    let section = new Section(segment, read > size ? 0 : read);
    for (const {line, offset} of linesOf(file, section.start)) {
      section.take(line, offset);
      if (section.entries.length < BATCH) continue;
      commit(index, section);
      section = new Section(segment, section.end);
      await setImmediate();
    }
    commit(index, section);
  } finally {
    closeSync(file);
  }
}

/** A part of a segment. */
class Section {
  readonly segment: string;
  readonly start: number;
  end: number;
  readonly entries: {readonly key: string; readonly location: ReplyLocation; readonly keptAt: number}[] = [];

  constructor(segment: string, start: number) {
    this.segment = segment;
    this.start = start;
    this.end = start;
  }

  take(line: Buffer, offset: number): void {
    this.end = offset + line.length;
    const location = {segment: this.segment, offset, length: line.length};
    for (const key of replyKeys(line) ?? []) this.entries.push({key, location: location, keptAt: 0});
    const said = keptIn(line);
    for (const [key, record] of said?.kept ?? []) {
      const [storedAt, location, length] = [record[4], record[6], record[7]];
      if (location === null || length === null) continue;
      this.entries.push({key, location: {segment: said!.in, offset: location, length}, keptAt: Date.parse(storedAt)});
    }
  }
}

/** Writes nothing if another process was faster. */
function commit({database, preallocation}: IndexFile, {segment, start, end, entries}: Section): void {
  preallocation.make([...entries.map(({key}) => [key, 0, 0, 0]), progressIn({database})]);
  database.transactionSync(() => {
    const read = new Map(progressIn({database}));
    if (start > 0 && read.get(segment) !== start) return;
    read.set(segment, end);
    for (const {location} of entries) if (!read.has(location.segment)) read.set(location.segment, 0);
    const numbers = new Map(Array.from(read.keys(), (name, number) => [name, number]));
    for (const {key, location, keptAt} of entries) {
      const known = database.get(key) as IndexEntry | undefined;
      if (known && known[3] > keptAt) continue;
      database.putSync(key, [numbers.get(location.segment), location.offset, location.length, keptAt]);
    }
    database.putSync(PROGRESS, [...read]);
  });
}
