import {afterEach, beforeEach, expect, it} from 'vitest';
import {AnswerStoreError} from '../../../src/errors.ts';
import {type AnswerStore, openAnswerStore, type StoredAnswer} from '../../../src/store/store.ts';
import {storedAnswer} from '../stored-answer.ts';
import type {CrashingServer} from './waiting.ts';

/** What it rejects with, and that it does within so many milliseconds. */
export async function failure(work: Promise<unknown>, within: number): Promise<Error> {
  const begin = performance.now();
  const error = await work.then(
    value => new Error(`resolved with ${value}`),
    (error: Error) => error,
  );
  expect(performance.now() - begin).toBeLessThan(within);
  expect(error).toBeInstanceOf(AnswerStoreError);
  return error;
}

/**
 * What every store on a server does.
 *
 * @param keeps - whether it keeps its answers if it crashes
 * @param urlOf - the URL of a store there that holds nothing
 */
export function testServer(server: CrashingServer, keeps: boolean, urlOf: () => Promise<string>): void {
  let url: string;
  let store: AnswerStore;
  const stored = storedAnswer(Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY, -0, 0.1));
  beforeEach(async () => {
    url = await urlOf();
    store = openAnswerStore({url, timeout: 3000});
  });
  afterEach(() => store.close());

  it('gives answers back bit for bit, to other processes as well, and undefined for what it lacks', async () => {
    const entries = Array.from({length: 300}, (_, number) => ({
      key: `k${number}`,
      stored: {...stored, reader: number},
    }));
    await store.setMany(entries);
    const other = openAnswerStore({url});
    expect(await other.getMany(['k7', 'none', 'k8'])).toEqual([entries[7]!.stored, undefined, entries[8]!.stored]);
    expect(await other.get('none')).toBeUndefined();
    await other.close();
  });

  it('lists, counts, replaces and deletes, and minds its own keys', async () => {
    const entries = Array.from({length: 300}, (_, number) => ({key: `k${number}`, stored}));
    await store.setMany(entries);
    await store.set('k0', {...stored, reader: 2});
    expect(await store.delete('k1')).toBe(true);
    expect(await store.delete('k1')).toBe(false);
    expect(await store.count()).toBe(299);
    const listed = new Map<string, StoredAnswer>();
    for await (const {key, stored} of store.entries()) listed.set(key, stored);
    expect(listed.size).toBe(299);
    expect(listed.get('k0')?.reader).toBe(2);
    expect(listed.get('k2')).toEqual(stored);
  });

  it('opens again after it was closed', async () => {
    await store.set('a', stored);
    await store.close();
    expect(await store.get('a')).toEqual(stored);
  });

  it('never takes a lost server for a miss or for a success, and is there again when the server is', async () => {
    await store.set('a', stored);
    await server.kill();
    const operations: (() => Promise<unknown>)[] = [
      () => store.get('a'),
      () => store.getMany(['a', 'b']),
      () => store.set('b', stored),
      () => store.setMany([{key: 'b', stored}]),
      () => store.delete('a'),
      () => store.count(),
      () => store.entries()[Symbol.asyncIterator]().next(),
      () => store.leases.acquire(['a'], 1000),
    ];
    for (const operation of operations) {
      const {message} = await failure(operation(), 4000);
      expect(message).toMatch(/^The answer store \(\w+:\/\/127\.0\.0\.1:\d+\/\w+\) can't be (read|written|opened): ./);
      expect(message).toContain('Check that its server runs');
      expect(message).not.toContain('s3cret');
    }
    await server.start();
    await store.set('b', stored);
    expect(await store.getMany(['a', 'b'])).toEqual([keeps ? stored : undefined, stored]);
  });
}
