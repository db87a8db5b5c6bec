import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {describeProfile, NO_TIME, Stopwatch, secondsOf, sumOf} from '../../src/train/profile.ts';

describe('a stopwatch', () => {
  it('gives every moment to one part, and what is skipped to none', async () => {
    const stopwatch = new Stopwatch();
    const pause = 20;
    await setTimeout(pause);
    stopwatch.lap('data');
    await setTimeout(pause);
    stopwatch.skip();
    stopwatch.lap('step');
    const {data, step} = stopwatch.profile;
    expect(data).toBeGreaterThan(0.018);
    expect(step).toBeLessThan(0.005);
    expect(secondsOf(stopwatch.profile)).toBeCloseTo(data + step, 10);
  });

  it('goes on from what an earlier process came to', () => {
    const stopwatch = new Stopwatch();
    stopwatch.add({...NO_TIME, teacher: 5});
    stopwatch.add({...NO_TIME, teacher: 1, other: 2});
    expect(stopwatch.profile).toEqual({...NO_TIME, teacher: 6, other: 2});
  });
});

describe('a profile', () => {
  it('adds up over runs', () => {
    const one = {data: 1, teacher: 2, step: 3, evaluation: 4, other: 5};
    expect(sumOf([one, one])).toEqual({data: 2, teacher: 4, step: 6, evaluation: 8, other: 10});
    expect(sumOf([])).toEqual(NO_TIME);
  });

  it('is told by its shares, the largest first, without what took no time', () => {
    const profile = {data: 0.2, teacher: 0, step: 18.7, evaluation: 1.095, other: 0.005};
    expect(describeProfile(profile)).toBe('step 94 %, evaluation 5.5 %, data 1.0 %');
  });
});
