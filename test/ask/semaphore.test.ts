import {setImmediate} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {Semaphore} from '../../src/ask/batches.ts';

/** Work of a slot that ends when it is told. */
function work(begun: string[], name: string) {
  let [end, fail] = [() => {}, () => {}];
  const result = new Promise<string>((resolve, reject) => {
    end = () => resolve(name);
    fail = () => reject(new Error(name));
  });
  const start = () => {
    begun.push(name);
    return result;
  };
  return {start, end, fail};
}

describe('Semaphore', () => {
  it('starts so many at once, and the others in the order in which they came', async () => {
    const semaphore = new Semaphore(2);
    const begun: string[] = [];
    const works = ['a', 'b', 'c', 'd'].map(name => work(begun, name));
    const results = works.map(({start}) => semaphore.run(start, undefined));
    expect(begun).toEqual(['a', 'b']);
    works[1]!.end();
    expect(await results[1]).toBe('b');
    await setImmediate();
    expect(begun).toEqual(['a', 'b', 'c']);
    for (const {end} of works) end();
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('frees the slot of work that fails, and starts nothing after the stop', async () => {
    const semaphore = new Semaphore(1);
    const begun: string[] = [];
    const [failing, waiting] = [work(begun, 'a'), work(begun, 'b')];
    const stop = new AbortController();
    const first = semaphore.run(failing.start, stop.signal).catch((error: Error) => {
      stop.abort(error);
      return error.message;
    });
    const second = semaphore.run(waiting.start, stop.signal);
    failing.fail();
    expect(await first).toBe('a');
    await expect(second).rejects.toThrow('a');
    expect(begun).toEqual(['a']);
    expect(await semaphore.run(async () => 'c', undefined)).toBe('c');
  });
});
