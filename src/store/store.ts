import type {KeyvStoreAdapter} from 'keyv';
import {AnswerStoreError, LimbeckError} from '../errors.ts';
import {checkOptions, kinds} from '../options.ts';
import type {AnswerStore} from './answer-store.ts';
import {type Backend, storageOf, valuesOf, wholeIn} from './backend.ts';
import {isStoreUrl} from './cache-path.ts';
import type {Leases} from './leases.ts';
import {isHeadKey} from './short-answers.ts';
import {
  inTime,
  isOfLostServer,
  openEmbedded,
  openGiven,
  openUrl,
  type StoreUrl,
  storeUrl,
  withoutPasswords,
} from './store-url.ts';
import type {AnswerEntry, StoredAnswer} from './stored-answer.ts';
import {waitingStore} from './waiting-store.ts';

export type {AnswerStore} from './answer-store.ts';
export type {AnswerEntry, StoredAnswer} from './stored-answer.ts';

export type AnswerStoreOptions = {
  /**
   * The folder of the journal that says what was sent. Processes with the same journal know each other's queries in
   * doubt.
   *
   * @default none
   */
  readonly journal?: string | undefined;
} & (
  | {
      /** The file of the embedded store, created if needed. A lock file and a file of leases are beside it. */
      readonly path: string;
    }
  | {
      /**
       * The URL of another store, such as `redis://127.0.0.1:6379/0` or `postgres://user:password@host/database`. The
       * package for it is loaded when it is used, and must be installed: `npm install @keyv/redis`, `npm install pg`.
       */
      readonly url: string;
      /**
       * Milliseconds after which an operation has failed.
       *
       * @default 10000
       */
      readonly timeout?: number;
      /**
       * Waits for a server that can't be reached, and does the operation when it is back. It is told when the server is
       * lost, and when it is back.
       *
       * @default the operation fails
       */
      readonly onAway?: ((note: string) => void) | undefined;
    }
  | {
      /** Any Keyv storage, or a map to keep answers in memory. */
      readonly store: KeyvStoreAdapter | Map<string, unknown>;
    }
);

const KINDS = {
  path: kinds.text,
  url: kinds.text,
  store: kinds.object,
  timeout: kinds.number,
  onAway: kinds.call,
  journal: kinds.text,
};

/**
 * Describes a store of answers. It is opened at its first use, and again after `close`.
 *
 * @throws InputError if the URL is of no known kind of store
 */
export function openAnswerStore(options: AnswerStoreOptions): AnswerStore {
  checkOptions('openAnswerStore', options, KINDS);
  const {journal} = options;
  if ('path' in options) {
    const {path} = options;
    return new KeyvAnswerStore({name: path, hasLeases: true, open: async () => openEmbedded(path, journal)});
  }
  if ('store' in options) {
    const {store} = options;
    return new KeyvAnswerStore({name: 'given by the caller', hasLeases: false, open: async () => openGiven(store)});
  }
  const url = storeUrl(options.url);
  const {timeout = 10_000, onAway} = options;
  const store = new KeyvAnswerStore({
    name: url.name,
    hasLeases: url.hasLeases,
    open: () => openUrl(url, {journal, reconnects: onAway !== undefined, timeout}),
    url,
    timeout,
  });
  return onAway ? waitingStore(store, onAway) : store;
}

/** `openAnswerStore` for a path or a URL, as commands receive it. */
export function openStoreAt(location: string, journal?: string, onAway?: (note: string) => void): AnswerStore {
  return openAnswerStore(isStoreUrl(location) ? {url: location, journal, onAway} : {path: location, journal});
}

interface Source {
  readonly name: string;
  readonly hasLeases: boolean;
  readonly open: () => Promise<Backend>;
  readonly url?: StoreUrl;
  /** Milliseconds. */
  readonly timeout?: number;
}

class KeyvAnswerStore implements AnswerStore {
  readonly name: string;
  readonly leases: Leases;
  readonly #source: Source;
  #backend: Promise<Backend> | undefined;

