import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {boundsWithMissing, exactInterval, lowerBound, upperBound} from '../../src/statistics/bounds.ts';
import {expectClose, scipy} from './scipy.ts';

describe('exact bounds on a probability', () => {
  it('equal SciPy’s', () => {
    for (const [count, trials, error, upper, lower] of scipy.bounds) {
      expectClose(upperBound(count!, trials!, error!), upper!);
      expectClose(lowerBound(count!, trials!, error!), lower!);
    }
  });

  it('know nothing of no trials', () => {
    expect(exactInterval(0, 0)).toEqual([0, 1]);
  });

  it('hold the probability as often as they say, summed over all that may be seen', () => {
    const probability = fc.double({min: 0.001, max: 0.999, noNaN: true});
    fc.assert(
      fc.property(fc.integer({min: 1, max: 60}), probability, fc.constantFrom(0.2, 0.05, 0.01), (trials, p, error) => {
        let missed = 0;
        let chance = (1 - p) ** trials;
        for (let count = 0; count <= trials; count++) {
          if (upperBound(count, trials, error) < p) missed += chance;
          chance *= ((trials - count) / (count + 1)) * (p / (1 - p));
        }
        expect(missed).toBeLessThanOrEqual(error + 1e-9);
      }),
      {numRuns: 50},
    );
  });
});

describe('the bounds of a share with missing inputs', () => {
  it('are those of no and of full agreement on what is missing', () => {
    expect(boundsWithMissing(0.9, {count: 10, total: 100})).toEqual([expect.closeTo(0.81), expect.closeTo(0.91)]);
  });

  it('are the share itself if nothing is missing', () => {
    expect(boundsWithMissing(0.9, {count: 0, total: 100})).toEqual([0.9, 0.9]);
  });

  it('hold the share over all inputs, whatever is missing, and are reached', () => {
    const answers = fc.array(fc.record({agrees: fc.boolean(), answered: fc.boolean()}), {minLength: 1, maxLength: 50});
    fc.assert(
      fc.property(answers, all => {
        const answered = all.filter(one => one.answered);
        fc.pre(answered.length > 0);
        const shareOf = (some: readonly {readonly agrees: boolean}[]) =>
          some.filter(({agrees}) => agrees).length / some.length;
        const missing = {count: all.length - answered.length, total: all.length};
        const [lowest, highest] = boundsWithMissing(shareOf(answered), missing);
        const ifAll = (agrees: boolean) => shareOf(all.map(one => (one.answered ? one : {agrees})));
        expect(lowest).toBeCloseTo(ifAll(false), 12);
        expect(highest).toBeCloseTo(ifAll(true), 12);
        expect(shareOf(all)).toBeGreaterThanOrEqual(lowest - 1e-12);
        expect(shareOf(all)).toBeLessThanOrEqual(highest + 1e-12);
      }),
    );
  });
});
