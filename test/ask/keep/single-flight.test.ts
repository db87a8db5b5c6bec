import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {SingleFlight} from '../../../src/ask/keep/cache.ts';

const always = () => true;

function finder() {
  const looked: string[][] = [];
  const find = async (keys: readonly string[]) => {
    looked.push([...keys]);
    await setTimeout(5);
    return new Map(keys.map(key => [key, key.toUpperCase()]));
  };
  return {looked, find};
}

describe('SingleFlight', () => {
  it('lets calls wait for each other in a ring', async () => {
    const flights = new SingleFlight<string>();
    const {looked, find} = finder();
    const found = await Promise.all([
      flights.run(['a', 'b'], find, always),
      flights.run(['b', 'c'], find, always),
      flights.run(['c', 'a'], find, always),
    ]);
    expect(found.map(values => [...values].sort())).toEqual([
      [
        ['a', 'A'],
        ['b', 'B'],
      ],
      [
        ['b', 'B'],
        ['c', 'C'],
      ],
      [
        ['a', 'A'],
        ['c', 'C'],
      ],
    ]);
    expect(looked).toEqual([['a', 'b'], ['c']]);
  });

  it('looks again for what nobody is looking for any more', async () => {
    const flights = new SingleFlight<string>();
    const {looked, find} = finder();
    await flights.run(['a'], find, always);
    await flights.run(['a'], find, always);
    expect(looked).toEqual([['a'], ['a']]);
  });

  it('looks by itself if what another found is of no use', async () => {
    const flights = new SingleFlight<string>();
    const {looked, find} = finder();
    const [, second] = await Promise.all([flights.run(['a'], find, always), flights.run(['a'], find, () => false)]);
    expect(second.get('a')).toBe('A');
    expect(looked.length).toBe(2);
  });

  it('fails only the call that fails, and leaves no rejection behind', async () => {
    const flights = new SingleFlight<string>();
    const {find} = finder();
    const failing = flights.run(['a'], async () => Promise.reject(new Error('no connection')), always);
    await expect(failing).rejects.toThrow('no connection');
    expect((await flights.run(['a'], find, always)).get('a')).toBe('A');
  });
});