  constructor(source: Source) {
    this.name = source.name;
    this.#source = source;
    this.leases = {
      shared: source.hasLeases,
      acquire: (...given) => this.#try('written', ({leases}) => leases.acquire(...given)),
      renew: (keys, milliseconds) => this.#try('written', ({leases}) => leases.renew(keys, milliseconds)),
      release: keys => this.#try('written', ({leases}) => leases.release(keys)),
    };
  }

  async open(): Promise<void> {
    await this.#open();
  }

  async get(key: string): Promise<StoredAnswer | undefined> {
    return (await this.getMany([key]))[0];
  }

  async getMany(keys: readonly string[]): Promise<readonly (StoredAnswer | undefined)[]> {
    const found = await this.#try('read', async backend => wholeIn(backend, await valuesOf(backend, keys)));
    return found.map(record => (record === undefined ? undefined : this.#checked(record)));
  }

  async set(key: string, stored: StoredAnswer): Promise<void> {
    await this.setMany([{key, stored}]);
  }

  async setMany(entries: readonly AnswerEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const written = await this.#try('written', ({keyv, short}) =>
      keyv.setMany([...(short?.shorten(entries) ?? entries.map(({key, stored}) => ({key, value: stored})))]),
    );
    // The storage may return nothing, or one result per entry.
    if (written?.includes(false)) throw this.#failed('written', new Error('the storage refused an entry'));
  }

  async delete(key: string): Promise<boolean> {
    return this.#try('written', ({keyv}) => keyv.delete(key));
  }

  async *entries(): AsyncGenerator<AnswerEntry, void> {
    const iterate = await this.#try('read', async ({keyv}) => keyv.iterator?.bind(keyv));
    if (!iterate) throw this.#failed('listed', new Error('its storage has no iterator'));
    const iterator: AsyncGenerator<[string, unknown], void> = iterate(undefined);
    try {
      while (true) {
        const next = await this.#try('read', () => iterator.next());
        if (next.done) return;
        const [key, value] = next.value;
        if (isHeadKey(key)) continue;
        const [record] = await this.#try('read', backend => wholeIn(backend, [value]));
        yield {key, stored: this.#checked(record)};
      }
    } finally {
      await iterator.return();
    }
  }

  async count(): Promise<number> {
    const counted = await this.#try('read', async ({keyv}) => storageOf(keyv).count?.());
    if (counted !== undefined) return counted;
    let count = 0;
    for await (const _entry of this.entries()) count++;
    return count;
  }

  async close(): Promise<void> {
    const backend = this.#backend;
    this.#backend = undefined;
    await (await backend?.catch(() => undefined))?.close();
  }

  async #try<T>(what: 'read' | 'written', use: (backend: Backend) => Promise<T>): Promise<T> {
    const backend = await this.#open();
    try {
      return await inTime(use(backend), this.#source.timeout);
    } catch (error) {
      throw this.#failed(what, error);
    }
  }

  async #open(): Promise<Backend> {
    this.#backend ??= this.#source.open();
    try {
      return await this.#backend;
    } catch (error) {
      this.#backend = undefined;
      throw error instanceof LimbeckError ? error : this.#failed('opened', error);
    }
  }

  #failed(what: 'opened' | 'read' | 'written' | 'listed', cause: unknown): AnswerStoreError {
    const {url} = this.#source;
    const can = `The answer store (${this.name}) can't be ${what}`;
    if (url) {
      return new AnswerStoreError(
        `${can}: ${withoutPasswords(reasonOf(cause), url.url)}. ` +
          'Check that its server runs and takes these credentials, or name another store; nothing is bought without one.',
        {isAway: isOfLostServer(cause)},
      );
    }
    return new AnswerStoreError(
      `${can}: ${reasonOf(cause)}. ` +
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

/** Node's connection errors can have a code and no message. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.message || (cause as NodeJS.ErrnoException).code || cause.name;
}
