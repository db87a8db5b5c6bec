import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {criticalT, twoSidedT} from '../../src/statistics/distributions.ts';
import {detectable, reach, type TwoParts, twoSidedP} from '../../src/statistics/two-parts.ts';

type Rows = readonly (readonly number[])[];

/** The results of SciPy, see `test/fixtures/statistics/make-two-parts.py`. */
const scipy = JSON.parse(
  readFileSync(new URL('../fixtures/statistics/two-parts.json', import.meta.url), 'utf8'),
) as Readonly<Record<'reach' | 'p' | 'detectable' | 'errors', Rows>>;

const parts = ([a, few, b, many]: readonly number[]): TwoParts => [
  {variance: a!, degrees: few!},
  {variance: b!, degrees: many!},
];
const near = (got: number, wanted: number, share: number): void =>
  expect(Math.abs(got / wanted - 1), `${got} for ${wanted}`).toBeLessThan(share);

describe('a variance of two parts', () => {
  it('has the reach and the p values of the same formula in SciPy', () => {
    for (const [error, a, few, b, many, wanted] of scipy.reach)
      near(reach(error!, parts([a!, few!, b!, many!])), wanted!, 1e-9);
    for (const [estimate, a, few, b, many, wanted] of scipy.p)
      near(twoSidedP(estimate!, parts([a!, few!, b!, many!])), wanted!, 1e-6);
  });

  it('brings false verdicts as often as it says from 2 degrees of freedom on, and no more often with 1', () => {
    for (const [degrees, error, share, found] of scipy.errors) {
      const most = degrees === 1 && error! < 0.05 ? 1.25 : 1.1;
      expect(found! / error!, `${degrees} degrees at ${error}, share ${share}`).toBeLessThan(most);
      if (error === 0.05) expect(found).toBeGreaterThan(degrees === 1 ? 0.026 : 0.04);
    }
  });

  it('is Student’s t if one part is all', () => {
    const [none, some] = [0, 4].map(variance => ({variance, degrees: 3}));
    const other = {variance: 9, degrees: 120};
    expect(reach(0.05, [none!, other])).toBeCloseTo(3 * criticalT(0.05, 120), 12);
    expect(reach(0.05, [some!, {...other, variance: 0}])).toBeCloseTo(2 * criticalT(0.05, 3), 12);
    expect(twoSidedP(5, [none!, other])).toBe(twoSidedT(5 / 3, 120));
    expect(twoSidedP(5, [some!, {...other, variance: 0}])).toBe(twoSidedT(2.5, 3));
  });

  it('has a p value that falls with distance, is the error at which the reach ends there, and does not ask for an order', () => {
    const degrees = fc.constantFrom(1, 1.4, 2, 3, 9, 60);
    const variance = fc.double({min: 1e-6, max: 100, noNaN: true});
    const distance = fc.double({min: 0.01, max: 40, noNaN: true});
    fc.assert(
      fc.property(variance, degrees, variance, distance, (a, few, b, estimate) => {
        const both = parts([a, few, b, 999]);
        const p = twoSidedP(estimate, both);
        expect(twoSidedP(-estimate, [both[1], both[0]])).toBe(p);
        expect(twoSidedP(estimate * 1.1, both)).toBeLessThanOrEqual(p);
        if (p > 1e-12 && p < 0.999) near(reach(p, both), estimate, 1e-5);
      }),
      {numRuns: 60},
    );
  });

  it('knows no doubt without variance, and no difference at 0', () => {
    const none = parts([0, 2, 0, 99]);
    expect([twoSidedP(0, none), twoSidedP(0.1, none), reach(0.05, none), detectable(0.05, none)]).toEqual([1, 0, 0, 0]);
    expect(twoSidedP(0, parts([1, 1, 1, 99]))).toBe(1);
    expect(twoSidedP(1e9, parts([1, 1, 1, 9999]))).toBeLessThan(1e-8);
  });

  it('finds the difference that SciPy finds detectable', () => {
    for (const [error, a, few, b, many, wanted] of scipy.detectable)
      near(detectable(error!, parts([a!, few!, b!, many!])), wanted!, 0.005);
  });

  it('knows the textbook’s detectable difference of a z test', () => {
    near(detectable(0.05, parts([0, 1, 1, 1e7])), 1.959964 + 0.841621, 1e-4);
  });
});
