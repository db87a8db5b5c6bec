import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {Difference} from '../../src/evaluate/compare-scores.ts';
import {judge} from '../../src/evaluate/judge.ts';
import {detectable, reach, twoSidedP} from '../../src/statistics/two-parts.ts';

/** A difference of methods with 5 seeds each, whose standard error is 1. */
function difference(value: number, share = 0.5, seeds = 5): Difference {
  const variance = [
    {variance: share, degrees: Math.max(1, seeds - 1)},
    {variance: 1 - share, degrees: 9999},
  ] as const;
  const between = seeds > 1 ? 'methods' : 'students';
  return {difference: value, between, paired: true, seeds: [seeds, seeds], variance};
}

describe('judge', () => {
  it('says better, worse or nothing by p values that are corrected for how many there are', () => {
    const found = judge([difference(6), difference(-6), difference(0.4), difference(2.6)]);
    expect(found.map(({verdict}) => verdict)).toEqual([
      'better',
      'worse',
      'no difference shown',
      'too few seeds to say',
    ]);
    const p = twoSidedP(2.6, difference(0).variance);
    expect(p).toBeLessThan(0.05);
    expect(found[3]!.p).toBeCloseTo(2 * p, 9);
    expect(judge([difference(2.6)])[0]).toMatchObject({verdict: 'better', p: expect.closeTo(p, 9)});
  });

  it('shows the interval of each comparison’s own step, and how sure it is', () => {
    const found = judge([difference(6), difference(-7), difference(0.4), difference(0.2)]);
    expect(found.map(({confidence}) => confidence)).toEqual([1 - 0.05 / 3, 1 - 0.05 / 4, 0.975, 0.975]);
    expect(found[0]!.interval[0]).toBeCloseTo(6 - reach(0.05 / 3, difference(6).variance), 12);
  });

  it('leaves 0 out of an interval exactly if there is a verdict, whatever the differences', () => {
    const values = fc.array(
      fc.record({
        value: fc.double({min: -8, max: 8, noNaN: true}),
        share: fc.double({min: 0, max: 1, noNaN: true}),
        seeds: fc.integer({min: 2, max: 9}),
      }),
      {minLength: 1, maxLength: 5},
    );
    fc.assert(
      fc.property(values, list => {
        for (const {verdict, p, interval} of judge(
          list.map(({value, share, seeds}) => difference(value, share, seeds)),
        )) {
          const isOut = interval[0] > 0 || interval[1] < 0;
          expect(isOut).toBe(p <= 0.05);
          expect(isOut ? (interval[0] > 0 ? 'better' : 'worse') : isOut).toBe(isOut && verdict);
        }
      }),
      {numRuns: 60},
    );
  });

  it('calls seeds too few if the same variance from many would have been enough, and always with one', () => {
    // 4.30 is the critical value with 3 seeds, 1.96 that of as many as there may be.
    const by = (value: number, seeds: number) => judge([difference(value, 1, seeds)])[0]!;
    expect(by(1.9, 3).verdict).toBe('no difference shown');
    expect(by(2.1, 3).verdict).toBe('too few seeds to say');
    expect(by(4.4, 3).verdict).toBe('better');
    expect(by(40, 1)).toMatchObject({verdict: 'too few seeds to say', detectable: Number.NaN});
  });

  it('says what the study could have found, at its first step', () => {
    const [one, other] = judge([difference(6), difference(0)]);
    expect(one!.detectable).toBe(detectable(0.025, difference(0).variance));
    expect(other!.detectable).toBe(one!.detectable);
  });

  it('has nothing to say of nothing', () => {
    expect(judge([])).toEqual([]);
  });
});
