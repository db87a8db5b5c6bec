import {getEventListeners} from 'node:events';
import {describe, expect, it} from 'vitest';
import {once, untilAborted} from '../src/once.ts';

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
