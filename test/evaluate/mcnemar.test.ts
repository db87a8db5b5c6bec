import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {mcnemar} from '../../src/evaluate/mcnemar.ts';
import {reference} from './reference.ts';

describe("McNemar's test", () => {
  it.each(reference.mcnemar)('is that of SciPy and statsmodels for $b against $c', ({b, c, exact, chiSquared}) => {
    const close = (p: number, expected: number) => expect(Math.abs(p / expected - 1)).toBeLessThan(1e-9);
    close(mcnemar(b, c, {method: 'exact'}).p, exact);
    if (chiSquared > 1e-15) close(mcnemar(b, c, {method: 'chi-squared'}).p, chiSquared);
    else expect(mcnemar(b, c, {method: 'chi-squared'}).p).toBeLessThan(1e-15);
  });

  it('is exact if fewer than 25 examples differ', () => {
    expect(mcnemar(10, 2)).toEqual({method: 'exact', p: expect.closeTo(0.0385742188, 10)});
    expect(mcnemar(20, 4).method).toBe('exact');
    expect(mcnemar(20, 5).method).toBe('chi-squared');
  });

  it('shows nothing if nothing differs', () => {
    expect(mcnemar(0, 0).p).toBe(1);
    expect(mcnemar(40, 40).p).toBe(1);
  });

  it('does not care which of the two is first, and both methods come to nearly the same', () => {
    const count = fc.integer({min: 0, max: 400});
    fc.assert(
      fc.property(count, count, (b, c) => {
        expect(mcnemar(b, c)).toEqual(mcnemar(c, b));
        const [exact, chiSquared] = [mcnemar(b, c, {method: 'exact'}).p, mcnemar(b, c, {method: 'chi-squared'}).p];
        expect(exact).toBeGreaterThanOrEqual(0);
        expect(exact).toBeLessThanOrEqual(1);
        if (b + c >= 25) expect(Math.abs(exact - chiSquared)).toBeLessThan(0.02);
      }),
    );
  });
});
