import {deserialize, serialize} from 'node:v8';
import {Keyv, type KeyvStoreAdapter} from 'keyv';
import {AnswerStoreError} from '../errors.ts';
import type {Answer, Detail, Teacher} from '../teacher.ts';
import type {QuestionDigest} from './key.ts';
import {LmdbStore} from './lmdb-store.ts';

/** One kept answer with what is needed to list it, explain it and work out its key again. */
export interface StoredAnswer {
  readonly format: 1;
  readonly teacher: Pick<Teacher, 'name' | 'identity'>;
  readonly question: QuestionDigest;
  /** What the answer can serve. A top-k answer may name fewer classes than the k it was asked for. */
  readonly detail: Detail;
  readonly answer: Answer;
  /** ISO 8601. */
  readonly storedAt: string;
}

export interface AnswerEntry {
  /** See `answerKey`. */
  readonly key: string;
  readonly stored: StoredAnswer;
}

/**
 * Where answers are kept. Nothing expires and nothing is evicted: they were paid for. Every failure is an
 * AnswerStoreError, never a miss.
 */
export interface AnswerStore {
  /** How messages call it: the path of its file. */
  readonly name: string;
  get(key: string): Promise<StoredAnswer | undefined>;
  /** In the order of the keys. */
  getMany(keys: readonly string[]): Promise<readonly (StoredAnswer | undefined)[]>;
  set(key: string, stored: StoredAnswer): Promise<void>;
  /** With the embedded store all entries are on disk when the promise resolves. */
  setMany(entries: readonly AnswerEntry[]): Promise<void>;
  /** Whether there was such an answer. */
  delete(key: string): Promise<boolean>;
  /** Every kept answer. */
  entries(): AsyncIterable<AnswerEntry>;
  count(): Promise<number>;
  close(): Promise<void>;
}

export type AnswerStoreOptions =
  | {
      /** The file of the embedded store, made where there is none. A lock file stands beside it. */
      readonly path: string;
    }
  | {
      /** Any storage of Keyv's, or a map to keep answers in memory. */
      readonly store: KeyvStoreAdapter | Map<string, unknown>;
    };

type Backend = KeyvStoreAdapter & {count?(): Promise<number>};

/** Names a store of answers. It is opened at its first use, and again after `close`. */
export function openAnswerStore(options: AnswerStoreOptions): AnswerStore {
  return new KeyvAnswerStore(options);
}

class KeyvAnswerStore implements AnswerStore {
  readonly name: string;
  readonly #options: AnswerStoreOptions;
  #opened: Keyv | undefined;

  constructor(options: AnswerStoreOptions) {
    this.name = 'path' in options ? options.path : 'given by the caller';
    this.#options = options;
  }

  async get(key: string): Promise<StoredAnswer | undefined> {
    return (await this.getMany([key]))[0];
  }

  async getMany(keys: readonly string[]): Promise<readonly (StoredAnswer | undefined)[]> {
    const found = await this.#try('read', keyv =>
      // Keyv 5 takes a failed read for a miss where it makes many of one, whatever `throwOnErrors` says.
      backendOf(keyv).getMany ? keyv.getMany([...keys]) : Promise.all(keys.map(key => keyv.get(key))),
    );
    return found.map(record => (record === undefined ? undefined : this.#checked(record)));
  }

  async set(key: string, stored: StoredAnswer): Promise<void> {
    await this.setMany([{key, stored}]);
  }

  async setMany(entries: readonly AnswerEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const written = await this.#try('written', keyv =>
      keyv.setMany(entries.map(({key, stored}) => ({key, value: stored}))),
    );
    // The storage may answer with nothing, or with one verdict an entry.
    if (written?.includes(false)) throw this.#failed('written', new Error('the storage refused an entry'));
  }

  async delete(key: string): Promise<boolean> {
    return this.#try('written', keyv => keyv.delete(key));
  }

  async *entries(): AsyncGenerator<AnswerEntry, void> {
    const iterate = await this.#try('read', async keyv => keyv.iterator?.bind(keyv));
    if (!iterate) throw this.#failed('listed', new Error('its storage has no iterator'));
    const iterator: AsyncGenerator<[string, unknown], void> = iterate(undefined);
    try {
      while (true) {
        const next = await this.#try('read', () => iterator.next());
        if (next.done) return;
        const [key, record] = next.value;
        yield {key, stored: this.#checked(record)};
      }
    } finally {
      await iterator.return();
    }
  }

  async count(): Promise<number> {
    const counted = await this.#try('read', async keyv => backendOf(keyv).count?.());
    if (counted !== undefined) return counted;
    let count = 0;
    for await (const _entry of this.entries()) count++;
    return count;
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.disconnect();
  }

  async #try<T>(what: 'read' | 'written', use: (keyv: Keyv) => Promise<T>): Promise<T> {
    try {
      this.#opened ??= openKeyv(this.#options);
    } catch (error) {
      throw this.#failed('opened', error);
    }
    try {
      return await use(this.#opened);
    } catch (error) {
      throw this.#failed(what, error);
    }
  }

  #failed(what: 'opened' | 'read' | 'written' | 'listed', cause: unknown): AnswerStoreError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new AnswerStoreError(
      `The answer store (${this.name}) can't be ${what}: ${reason}. ` +
        'Check its path, its permissions and the free disk space, or name another store; nothing is bought without one.',
      {cause},
    );
  }

  #checked(record: unknown): StoredAnswer {
    const format = (record as Partial<StoredAnswer> | null)?.format;
    if (format === 1) return record as StoredAnswer;
    throw new AnswerStoreError(
      `The answer store (${this.name}) holds a record of format ${format}, and this version reads format 1. ` +
        'Use the version of limbeck that wrote it, or name another store.',
    );
  }
}

function openKeyv(options: AnswerStoreOptions): Keyv {
  if ('path' in options) {
    const store = new LmdbStore(options.path);
    // The file is ours alone, so its keys need no prefix.
    const keyv = new Keyv({store, throwOnErrors: true, useKeyPrefix: false});
    // It keeps values as they are, so there is nothing to serialise.
    keyv.serialize = undefined;
    keyv.deserialize = undefined;
    keyv.iterator = keyv.generateIterator(store.iterator.bind(store));
    return keyv;
  }
  const {store} = options;
  return new Keyv({store, throwOnErrors: true, namespace: 'limbeck', serialize: toText, deserialize: fromText});
}

function backendOf(keyv: Keyv): Backend {
  return keyv.store as Backend;
}

/** Keyv's own JSON loses infinities and typed arrays; this keeps both. */
function toText(data: unknown): string {
  return serialize(data).toString('base64');
}

function fromText<T>(text: string): T {
  return deserialize(Buffer.from(text, 'base64')) as T;
}
