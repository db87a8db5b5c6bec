import {setImmediate, setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {coalesce} from '../../src/store/coalesce.ts';

describe('coalesce', () => {
  it('makes one call of all that come in one turn of the event loop, in their order', async () => {
    const calls: (readonly number[])[] = [];
    const add = coalesce<number>(async items => void calls.push(items));
    await Promise.all([add([1, 2]), add([3]), Promise.resolve().then(() => add([4]))]);
    await add([5]);
    expect(calls).toEqual([[1, 2, 3, 4], [5]]);
  });

  it('gathers what comes while a call is under way, and never makes two at once', async () => {
    const calls: (readonly number[])[] = [];
    let active = 0;
    const add = coalesce<number>(async items => {
      expect(++active).toBe(1);
      calls.push(items);
      await setTimeout(20);
      active--;
    });
    const first = add([1]);
    await setImmediate();
    await setImmediate();
    const others = [add([2])];
    await setTimeout(5);
    others.push(add([3]));
    await Promise.all([first, ...others]);
    expect(calls).toEqual([[1], [2, 3]]);
  });

  it('fails all that were in a call, and tries again with the next ones', async () => {
    let isFull = true;
    const add = coalesce<number>(async () => {
      if (isFull) throw new Error('full');
    });
    const results = await Promise.allSettled([add([1]), add([2])]);
    expect(results.map(({status}) => status)).toEqual(['rejected', 'rejected']);
    isFull = false;
    await add([3]);
  });
});
