import {EventEmitter} from 'node:events';
import {closeSync, existsSync, openSync, readSync} from 'node:fs';
import type {KeyvStoreAdapter, StoredData} from 'keyv';
import {open, type RootDatabase} from 'lmdb';

/** Stands near the head of every LMDB file, before the version of its format. */
const MAGIC = Buffer.of(0xde, 0xc0, 0xef, 0xbe);
const FORMAT = 2;

/**
 * A storage adapter for Keyv over one LMDB file. Values are kept as MessagePack with typed arrays, so infinities, NaN
 * and 32-bit floats come back bit for bit. Several processes may have one file open.
 */
export class LmdbStore extends EventEmitter implements KeyvStoreAdapter {
  readonly opts: {readonly url: string};
  namespace?: string | undefined;
  readonly #database: RootDatabase<unknown, string>;

  constructor(path: string) {
    super();
    this.opts = {url: path};
    if (existsSync(path)) checkHeader(path);
    this.#database = open({
      path,
      noSubdir: true,
      encoder: {useRecords: false, moreTypes: true},
      // A commit then returns when the disk has it, and an answer outlives a power cut as well as a killed process.
      overlappingSync: false,
    });
  }

  async get<Value>(key: string): Promise<StoredData<Value>> {
    return this.#database.get(key) as StoredData<Value>;
  }

  async getMany<Value>(keys: readonly string[]): Promise<StoredData<Value>[]> {
    return keys.map(key => this.#database.get(key) as StoredData<Value>);
  }

  async set(key: string, value: unknown): Promise<void> {
    await this.setMany([{key, value}]);
  }

  /** All or none of the entries. They are on disk when the promise resolves. */
  async setMany(entries: readonly {key: string; value: unknown}[]): Promise<void> {
    // LMDB's asynchronous commits leave a rejected promise behind when the disk is full, which ends the process.
    this.#database.transactionSync(() => {
      for (const {key, value} of entries) this.#database.putSync(key, value);
    });
  }

  async delete(key: string): Promise<boolean> {
    return this.#database.removeSync(key);
  }

  async clear(): Promise<void> {
    this.#database.clearSync();
  }

  async count(): Promise<number> {
    return this.#database.getCount();
  }

  async *iterator<Value>(): AsyncGenerator<[string, Awaited<Value>], void> {
    for (const {key, value} of this.#database.getRange()) yield [key, value as Awaited<Value>];
  }

  async disconnect(): Promise<void> {
    await this.#database.close();
  }
}

/** LMDB crashes the process on a file that is not its own, so the file is looked at first. */
function checkHeader(path: string): void {
  const head = Buffer.alloc(64);
  const file = openSync(path, 'r');
  try {
    // A new file is empty until the first process to open it has written its header.
    if (readSync(file, head, 0, head.length, 0) === 0) return;
  } finally {
    closeSync(file);
  }
  const start = head.indexOf(MAGIC);
  if (start < 0) throw new Error('the file is not an LMDB database');
  const format = head.readUInt16LE(start + MAGIC.length);
  if (format !== FORMAT) throw new Error(`the file is an LMDB database of format ${format}, not ${FORMAT}`);
}
