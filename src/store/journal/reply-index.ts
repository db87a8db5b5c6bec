import {closeSync, existsSync, fstatSync, openSync} from 'node:fs';
import {join} from 'node:path';
import type {ReplyLocation} from '../stored-answer.ts';
import {type DeletedKeys, readDeleted} from './deleted-keys.ts';
import {counts, ENTRIES_AT_ONCE, IndexFile} from './index-file.ts';
import {type LocatedReply, linesOf, repliesIn, segmentsIn, startOf} from './lines.ts';

/**
 * Finds the replies to queries in all segments of a journal. The index is a file beside the segments. It grows with
 * them: each byte of a journal is read once, however often a query is looked up.
 */
export class ReplyIndex {
  readonly #directory: string;
  readonly #own: string | undefined;
  readonly #large: number | undefined;
  #opened: Promise<IndexFile | undefined> | undefined;
  #deleted: DeletedKeys = new Map();

  /**
   * @param own - a segment that is not searched: that of this process
   * @param large - see `IndexFile`
   */
  constructor(directory: string, own?: string, large?: number) {
    this.#directory = directory;
    this.#own = own;
    this.#large = large;
  }

  /**
   * By query, the locations of replies. If a query has several, the one whose answer was kept last, or else the last
   * one.
   */
  async find(keys: readonly string[]): Promise<ReadonlyMap<string, ReplyLocation>> {
    const found = new Map<string, ReplyLocation>();
    this.#opened ??= this.#open();
    const file = await this.#opened;
    if (file === undefined) return found;
    const {batch} = file;
    for (let start = 0; start < keys.length; start += batch) {
      await this.#findIn(file, keys.slice(start, start + batch), found);
    }
    return found;
  }

  /** Queries that have a reply and no known answer. */
  async *unread(): AsyncGenerator<string> {
    this.#opened ??= this.#open();
    const file = await this.#opened;
    if (file === undefined) return;
    const segments = await file.progress();
    for await (const [key, {segment, keptAt}] of file.all()) {
      if (keptAt === 0 && !this.#isDeleted(key, startOf(segments[segment]![0]))) yield key;
    }
  }

  /** Reads what other processes have written by now, before the next find. */
  async renew(): Promise<void> {
    const file = await this.#opened;
    if (file) await this.#readOn(file);
    else this.#opened = undefined;
  }

  async close(): Promise<void> {
    const file = await this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    await file?.close();
  }

  async #findIn(file: IndexFile, keys: readonly string[], found: Map<string, ReplyLocation>): Promise<void> {
    let [segments, entries] = await file.get(keys);
    if (segments.length === 0) {
      // It was deleted since.
      await this.#readOn(file);
      [segments, entries] = await file.get(keys);
    }
    for (const [index, key] of keys.entries()) {
      const entry = entries[index];
      if (entry === undefined) continue;
      const {segment: number, offset, length, keptAt} = entry;
      const segment = segments[number]![0];
      if (!this.#isDeleted(key, keptAt || startOf(segment))) found.set(key, {segment, offset, length});
    }
  }

  /** Returns undefined if the journal has no segments. */
  async #open(): Promise<IndexFile | undefined> {
    if (this.#segments().length === 0) return undefined;
    const file = new IndexFile(this.#directory, this.#large);
    await this.#readOn(file);
    return file;
  }

  /** @param at - milliseconds since 1970 */
  #isDeleted(key: string, at: number): boolean {
    const deleted = this.#deleted.get(key);
    return deleted !== undefined && at <= deleted;
  }

  #segments(): readonly string[] {
    return segmentsIn(this.#directory).filter(name => name !== this.#own);
  }

  async #readOn(file: IndexFile): Promise<void> {
    this.#deleted = readDeleted(this.#directory);
    for (const segment of this.#segments()) await readSegment(file, this.#directory, segment);
  }
}

/** Adds the replies of a segment to the index, from the last position that was read. */
async function readSegment(index: IndexFile, directory: string, segment: string): Promise<void> {
  const path = join(directory, segment);
  if (!existsSync(path)) return;
  const file = openSync(path, 'r');
  try {
    const {size} = fstatSync(file);
    let read = (await index.progress()).find(([name]) => name === segment)?.[1] ?? 0;
    if (read === size) return;
    let entries = new Map<string, LocatedReply>();
    // A segment that was cut and written anew is read from the beginning.
    let end = read > size ? 0 : read;
    for (const {line, offset} of linesOf(file, end)) {
      end = offset + line.length;
      for (const entry of repliesIn(line, segment, offset)) {
        if (counts(entry, entries.get(entry.key))) entries.set(entry.key, entry);
      }
      if (entries.size < ENTRIES_AT_ONCE) continue;
      await index.add({segment, read, end, entries});
      [read, entries] = [end, new Map()];
    }
    await index.add({segment, read, end, entries});
  } finally {
    closeSync(file);
  }
}
