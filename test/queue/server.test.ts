import {once} from 'node:events';
import {type AddressInfo, createServer} from 'node:net';
import {setTimeout} from 'node:timers/promises';
import {afterAll, beforeEach, describe, expect, it} from 'vitest';
import {LimbeckError} from '../../src/errors.ts';
import {openQueueServer} from '../../src/queue/server.ts';
import {until} from '../built.ts';
import {freePort} from '../free-port.ts';
import {NO_REDIS, type RedisServer, startRedis} from '../redis.ts';

const PASSWORD = 'a-password-of-nobody';
const redis = await startRedis(PASSWORD);
afterAll(() => redis?.stop());

let notes: string[];
const note = (text: string) => void notes.push(text);
beforeEach(() => {
  notes = [];
});

describe.skipIf(redis === undefined)(`a Redis that is waited for${redis ? '' : ` (${NO_REDIS})`}`, () => {
  const {url, kill, start} = redis as RedisServer;
  const withPassword = (password: string) => url.replace('://', `://:${password}@`);
  const never = new AbortController().signal;

  it('is opened when it is there, and both are noted without its password', async () => {
    await kill();
    const opening = openQueueServer(withPassword(PASSWORD), note, never);
    await until('it is noted', () => notes.length > 0);
    // Other attempts fail.
    await setTimeout(1500);
    await start();
    const server = await opening;
    expect(await server.redis.exists('anything')).toBe(0);
    server.close();
    expect(notes.slice(0, 2)).toEqual([
      `Redis (${url}) is away. It is waited for.`,
      expect.stringMatching(/^Redis .* is back after \d+ s\.$/),
    ]);
    expect(notes.join()).not.toContain(PASSWORD);
  });

  it('ends the wait at once if the password is refused or missing, and says so without it', async () => {
    for (const given of [withPassword('another-one'), url]) {
      const error = await openQueueServer(given, note, never).catch((reason: Error) => reason);
      expect(error).toBeInstanceOf(LimbeckError);
      expect((error as Error).message).toMatch(/can't be reached: (WRONGPASS|NOAUTH)/);
      expect((error as Error).message).not.toContain('another-one');
    }
    expect(notes).toEqual([]);
  });
});

describe('a server that is waited for', () => {
  it('ends the wait at once if it speaks another protocol', async () => {
    const web = createServer(socket => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1');
    await once(web, 'listening');
    const url = `redis://127.0.0.1:${(web.address() as AddressInfo).port}`;
    const opening = openQueueServer(url, note, new AbortController().signal);
    await expect(opening).rejects.toThrow(/can't be reached: Protocol error/);
    web.close();
  });

  it('is waited for only as long as that is wanted, and not at all unless it is', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    await expect(openQueueServer(url, note)).rejects.toThrow("can't be reached: connect ECONNREFUSED");
    expect(notes).toEqual([]);
    const stop = new AbortController();
    const opening = openQueueServer(url, note, stop.signal);
    const ended = expect(opening).rejects.toThrow('aborted');
    await until('it is noted', () => notes.length > 0);
    stop.abort();
    await ended;
  });
});
