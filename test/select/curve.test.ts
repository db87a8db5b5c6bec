import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {errorAt, fitCurve} from '../../src/select/curve.ts';

interface Case {
  readonly answers: readonly number[];
  readonly errors: readonly number[];
  readonly weights: readonly number[];
  /** The weighted sum of squares that SciPy's curve_fit comes to within the same bounds. */
  readonly loss: number;
  readonly errorAfter100More: number;
}

const path = join(import.meta.dirname, '..', 'fixtures', 'select', 'curves.json');
const cases: readonly Case[] = JSON.parse(readFileSync(path, 'utf8'));

describe('fitCurve', () => {
  it.each(cases.map(one => [one.answers.length, one] as const))('fits %i rounds as SciPy does', (_, one) => {
    const {answers, errors, weights} = one;
    const curve = fitCurve(
      answers.map((count, index) => ({answers: count, error: errors[index]!})),
      weights,
    )!;
    const loss = answers.reduce(
      (sum, count, index) => sum + weights[index]! * (errors[index]! - errorAt(curve, count)) ** 2,
      0,
    );
    expect(loss).toBeLessThanOrEqual(one.loss * (1 + 1e-6) + 1e-9);
    expect(errorAt(curve, answers.at(-1)! + 100)).toBeCloseTo(one.errorAfter100More, 5);
  });

  it('finds planted curves', () => {
    const rate = fc.double({min: 0.1, max: 1.8, noNaN: true});
    const floor = fc.double({min: 0, max: 0.1, noNaN: true});
    fc.assert(
      fc.property(rate, floor, (planted, least) => {
        const curve = {floor: least, scale: 0.4 * 100 ** planted, rate: planted};
        const points = [1, 2, 4, 6, 9, 12, 20].map(hundreds => ({
          answers: 100 * hundreds,
          error: errorAt(curve, 100 * hundreds),
        }));
        const found = fitCurve(points)!;
        expect(found.rate).toBeCloseTo(planted, 3);
        expect(errorAt(found, 2100)).toBeCloseTo(errorAt(curve, 2100), 5);
      }),
    );
  });

  it('goes through two points, and is level if errors do not fall', () => {
    const curve = fitCurve([
      {answers: 100, error: 0.4},
      {answers: 400, error: 0.2},
    ])!;
    expect(curve.floor).toBe(0);
    expect(curve.rate).toBeCloseTo(0.5, 6);
    expect(errorAt(curve, 1600)).toBeCloseTo(0.1, 6);
    const level = fitCurve(
      [1, 2, 3, 4, 5, 6].map(hundreds => ({answers: 100 * hundreds, error: 0.1 + hundreds / 100})),
    )!;
    expect(errorAt(level, 700)).toBeCloseTo(0.135, 6);
    expect(errorAt(level, 70_000)).toBeCloseTo(0.135, 6);
  });

  it('knows nothing of one size', () => {
    expect(fitCurve([{answers: 100, error: 0.4}])).toBeUndefined();
    expect(fitCurve([1, 2].map(() => ({answers: 100, error: 0.4})))).toBeUndefined();
  });
});
