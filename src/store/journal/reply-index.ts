import {type DeletedKeys, readDeleted} from './deleted-keys.ts';
import type {ReplyPlace} from './reply.ts';
import {type IndexEntry, type IndexFile, openIndex, progressIn, readSegment} from './reply-index-file.ts';
import {segmentsIn, startOf} from './segment.ts';

/**
 * Finds the replies to questions in all segments of a journal. It is a file beside them, made of them, that is read on
 * where they have grown: each byte of a journal is read once, however often a question is looked for.
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

  /** Where replies are, by question. Of several it is the one whose answer was kept last, else the last one. */
  async find(keys: readonly string[]): Promise<ReadonlyMap<string, ReplyPlace>> {
    const found = new Map<string, ReplyPlace>();
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

  /** Questions whose replies are there and of whose answers nothing is known. */
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

  /** Undefined where there is nothing to look in. */
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
