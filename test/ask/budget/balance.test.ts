import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {Excess} from '../../../src/ask/budget/balance.ts';
import type {Charge} from '../../../src/ask/budget/price.ts';

const tokens = (inputTokens: number, outputTokens = 0): Charge => ({calls: 1, usage: {inputTokens, outputTokens}});

describe('an excess', () => {
  it('leaves a worst case as it is as long as none is passed', () => {
    const excess = new Excess();
    expect(excess.saw(tokens(10, 5), tokens(10, 5))).toBe(1);
    expect(excess.raised(tokens(7, 3))).toEqual(tokens(7, 3));
  });

  it('raises input and output apart, by the highest ratio that was seen', () => {
    const excess = new Excess();
    expect(excess.saw(tokens(10, 5), tokens(10, 15))).toBe(3);
    expect(excess.raised(tokens(7, 3))).toEqual(tokens(7, 9));
    expect(excess.saw(tokens(10, 5), tokens(10, 14))).toBe(1);
    expect(excess.saw(tokens(10, 5), tokens(12, 5))).toBe(1.2);
    expect(excess.raised(tokens(5, 3))).toEqual(tokens(6, 9));
  });

  it('knows of a request that was to use none', () => {
    const excess = new Excess();
    excess.saw(tokens(10, 0), tokens(10, 4));
    expect(excess.raised(tokens(1, 0))).toEqual(tokens(1, 4));
  });

  it('tells of a ratio once, and again if it has doubled', () => {
    const excess = new Excess();
    const told = [2, 3, 3.9, 4, 5, 9].map(ratio => excess.noteOf(ratio, 'a fake') !== undefined);
    expect(told).toEqual([true, false, false, true, false, true]);
    expect(excess.noteOf(20.01, 'a fake')).toContain('Teacher a fake counted 20.1 times the tokens');
  });

  it('covers what it saw, and all that is charged at the same ratio', () => {
    const count = fc.integer({min: 0, max: 1e6});
    fc.assert(
      fc.property(fc.array(fc.tuple(count, count), {minLength: 1}), count, (seen, worst) => {
        const excess = new Excess();
        for (const [most, charged] of seen) excess.saw(tokens(most), tokens(charged));
        for (const [most, charged] of seen) {
          expect(excess.raised(tokens(most)).usage!.inputTokens).toBeGreaterThanOrEqual(charged);
          const alike = Math.floor((worst * charged) / Math.max(1, most));
          expect(excess.raised(tokens(worst)).usage!.inputTokens).toBeGreaterThanOrEqual(alike);
        }
      }),
    );
  });
});
