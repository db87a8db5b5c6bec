import {readFile} from 'node:fs/promises';
import {afterAll, describe, expect, it} from 'vitest';
import {openAnswerStore} from '../../../src/store/store.ts';
import {until} from '../../built.ts';
import {NO_POSTGRES, PASSWORD, startPostgres} from '../../postgres.ts';
import {storedAnswer} from '../stored-answer.ts';
import {testAnswers} from '../suites/answers.ts';
import {testLeases} from '../suites/leases.ts';
import {failure, testServer} from '../suites/server.ts';
import {testWaiting} from '../suites/waiting.ts';

const postgres = await startPostgres();
afterAll(() => postgres?.stop());

const MINUTE = 60_000;

const LOCKED = `SELECT FROM pg_locks WHERE relation = 'limbeck_answers'::regclass AND mode = 'AccessExclusiveLock'`;
const stored = storedAnswer(Float32Array.of(1, Number.NaN));

describe.skipIf(postgres === undefined)(`PostgreSQL${postgres ? '' : ` (${NO_POSTGRES})`}`, () => {
  const {database, sql} = postgres!;

  describe('an answer store there', () => {
    testAnswers(async () => openAnswerStore({url: await database()}));
    testServer(postgres!, true, database);

    it('makes its tables once, if many processes open it at once', async () => {
      const url = await database();
      const stores = Array.from({length: 8}, () => openAnswerStore({url}));
      await Promise.all(stores.map((store, index) => store.set(`k${index}`, stored)));
      expect(await stores[0]!.count()).toBe(8);
      await Promise.all(stores.map(store => store.close()));
    });

    it('keeps all that several processes write at once, in any order, to the same keys', async () => {
      const url = await database();
      const stores = Array.from({length: 4}, () => openAnswerStore({url}));
      const keys = Array.from({length: 200}, (_, number) => `k${number}`);
      const rounds = stores.flatMap((store, index) => [
        store.setMany((index % 2 ? keys : keys.toReversed()).map(key => ({key, stored: {...stored, reader: index}}))),
        store.leases.acquire(keys, MINUTE).then(() => store.leases.renew(keys.toReversed(), MINUTE)),
      ]);
      await Promise.all(rounds);
      const kept = await stores[0]!.getMany(keys);
      expect(kept.every(one => one !== undefined)).toBe(true);
      await Promise.all(stores.map(store => store.close()));
    });

    it('keeps the last of several answers to one query that are set at once', async () => {
      const store = openAnswerStore({url: await database()});
      await Promise.all([1, 2, 3].map(reader => store.set('a', {...stored, reader})));
      expect((await store.get('a'))?.reader).toBe(3);
      await store.close();
    });

    it('reads what earlier versions kept there by Keyv’s adapter', async () => {
      const url = await database();
      const file = new URL('../../fixtures/written-before/redis-whole.json', import.meta.url);
      const written = Object.entries(JSON.parse(await readFile(file, 'utf8')) as Record<string, string>);
      // The same values, under keys with one colon.
      const rows = written.map(([key, value]) => `('${key.replace('::', ':')}', '${value}')`);
      await sql(
        url,
        `CREATE TABLE keyv (key varchar(255) PRIMARY KEY, value text);
         INSERT INTO keyv VALUES ${rows.join()}, ('another:key', 'x')`,
      );
      const store = openAnswerStore({url});
      expect(await store.count()).toBe(written.length);
      for await (const {key, stored} of store.entries()) {
        expect(written.map(([name]) => name)).toContain(`limbeck::${key}`);
        expect(stored.format).toBe(1);
      }
      await store.close();
    });

    it('waits for the server until the time is up, can be closed then, and opened again', async () => {
      const url = await database();
      const store = openAnswerStore({url, timeout: 1000});
      await store.open();
      const locked = sql(url, 'BEGIN; LOCK TABLE limbeck_answers; SELECT pg_sleep(2); COMMIT');
      await until('the table is locked', async () => (await sql(url, LOCKED)).length > 0);
      expect((await failure(store.get('a'), 5000)).message).toMatch(/can't be read: (no reply|Query read timeout)/);
      await store.close();
      await locked;
      expect(await store.get('a')).toBeUndefined();
      await store.close();
    });

    it('is told apart by its password, which no message holds', async () => {
      const url = await database();
      for (const [secret, given] of [
        ['wr0ng/word', url.replace(encodeURIComponent(PASSWORD), 'wr0ng%2Fword')],
        [PASSWORD, url.replace(/test\d+$/, 'n0where')],
        [PASSWORD, `${url}?options=-c%20n0thing=1`],
        [PASSWORD, url.replace('127.0.0.1', 'n0where.invalid')],
      ] as const) {
        const store = openAnswerStore({url: given});
        const error = await failure(store.get('a'), 9000);
        expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain(secret);
        expect(error.message).toMatch(/can't be opened: .*(limbeck|n0where|n0thing)/);
        await store.close();
      }
    });
  });

  describe('its leases', () => testLeases(async () => ({url: await database()})));

  describe('a store that waits for it', () => testWaiting(postgres!, database));

  it('forgets leases that were not released an hour after their end', async () => {
    const url = await database();
    const [one, two] = [openAnswerStore({url}), openAnswerStore({url})];
    await one.leases.acquire(['a', 'b'], MINUTE);
    await sql(url, `UPDATE limbeck_leases SET until = now() - interval '61 minutes' WHERE key = 'a'`);
    const taken: string[] = [];
    await two.leases.acquire(['c', 'a'], MINUTE, some => taken.push(...some.map(({key}) => key)));
    expect(taken).toEqual([]);
    expect(await sql(url, 'SELECT key FROM limbeck_leases ORDER BY key')).toEqual(['a', 'b', 'c'].map(key => ({key})));
    await Promise.all([one.close(), two.close()]);
  });

  it('keeps leases and answers through a crash', async () => {
    const url = await database();
    const store = openAnswerStore({url});
    await store.set('a', stored);
    await store.leases.acquire(['b'], MINUTE);
    await postgres!.kill();
    await postgres!.start();
    const other = openAnswerStore({url});
    expect(await other.get('a')).toEqual(stored);
    expect(await other.leases.acquire(['b'], MINUTE)).toEqual([false]);
    await Promise.all([store.close(), other.close()]);
  });
});
