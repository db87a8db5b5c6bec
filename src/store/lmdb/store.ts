import {EventEmitter} from 'node:events';
import {setTimeout} from 'node:timers/promises';
import type {KeyvStoreAdapter, StoredData} from 'keyv';
import type {RootDatabase} from 'lmdb';
import {coalesce} from '../../concurrency.ts';
import {type RecordHead, RecordHeads, type ShortRecord, withHead} from '../record-heads.ts';
import type {StoredAnswer} from '../stored-answer.ts';
import {openLmdb, Preallocation} from './file.ts';

/**
 * A storage adapter for Keyv over one LMDB file. Values are stored as MessagePack with typed arrays, so infinities, NaN
 * and 32-bit floats come back bit for bit. The common part of many answers is stored once, under a number. Several
 * processes can have one file open.
 */
export class LmdbStore extends EventEmitter implements KeyvStoreAdapter {
  readonly opts: {readonly url: string};
  namespace?: string | undefined;
  readonly #database: RootDatabase<unknown, string | number>;
  readonly #preallocation: Preallocation;
  readonly #heads = new RecordHeads();
  /** Heads that were read. The content of a number never changes. */
  readonly #headsRead = new Map<number, RecordHead>();
  /** Resolves when all earlier writes have ended, with or without success. */
  #written: Promise<unknown> = Promise.resolve();

  readonly #write: (sets: readonly EntrySet[]) => Promise<void> = coalesce(async sets => {
    try {
      const heads = new Map(sets.flatMap(set => [...set.heads]));
      this.#preallocation.make([...heads, ...sets.flatMap(({entries}) => entries)]);
      await this.#database.batch(() => {
        for (const set of sets) this.#put(set);
        // Each time, because another process may have cleared the file.
        for (const [number, head] of heads) this.#database.put(number, head);
      });
    } catch (error) {
      throw await reasonOf(error);
    }
  });

  constructor(path: string) {
    super();
    this.opts = {url: path};
    this.#database = openLmdb(path, {encoder: {useRecords: false, moreTypes: true}});
    this.#preallocation = new Preallocation(path, this.#database);
  }

  async get<Value>(key: string): Promise<StoredData<Value>> {
    return (await this.getMany<Value>([key]))[0];
  }

  async getMany<Value>(keys: readonly string[]): Promise<StoredData<Value>[]> {
    // Otherwise writes of this turn of the event loop are not seen.
    this.#database.resetReadTxn();
    return keys.map(key => this.#whole(this.#database.get(key)) as StoredData<Value>);
  }

  async set(key: string, value: unknown): Promise<void> {
    await this.setMany([{key, value}]);
  }

  /**
   * Writes the entries in one transaction, with all others of the same turn of the event loop or of the time that the
   * previous transaction takes. They are on disk when the promise resolves. If the disk doesn't take all of them, it
   * has none. LMDB writes in a thread of its own.
   */
  async setMany(entries: readonly Entry[]): Promise<void> {
    const heads = new Map<number, RecordHead>();
    const set: EntrySet = {entries: entries.map(entry => this.#shortened(entry, heads)), heads};
    const written = this.#write([set]);
    // Writes end in the order in which they began.
    this.#written = written.catch(() => {});
    await written;
    if (set.refusal) throw set.refusal.reason;
  }

  /** An entry that can't be written, for example because its key is too long, is refused alone. */
  #put(set: EntrySet): void {
    try {
      for (const {key, value} of set.entries) this.#database.put(key, value);
    } catch (reason) {
      set.refusal = {reason};
    }
  }

  async delete(key: string): Promise<boolean> {
    await this.#written;
    this.#preallocation.make([key]);
    return this.#database.removeSync(key);
  }

  async clear(): Promise<void> {
    await this.#written;
    this.#database.clearSync();
  }

  async count(): Promise<number> {
    this.#database.resetReadTxn();
    return this.#database.getCount() - this.#database.getKeysCount({start: 0, end: Number.POSITIVE_INFINITY});
  }

  async *iterator<Value>(): AsyncGenerator<[string, Awaited<Value>], void> {
    for (const {key, value} of this.#database.getRange()) {
      if (typeof key === 'string') yield [key, this.#whole(value) as Awaited<Value>];
    }
  }

  async disconnect(): Promise<void> {
    await this.#written;
    await this.#database.close();
  }

  /** The stored form. Its head joins the others. */
  #shortened({key, value}: Entry, heads: Map<number, RecordHead>): Entry {
    const stored = answerIn(value);
    if (stored === undefined) return {key, value};
    const {number, head, record} = this.#heads.shorten(stored);
    heads.set(number, head);
    return {key, value: record};
  }

  /** The original value. */
  #whole(kept: unknown): unknown {
    if (!Array.isArray(kept)) return kept;
    const record = kept as unknown as ShortRecord;
    const [number] = record;
    const head = this.#headsRead.get(number) ?? (this.#database.get(number) as RecordHead | undefined);
    if (head === undefined) throw new Error(`record ${number}, which many answers share, is missing`);
    this.#headsRead.set(number, head);
    return {value: withHead(record, head)};
  }
}

/** The answer that Keyv has set, which comes in an envelope. */
function answerIn(value: unknown): StoredAnswer | undefined {
  const {value: stored} = (value ?? {}) as {readonly value?: Partial<StoredAnswer>};
  return stored?.format === 1 ? (stored as StoredAnswer) : undefined;
}

interface Entry {
  readonly key: string;
  readonly value: unknown;
}

/** Entries that are set together. */
interface EntrySet {
  /** In their stored form. */
  readonly entries: readonly Entry[];
  readonly heads: ReadonlyMap<number, RecordHead>;
  /** The reason of a refusal. */
  refusal?: {readonly reason: unknown};
}

/** How long to wait for the reason of a failed commit, in milliseconds. */
const REASON_WAIT = 100;

/** The reason of a failed commit. LMDB reports it by a promise of its own, which sometimes never settles. */
async function reasonOf(error: unknown): Promise<unknown> {
  const {commitError} = error as {readonly commitError?: Promise<never>};
  if (commitError === undefined) return error;
  return Promise.race([commitError.catch((reason: unknown) => reason), setTimeout(REASON_WAIT, error)]);
}
