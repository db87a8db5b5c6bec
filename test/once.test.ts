import {describe, expect, it} from 'vitest';
import {once} from '../src/once.ts';

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
