import {getEventListeners} from 'node:events';
import {setImmediate, setTimeout as sleep} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {coalesce, once, untilAborted} from '../src/once.ts';

describe('once', () => {
  it('makes the thing at the first call, for all calls', async () => {
    let made = 0;
    const get = once(async (name: string) => `${name} ${++made}`);
    expect(made).toBe(0);
    expect(await Promise.all([get('a'), get('b')])).toEqual(['a 1', 'a 1']);
    expect(await get('c')).toBe('a 1');
  });

  it('fails for all callers that wait, and makes the thing again at the next call', async () => {
    let tries = 0;
    const get = once(async () => {
      if (++tries === 1) throw new Error('not yet');
      return tries;
    });
    const outcomes = await Promise.allSettled([get(), get()]);
    expect(outcomes.map(({status}) => status)).toEqual(['rejected', 'rejected']);
    expect(await get()).toBe(2);
  });
});

describe('untilAborted', () => {
  it('gives up at the abort, and the work goes on for others', async () => {
    const controller = new AbortController();
    const work = new Promise<string>(resolve => setTimeout(resolve, 20, 'done'));
    const waited = untilAborted(work, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waited).rejects.toThrow('enough');
    await expect(untilAborted(work, controller.signal)).rejects.toThrow('enough');
    expect(await untilAborted(work, new AbortController().signal)).toBe('done');
  });

  it('fails as the work fails, and listens no longer', async () => {
    const {signal} = new AbortController();
    await expect(untilAborted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

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
      await sleep(20);
      active--;
    });
    const first = add([1]);
    await setImmediate();
    await setImmediate();
    const others = [add([2])];
    await sleep(5);
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
