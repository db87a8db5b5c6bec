import {EventEmitter} from 'node:events';
import type {KeyvStoreAdapter, StoredData} from 'keyv';
import {coalesce} from '../../concurrency.ts';
import {fromBytes, isHeadKey, toBytes} from '../short-answers.ts';
import type {PostgresServer, Statement} from './server.ts';

interface Row {
  readonly key: string;
  readonly record: Buffer;
}

interface Entry {
  readonly key: string;
  readonly value: unknown;
}

const GET: Statement = {name: 'limbeck-get', text: 'SELECT key, record FROM limbeck_answers WHERE key = ANY($1)'};

/**
 * Writes answers (`$1`, `$2`), and before them the heads that are missing (`$3`, `$4`). Rows are written
 * in the order of their keys, so that two processes don't wait for each other.
 */
const SET: Statement = {
  name: 'limbeck-set',
  text: `WITH head AS (
      INSERT INTO limbeck_answers (key, record)
      SELECT * FROM unnest($3::text[], $4::bytea[]) AS given (key, record) ORDER BY key COLLATE "C"
      ON CONFLICT (key) DO NOTHING
    )
    INSERT INTO limbeck_answers (key, record)
    SELECT * FROM unnest($1::text[], $2::bytea[]) AS given (key, record) ORDER BY key COLLATE "C"
    ON CONFLICT (key) DO UPDATE SET record = excluded.record`,
};

const DELETE: Statement = {name: 'limbeck-delete', text: 'DELETE FROM limbeck_answers WHERE key = $1'};

const CLEAR: Statement = {name: 'limbeck-clear', text: 'DELETE FROM limbeck_answers'};

/** Without heads, see `isHeadKey`. */
const COUNT: Statement = {
  name: 'limbeck-count',
  text: `SELECT count(*) AS count FROM limbeck_answers WHERE NOT starts_with(key, 'head-')`,
};

const LIST: Statement = {
  name: 'limbeck-list',
  text: 'SELECT key, record FROM limbeck_answers WHERE key > $1 ORDER BY key LIMIT $2',
};

/** How many answers are listed at once. */
const PAGE = 500;

/**
 * A storage adapter for Keyv over a table of PostgreSQL. Values are in Node's own format, so infinities, NaN and 32-bit
 * floats come back bit for bit.
 */
export class PostgresAnswers extends EventEmitter implements KeyvStoreAdapter {
  /** By this Keyv knows that the answers can be listed. */
  readonly opts = {dialect: 'postgres'};
  namespace?: string | undefined;
  readonly #server: PostgresServer;

  readonly #write: (entries: readonly Entry[]) => Promise<void> = coalesce(async entries => {
    // A statement writes a row once: of entries with one key the last one stays.
    const records = [...new Map(entries.map(({key, value}) => [key, toBytes(value)]))];
    const heads = records.filter(([key]) => isHeadKey(key));
    const answers = records.filter(([key]) => !isHeadKey(key));
    await this.#server.run(SET, [...columnsOf(answers), ...columnsOf(heads)]);
  });

  constructor(server: PostgresServer) {
    super();
    this.#server = server;
  }

  async get<Value>(key: string): Promise<StoredData<Value>> {
    return (await this.getMany<Value>([key]))[0];
  }

  async getMany<Value>(keys: readonly string[]): Promise<StoredData<Value>[]> {
    if (keys.length === 0) return [];
    const {rows} = await this.#server.run<Row>(GET, [keys]);
    const values = new Map(rows.map(({key, record}) => [key, fromBytes(record)]));
    return keys.map(key => values.get(key) as StoredData<Value>);
  }

  set(key: string, value: unknown): Promise<void> {
    return this.#write([{key, value}]);
  }

  /** Writes the entries in one statement, with all others of the time that the previous one takes. */
  setMany(entries: readonly Entry[]): Promise<void> {
    return this.#write(entries);
  }

  async delete(key: string): Promise<boolean> {
    const {rowCount} = await this.#server.run(DELETE, [key]);
    return rowCount === 1;
  }

  async clear(): Promise<void> {
    await this.#server.run(CLEAR, []);
  }

  async count(): Promise<number> {
    const {rows} = await this.#server.run<{readonly count: string}>(COUNT, []);
    return Number(rows[0]!.count);
  }

  async *iterator<Value>(): AsyncGenerator<[string, Awaited<Value>], void> {
    let last = '';
    while (true) {
      const {rows} = await this.#server.run<Row>(LIST, [last, PAGE]);
      for (const {key, record} of rows) yield [key, fromBytes(record) as Awaited<Value>];
      if (rows.length < PAGE) return;
      last = rows.at(-1)!.key;
    }
  }
}

function columnsOf(records: readonly (readonly [key: string, record: Buffer])[]): readonly [string[], Buffer[]] {
  return [records.map(([key]) => key), records.map(([, record]) => record)];
}
