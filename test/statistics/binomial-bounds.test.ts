import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {exactInterval, lowerBound, upperBound} from '../../src/statistics/binomial-bounds.ts';
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
