import {describe, expect, it} from 'vitest';
import {sharedWork} from '../../../src/ask/compose/composed.ts';

describe('shared work', () => {
  it('is done once for all who need it, however often', async () => {
    let runs = 0;
    const share = sharedWork(async () => ++runs);
    expect(await Promise.all([share({}), share({})])).toEqual([1, 1]);
    expect(await share({})).toBe(1);
  });

  it('is begun again after a failure, which only the one who did it hears of', async () => {
    let runs = 0;
    const share = sharedWork(async () => {
      runs++;
      await new Promise(resolve => setImmediate(resolve));
      if (runs === 1) throw new Error('no');
      return runs;
    });
    const [first, second] = await Promise.allSettled([share({}), share({})]);
    expect(first).toMatchObject({status: 'rejected', reason: {message: 'no'}});
    expect(second).toMatchObject({status: 'fulfilled', value: 2});
    expect(await share({})).toBe(2);
  });

  it('is not begun again by one who was told to stop', async () => {
    const stop = new AbortController();
    let runs = 0;
    const share = sharedWork(async () => {
      runs++;
      await new Promise(resolve => setImmediate(resolve));
      stop.abort(new Error('enough'));
      throw new Error('no');
    });
    const [first, second] = await Promise.allSettled([share({}), share({stop: stop.signal})]);
    expect(first).toMatchObject({reason: {message: 'no'}});
    expect(second).toMatchObject({reason: {message: 'enough'}});
    expect(runs).toBe(1);
  });
});
