import {afterAll, afterEach, beforeEach, describe, expect, it} from 'vitest';
import {AnswerStoreError} from '../../src/errors.ts';
import {RedisLeases} from '../../src/store/redis-leases.ts';
import {type AnswerStore, openAnswerStore} from '../../src/store/store.ts';
import {isOfLostServer} from '../../src/store/store-url.ts';
import {NO_REDIS, startRedis} from '../redis.ts';

const redis = await startRedis('', 'yes');
afterAll(() => redis?.stop());

describe('isOfLostServer', () => {
  it.each([
    [Object.assign(new Error(''), {code: 'ECONNREFUSED'}), true],
    [new AggregateError([Object.assign(new Error(''), {code: 'ECONNREFUSED'})]), true],
    [new Error('Socket closed unexpectedly'), true],
    [new Error('LOADING Redis is loading the dataset in memory'), true],
    [Object.assign(new Error('the database system is shutting down'), {code: '57P03'}), true],
    [new Error('OOM command not allowed'), false],
    [new Error('WRONGPASS invalid username-password pair'), false],
    ['text', false],
  ])('%o: %s', (error, isLost) => {
    expect(isOfLostServer(error)).toBe(isLost);
  });
});

describe.skipIf(redis === undefined)(`a store that waits for its server${redis ? '' : ` (${NO_REDIS})`}`, () => {
  let store: AnswerStore;
  let notes: string[];

  beforeEach(() => {
    notes = [];
    store = openAnswerStore({url: redis!.url, onAway: note => notes.push(note)});
  });
  afterEach(() => store.close());

  it('does what was asked for while the server was away, in each of two outages, and tells of each once', async () => {
    await store.leases.acquire(['b'], 60_000);
    for (const outage of [1, 2]) {
      await redis!.kill();
      const waiting = [store.leases.acquire(['a'], 60_000), store.leases.renew(['b'], 60_000), store.get('x')];
      await new Promise(resolve => setTimeout(resolve, 600));
      expect(notes).toHaveLength(2 * outage - 1);
      await redis!.start();
      expect(await Promise.all(waiting)).toEqual([[true], [true], undefined]);
      await store.leases.release(['a']);
    }
    expect(notes).toEqual([
      expect.stringMatching(/^The answer store \(redis:.*\) can't be (read|written): .* It is waited for\.$/),
      expect.stringMatching(/ is back after \d+ s\.$/),
      expect.stringMatching(/ It is waited for\.$/),
      expect.stringMatching(/ is back after \d+ s\.$/),
    ]);
  });

  it('fails where waiting does not help, and after it was closed', async () => {
    await store.count();
    await redis!.command('CONFIG', 'SET', 'maxmemory', '1');
    await expect(store.leases.acquire(['c'], 1000)).rejects.toThrow('OOM');
    await redis!.command('CONFIG', 'SET', 'maxmemory', '0');
    await store.close();
    await redis!.kill();
    await expect(store.get('a')).rejects.toThrow(AnswerStoreError);
    await redis!.start();
  });
});

describe('leases whose reply was lost with the connection', () => {
  it('are one’s own when they are acquired again, and not while another call acquires them', async () => {
    const held = new Map<string, string>();
    let isLost = true;
    const leases = new RedisLeases({
      async eval(script, {keys, arguments: [self]}) {
        if (!script.includes("'NX'")) return keys.map(() => 0);
        const seen = keys.map(key => (held.has(key) ? `+${held.get(key)}` : ''));
        for (const key of keys) if (!held.has(key)) held.set(key, self!);
        await new Promise(resolve => setImmediate(resolve));
        if (isLost) throw new Error('Socket closed unexpectedly');
        return seen;
      },
    });
    await expect(leases.acquire(['a'], 1000)).rejects.toThrow('Socket closed');
    isLost = false;
    expect(await leases.acquire(['a'], 1000)).toEqual([true]);
    expect(await leases.acquire(['a'], 1000)).toEqual([false]);
    expect(await Promise.all([leases.acquire(['b'], 1000), leases.acquire(['b'], 1000)])).toEqual([[true], [false]]);
  });
});
