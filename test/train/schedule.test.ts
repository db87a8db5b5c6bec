import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {constantRate, cosineDecay, stepDecay} from '../../src/train/schedule.ts';

describe('schedules', () => {
  it('cosine falls from 1 by half a cosine to its final factor', () => {
    const schedule = cosineDecay({final: 0.2});
    expect(schedule(0, 100)).toBe(1);
    expect(schedule(50, 100)).toBeCloseTo(0.6, 12);
    expect(schedule(100, 100)).toBeCloseTo(0.2, 12);
  });

  it('step decay drops at the shares of the run that it names', () => {
    const schedule = stepDecay({at: [0.5, 0.75], factor: 0.1});
    expect([0, 49, 50, 74, 75, 99].map(step => schedule(step, 100))).toEqual([1, 1, 0.1, 0.1, 0.1 ** 2, 0.1 ** 2]);
  });

  it('constant stays at 1', () => {
    expect([0, 1, 99].map(step => constantRate()(step, 100))).toEqual([1, 1, 1]);
  });

  it('warm-up grows in equal steps, and its first step already moves', () => {
    const schedule = constantRate({warmUp: 0.04});
    expect([0, 1, 2, 3, 4].map(step => schedule(step, 100))).toEqual([1 / 5, 2 / 5, 3 / 5, 4 / 5, 1]);
  });

  it('all stay above 0 and at most 1 at every step of every run', () => {
    const schedules = [
      constantRate({warmUp: 0.1}),
      cosineDecay({warmUp: 0.3}),
      stepDecay({at: [0.2, 0.6], warmUp: 0.1}),
    ];
    fc.assert(
      fc.property(fc.integer({min: 1, max: 5000}), fc.nat(4999), (steps, at) => {
        for (const schedule of schedules) {
          const factor = schedule(at % steps, steps);
          expect(factor).toBeGreaterThan(0);
          expect(factor).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('refuse shares outside 0 to 1', () => {
    expect(() => cosineDecay({warmUp: 2})).toThrow('Expected `warmUp` to be from 0 to 1, got 2.');
    expect(() => stepDecay({at: [30]})).toThrow('Expected `at` to be from 0 to 1, got 30.');
  });
});
