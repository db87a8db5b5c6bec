import {afterAll, describe, expect, it} from 'vitest';
import {AnswerStoreError} from '../../src/errors.ts';
import {redisLeases} from '../../src/store/redis-leases.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {isOfLostServer} from '../../src/store/store-url.ts';
import {NO_REDIS, startRedis} from '../redis.ts';
import {testWaiting} from './suites/waiting.ts';

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
  testWaiting(redis!, async () => redis!.url);

  it('fails where waiting does not help, and after it was closed', async () => {
    const store = openAnswerStore({url: redis!.url, onAway: () => {}});
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
    const leases = redisLeases({
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
