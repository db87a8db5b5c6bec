import {randomUUID} from 'node:crypto';
import {once} from 'node:events';
import {type AddressInfo, createServer} from 'node:net';
import {setTimeout as wait} from 'node:timers/promises';
import {afterAll, beforeEach, describe, expect, it} from 'vitest';
import {openSharedAsking} from '../../../src/ask/shared/open.ts';
import {AnswerStoreError, InputError} from '../../../src/errors.ts';
import {until} from '../../built.ts';
import {NO_REDIS, startRedis} from '../../redis.ts';
import {busiest, type CountingService, countingService, startChild} from './counting.ts';

const redis = await startRedis('', 'yes');
afterAll(() => redis?.stop());

describe('openSharedAsking', () => {
  beforeEach(context => context.skip(redis === undefined, NO_REDIS));

  it('says what is wrong with its options, and which server can not be reached', async () => {
    const open = (url: string, run = 'a run') => openSharedAsking({url, run});
    await expect(open('postgres://u:s3cret@host/db')).rejects.toThrow(InputError);
    await expect(open(redis!.url, '')).rejects.toThrow(InputError);
    const away = open('redis://:s3cret@127.0.0.1:1/0');
    await expect(away).rejects.toMatchObject({
      message: expect.stringContaining("The Redis server at redis://127.0.0.1:1/0 can't be reached"),
      isAway: true,
    });
    await expect(away).rejects.toThrow(AnswerStoreError);
    await expect(away).rejects.not.toThrow('s3cret');
  });

  it('says that a server is away which has started and does not serve its data yet', async () => {
    const loading = createServer(socket =>
      socket.on('data', commands => {
        for (const [, name] of String(commands).matchAll(/^\*\d+\r\n\$\d+\r\n(.+)\r$/gm)) {
          socket.write(name === 'EVALSHA' ? '-LOADING Redis is loading the dataset in memory\r\n' : '+OK\r\n');
        }
      }),
    );
    await once(loading.listen(0, '127.0.0.1'), 'listening');
    const url = `redis://127.0.0.1:${(loading.address() as AddressInfo).port}/0`;
    await expect(openSharedAsking({url, run: 'a run'})).rejects.toMatchObject({
      name: 'AnswerStoreError',
      message: expect.stringContaining(`The Redis server at ${url} can't be used: LOADING`),
      isAway: true,
    });
    loading.close();
  });

  it('leaves no connection behind if the server refuses to keep the budget', async () => {
    const clients = async () => (await redis!.command('CLIENT', 'LIST', 'TYPE', 'NORMAL')).match(/^id=/gm);
    const before = await clients();
    await redis!.command('CONFIG', 'SET', 'maxmemory', '1');
    await expect(openSharedAsking({url: redis!.url, run: randomUUID(), budget: [{calls: 1}]})).rejects.toThrow('OOM');
    await redis!.command('CONFIG', 'SET', 'maxmemory', '0');
    await until('the connection is closed', async () => (await clients())?.length === before?.length);
  });

  it('has one admission for an account, and keeps no name of it', async () => {
    const shared = await openSharedAsking({url: redis!.url, run: randomUUID()});
    const one = shared.admission('https://api.example.com 3f2a', {concurrency: 1});
    expect(shared.admission('https://api.example.com 3f2a', {concurrency: 1})).toBe(one);
    await one.run({send: async () => ({status: 200, headers: {}, body: ''})});
    await shared.close();
  });
});

describe('four processes with one account', () => {
  let service: CountingService;
  beforeEach(async context => {
    context.skip(redis === undefined, NO_REDIS);
    service = await countingService(100);
    return () => service.close();
  });

  const start = (options: object) => {
    const run = randomUUID();
    const given = {url: redis!.url, service: service.url, run, loops: 16, ...options};
    return Array.from({length: 4}, () => startChild(given));
  };

  it('use 97 % of a rate of 6,000 a minute at least, and never pass it', async () => {
    const children = start({
      rates: {concurrency: 64, requestsPerMinute: 6000},
      milliseconds: 14_000,
      budget: [{calls: 100_000}],
    });
    const reports = await Promise.all(children.map(({report}) => report));
    expect(reports.flatMap(({failures, notes}) => [...failures, ...notes])).toEqual([]);
    const {arrivals} = service;
    // Half a second of the rate may go at once, and a process can be held up for as long.
    for (const seconds of [1, 2, 5]) expect(busiest(arrivals, seconds * 1000)).toBeLessThanOrEqual(100 * (seconds + 1));
    const middle = arrivals.filter(at => at > arrivals[0]! + 4000 && at <= arrivals[0]! + 11_000);
    expect(middle.length).toBeGreaterThanOrEqual(0.97 * 700);
  });

  it('spend a budget to the last call and not beyond, though one is killed and Redis starts again', async () => {
    // They end with the budget, long before that.
    const children = start({rates: {concurrency: 32}, milliseconds: 100_000, budget: [{calls: 900}]});
    while (service.arrivals.length < 300) await wait(20);
    children[0]!.child.kill('SIGKILL');
    await wait(200);
    await redis!.kill();
    await wait(200);
    const whileAway = service.arrivals.length;
    await wait(500);
    expect(service.arrivals.length).toBe(whileAway);
    await redis!.start();
    const reports = await Promise.all(children.slice(1).map(({report}) => report));
    expect(service.arrivals.length).toBeLessThanOrEqual(900);
    // What the killed one had under way may be lost to it, and is counted.
    expect(service.arrivals.length).toBeGreaterThanOrEqual(900 - 32);
    for (const {notes} of reports)
      expect(notes).toEqual([expect.stringContaining("can't be reached. No request is sent")]);
  });
});
