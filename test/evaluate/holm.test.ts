import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {holm} from '../../src/evaluate/judge.ts';
import {reference} from './reference.ts';

describe("Holm's correction", () => {
  it('is that of statsmodels', () => {
    for (const [index, p] of holm(reference.holm.p).entries()) {
      expect(p).toBeCloseTo(reference.holm.corrected[index]!, 12);
    }
  });

  it('keeps the order, never lowers a p-value, never raises one above Bonferroni or 1', () => {
    fc.assert(
      fc.property(fc.array(fc.double({min: 0, max: 1, noNaN: true})), pValues => {
        const corrected = holm(pValues);
        for (const [index, p] of corrected.entries()) {
          expect(p).toBeGreaterThanOrEqual(pValues[index]!);
          expect(p).toBeLessThanOrEqual(Math.min(1, pValues.length * pValues[index]!) + 1e-12);
          for (const [other, q] of pValues.entries()) {
            if (q < pValues[index]!) expect(corrected[other]).toBeLessThanOrEqual(p);
          }
        }
      }),
    );
  });
});
