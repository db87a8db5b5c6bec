import {accessSync, closeSync, constants, existsSync, fstatSync, mkdtempSync, openSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import type {RootDatabase} from 'lmdb';
import {openLmdb} from '../lmdb/file.ts';
import {Preallocation} from '../lmdb/preallocate.ts';
import {type DeletedKeys, readDeleted} from './deleted-keys.ts';
import {keptIn} from './kept-lines.ts';
import {linesOf} from './lines.ts';
import {type ReplyLocation, replyKeys} from './reply.ts';
import {segmentsIn, startOf} from './segment.ts';

/**
 * Finds the replies to queries in all segments of a journal. It is a file beside them, made of them, that is read on
 * where they have grown: each byte of a journal is read once, however often a query is looked for.
 */
export class ReplyIndex {
  readonly #directory: string;
  readonly #own: string | undefined;
  #opened: Promise<IndexFile | undefined> | undefined;
  #deleted: DeletedKeys = new Map();

  /** @param own - a segment in which nothing is looked for: that of this process */
  constructor(directory: string, own?: string) {
    this.#directory = directory;
    this.#own = own;
  }

  /** Where replies are, by query. Of several it is the one whose answer was kept last, else the last one. */
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

  /** Queries whose replies are there and of whose answers nothing is known. */
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

  /** Looks for what other processes have written since, before the next find. */
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

  /** Undefined if there is nothing to look in. */
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
/** Under which the index says how far it has read. Keys of replies are texts. */
const PROGRESS = 0;
/** How many replies go into the index with one commit. */
const BATCH = 20_000;

/** How far each segment was read, in bytes. A segment's place here is its number. */
type Progress = readonly (readonly [segment: string, read: number])[];

/** Where the reply to a query is. `keptAt`: when its answer was kept, in milliseconds since 1970; 0: not known. */
type IndexEntry = readonly [segment: number, offset: number, length: number, keptAt: number];

/** The file of an index, open. */
interface IndexFile {
  readonly database: RootDatabase<unknown, string | number>;
  readonly preallocation: Preallocation;
  close(): Promise<void>;
}

/** Where the journal may only be read, the index is made elsewhere, for this process. */
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

/** An index that is damaged is made again: all of it is in the segments. */
function openOrMakeAgain(path: string): IndexFile['database'] {
  try {
    return openLmdb(path, {});
  } catch {
    for (const file of [path, `${path}-lock`]) rmSync(file, {force: true});
    return openLmdb(path, {});
  }
}

/** Takes the replies of a segment into the index, from if it was read last. */
async function readSegment(index: IndexFile, directory: string, segment: string): Promise<void> {
  const path = join(directory, segment);
  if (!existsSync(path)) return;
  const file = openSync(path, 'r');
  try {
    const {size} = fstatSync(file);
    const read = progressIn(index).find(([name]) => name === segment)?.[1] ?? 0;
    if (read === size) return;
    // What was cut off and written anew is read from the beginning.
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

/** Unless another process was faster. */
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
