import {EventEmitter} from 'node:events';
import {setTimeout} from 'node:timers/promises';
import type {KeyvStoreAdapter, StoredData} from 'keyv';
import type {RootDatabase} from 'lmdb';
import {together} from '../coalesce.ts';
import type {StoredAnswer} from '../stored-answer.ts';
import {openLmdb} from './file.ts';
import {Preallocation} from './preallocate.ts';
import {type RecordHead, RecordHeads, type ShortRecord, withHead} from './record-heads.ts';

/**
 * A storage adapter for Keyv over one LMDB file. Values are kept as MessagePack with typed arrays, so infinities, NaN
 * and 32-bit floats come back bit for bit; of answers, what many have in common is kept once, under a number. Several
 * processes may have one file open.
 */
export class LmdbStore extends EventEmitter implements KeyvStoreAdapter {
  readonly opts: {readonly url: string};
  namespace?: string | undefined;
  readonly #database: RootDatabase<unknown, string | number>;
  readonly #preallocation: Preallocation;
  readonly #heads = new RecordHeads();
  /** Those that were read. What stands under a number never changes. */
  readonly #headsRead = new Map<number, RecordHead>();
  /** Resolves when all that was set has been written, or could not be. */
  #written: Promise<unknown> = Promise.resolve();

  readonly #write: (sets: readonly EntrySet[]) => Promise<void> = together(async sets => {
    try {
      const heads = new Map(sets.flatMap(set => [...set.heads]));
      this.#preallocation.make([...heads, ...sets.flatMap(({entries}) => entries)]);
      await this.#database.batch(() => {
        for (const set of sets) this.#put(set);
        // Each time: another process may have cleared the file.
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
    // Otherwise what was written during this turn of the event loop is not seen.
    this.#database.resetReadTxn();
    return keys.map(key => this.#whole(this.#database.get(key)) as StoredData<Value>);
  }

  async set(key: string, value: unknown): Promise<void> {
    await this.setMany([{key, value}]);
  }

  /**
   * Writes the entries in one transaction, with all that is set in the same turn of the event loop or while the one before
   * is written. They are on disk when the promise resolves; where the disk doesn't take all of them, it has none. LMDB
   * writes in a thread of its own.
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

  /** What can't be written, such as a key that is too long, is refused alone. */
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

  /** As it is kept; its head joins the others. */
  #shortened({key, value}: Entry, heads: Map<number, RecordHead>): Entry {
    const stored = answerIn(value);
    if (stored === undefined) return {key, value};
    const {number, head, record} = this.#heads.shorten(stored);
    heads.set(number, head);
    return {key, value: record};
  }

  /** What was set. */
  #whole(kept: unknown): unknown {
    if (!Array.isArray(kept)) return kept;
    const record = kept as unknown as ShortRecord;
    const [number] = record;
    const head = this.#headsRead.get(number) ?? (this.#database.get(number) as RecordHead | undefined);
    if (head === undefined) throw new Error(`what record ${number} holds for many answers is missing`);
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
  /** As they are kept. */
  readonly entries: readonly Entry[];
  readonly heads: ReadonlyMap<number, RecordHead>;
  /** Why not. */
  refusal?: {readonly reason: unknown};
}

/** How long to wait for the reason of a failed commit, in milliseconds. */
const REASON_WAIT = 100;

/** Why a commit failed. LMDB tells it by a promise of its own, which now and then stays open. */
async function reasonOf(error: unknown): Promise<unknown> {
  const {commitError} = error as {readonly commitError?: Promise<never>};
  if (commitError === undefined) return error;
  return Promise.race([commitError.catch((reason: unknown) => reason), setTimeout(REASON_WAIT, error)]);
}
