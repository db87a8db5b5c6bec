import {setTimeout as wait} from 'node:timers/promises';
import {afterAll, afterEach, beforeEach, describe, expect, it} from 'vitest';
import {AnswerStoreError, InputError} from '../../src/errors.ts';
import {type AnswerStore, openAnswerStore} from '../../src/store/store.ts';
import {storeUrl, withoutPasswords} from '../../src/store/store-url.ts';
import {NO_REDIS, type RedisServer, startRedis} from '../redis.ts';
import {storedAnswer} from './stored-answer.ts';
import {failure, testServer} from './suites/server.ts';

const redis = await startRedis();
afterAll(() => redis?.stop());

describe('the URL of an answer store', () => {
  it.each([
    ['redis://127.0.0.1:6379/0', 'redis://127.0.0.1:6379/0', '@keyv/redis'],
    ['rediss://user:s3cret@host.example:6380', 'rediss://host.example:6380', '@keyv/redis'],
    ['redis://:s3:cr@et/@host', 'redis://host', '@keyv/redis'],
    ['postgres://u:s3cret@host/db?sslpassword=s3cret#s3cret', 'postgres://host/db', 'pg'],
    ['mongodb+srv://u:s3cret@a,b/db', 'mongodb+srv://a,b/db', '@keyv/mongo'],
    ['mysql://host/db', 'mysql://host/db', '@keyv/mysql'],
    ['sqlite:///var/answers.sqlite', 'sqlite:///var/answers.sqlite', '@keyv/sqlite'],
    ['etcd://host:2379', 'etcd://host:2379', '@keyv/etcd'],
  ])('%s has a name without what is secret, and an adapter', (url, name, adapter) => {
    expect(storeUrl(url)).toMatchObject({name, package: adapter});
    expect(openAnswerStore({url}).name).toBe(name);
  });

  it('names the kinds of store if it is of none of them, and says nothing of the rest', () => {
    for (const url of ['memcached://u:s3cret@host', 'host:6379', '']) {
      expect(() => openAnswerStore({url})).toThrow(InputError);
      expect(() => openAnswerStore({url})).toThrow(/begin with one of redis:\/\/, .*, got (memcached|no scheme)\. Or/);
      expect(() => openAnswerStore({url})).not.toThrow('s3cret');
    }
  });

  it('is taken out of what others say, with its passwords', () => {
    const url = 'redis://user:s3c%2Fret@host?authToken=t0ken&x=1';
    const text = `no ${url}, user:s3c%2Fret, s3c/ret, t0ken`;
    expect(withoutPasswords(text, url)).toBe('no …, user:…, …, …');
    expect(withoutPasswords('nothing', 'redis://host')).toBe('nothing');
  });

  it('says what to install if the adapter is not', async () => {
    const store = openAnswerStore({url: 'etcd://u:s3cret@127.0.0.1:1'});
    const message =
      'The answer store (etcd://127.0.0.1:1) needs a package that is not installed. Run: npm install @keyv/';
    await expect(store.get('a')).rejects.toThrow(message);
    await expect(store.get('a')).rejects.toThrow(AnswerStoreError);
    await store.close();
  });
});

describe.skipIf(redis === undefined)(`an answer store in Redis${redis ? '' : ` (${NO_REDIS})`}`, () =>
  testServer(redis!, false, async () => {
    await redis!.command('FLUSHALL');
    return redis!.url;
  }),
);

describe('an answer store in Redis', () => {
  let server: RedisServer;
  let store: AnswerStore;
  const stored = storedAnswer(Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY, -0, 0.1));

  beforeEach(async context => {
    context.skip(redis === undefined, NO_REDIS);
    server = redis!;
    await server.kill();
    await server.start();
    store = openAnswerStore({url: server.url, timeout: 3000});
  });
  afterEach(() => store?.close());

  it('fails what is under way when the server goes', async () => {
    await store.set('a', stored);
    server.pause();
    const reads = Array.from({length: 20}, () => failure(store.get('a'), 5000));
    await wait(50);
    await server.kill();
    await Promise.all(reads);
    await server.start();
    expect(await store.get('a')).toBeUndefined();
  });

  it('waits for a server that answers no more until the time is up, and can be closed', async () => {
    const impatient = openAnswerStore({url: server.url, timeout: 300});
    await impatient.set('a', stored);
    server.pause();
    expect((await failure(impatient.get('a'), 1000)).message).toContain("can't be read: no reply within 0.3 s");
    await impatient.close();
    expect((await failure(impatient.get('a'), 1000)).message).toContain("can't be opened: no reply within 0.3 s");
    await impatient.close();
    server.resume();
  });

  it('says that nobody is there', async () => {
    await server.kill();
    const {message} = await failure(openAnswerStore({url: server.url}).get('a'), 5000);
    expect(message).toMatch(/can't be opened: .*ECONNREFUSED/);
    await server.start();
  });

  it('refuses an entry that Redis refuses', async () => {
    const small = openAnswerStore({url: server.url});
    await small.get('a');
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    expect((await failure(small.set('a', stored), 1000)).message).toMatch(/can't be written: .*(OOM|EXECABORT)/);
    expect((await failure(small.leases.acquire(['a'], 1000), 1000)).message).toContain('OOM');
    await small.close();
  });

  it('is told apart by its password, which no message holds', async () => {
    const guarded = await startRedis('s3cret/word');
    try {
      const [, address] = guarded!.url.split('//');
      const right = openAnswerStore({url: `redis://:s3cret%2Fword@${address}`});
      await right.set('a', stored);
      expect(await right.get('a')).toEqual(stored);
      await right.close();
      const wrong = openAnswerStore({url: `redis://:wr0ng@${address}`});
      const error = await failure(wrong.get('a'), 5000);
      expect(error.message).toContain('WRONGPASS');
      expect(`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`).not.toContain('wr0ng');
      await wrong.close();
    } finally {
      await guarded?.stop();
    }
  });
});
