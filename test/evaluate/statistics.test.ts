import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {mean, pearson, quantile, spearman, standardDeviation} from '../../src/evaluate/statistics.ts';
import {reference} from './reference.ts';

describe('statistics', () => {
  const {sample, ties} = reference;

  it("are NumPy's: mean, sample standard deviation, quantiles", () => {
    const sorted = [...sample.values].sort((a, b) => a - b);
    expect(mean(sample.values)).toBeCloseTo(sample.mean, 12);
    expect(standardDeviation(sample.values)).toBeCloseTo(sample.standardDeviation, 12);
    for (const [share, expected] of Object.entries(sample.quantiles)) {
      expect(quantile(sorted, Number(share))).toBeCloseTo(expected, 12);
    }
  });

  it("are SciPy's: correlations, with ties", () => {
    expect(pearson(ties.x, ties.y)).toBeCloseTo(ties.pearson, 12);
    expect(spearman(ties.x, ties.y)).toBeCloseTo(ties.spearman, 12);
  });

  it('have no deviation in a single value and no correlation with what does not vary', () => {
    expect(standardDeviation([3])).toBe(0);
    expect(pearson([1, 2, 3], [5, 5, 5])).toBe(0);
    expect(spearman([1, 2, 3], [5, 5, 5])).toBe(0);
  });

  it('correlate ranks alike under any growing function', () => {
    const values = fc.uniqueArray(fc.integer({min: -99, max: 99}), {minLength: 2});
    fc.assert(
      fc.property(values, x => {
        const grown = x.map(value => value ** 3 + value);
        expect(spearman(x, grown)).toBeCloseTo(1, 9);
      }),
    );
  });
});
