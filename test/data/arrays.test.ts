import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {argmaxRows, concatenated, distributionsOf, logSoftmaxRows, oneHot, softmaxRows} from '../../src/data/arrays.ts';
import {entropies, meanKl} from '../../src/evaluate/metrics.ts';

const NEVER = Number.NEGATIVE_INFINITY;
const row = fc.array(fc.double({min: -700, max: 700, noNaN: true}), {minLength: 2, maxLength: 9});
const temperature = fc.double({min: 0.2, max: 50, noNaN: true});

describe('a softmax', () => {
  it('turns each row into a distribution, however great its values are', () => {
    fc.assert(
      fc.property(row, temperature, (values, T) => {
        const rows = softmaxRows([...values, ...values], values.length, T);
        const sum = (part: Float64Array) => part.reduce((total, value) => total + value, 0);
        expect(sum(rows.subarray(0, values.length))).toBeCloseTo(1, 10);
        expect(rows.slice(values.length)).toEqual(rows.slice(0, values.length));
      }),
    );
  });

  it('is that of the formula', () => {
    const [first, second] = softmaxRows([Math.log(3), 0], 2);
    expect(first).toBeCloseTo(0.75, 12);
    expect(second).toBeCloseTo(0.25, 12);
  });

  it('divides by the temperature', () => {
    expect(softmaxRows([4, 0, 2], 3, 2)).toEqual(softmaxRows([2, 0, 1], 3));
  });

  it('gives a masked class nothing', () => {
    expect([...softmaxRows([0, NEVER, 0], 3, 4)]).toEqual([0.5, 0, 0.5]);
    expect(logSoftmaxRows([0, NEVER], 2)[1]).toBe(NEVER);
  });
});

describe('the best class of a row', () => {
  it('is the largest, the lowest index on ties', () => {
    expect([...argmaxRows([1, 5, 5, 0, 0, 0, -3, -2, -1], 3)]).toEqual([1, 0, 2]);
  });
});

describe('an entropy', () => {
  it('is 0 of one certain class and ln K of equal ones', () => {
    const [certain, equal] = entropies(distributionsOf([0, NEVER, NEVER, 7, 7, 7], 3));
    expect(certain).toBe(0);
    expect(equal).toBeCloseTo(Math.log(3), 12);
  });

  it('lies from 0 to ln K and grows with the temperature', () => {
    fc.assert(
      fc.property(row, temperature, (values, T) => {
        const [cool] = entropies(distributionsOf(values, values.length, T));
        const [warm] = entropies(distributionsOf(values, values.length, T * 1.5));
        expect(cool).toBeGreaterThanOrEqual(-1e-12);
        expect(cool).toBeLessThanOrEqual(warm! + 1e-9);
        expect(warm).toBeLessThanOrEqual(Math.log(values.length) + 1e-9);
      }),
    );
  });
});

describe('a divergence', () => {
  it('is 0 of equal rows, also with masked classes, and never below', () => {
    expect(meanKl([0, NEVER, 1, 2], [0, NEVER, 1, 2], 2)).toBe(0);
    fc.assert(
      fc.property(row, temperature, (values, T) => {
        const reversed = [...values].reverse();
        expect(meanKl(values, reversed, values.length, {temperature: T})).toBeGreaterThanOrEqual(-1e-9);
        expect(meanKl(values, values, values.length, {temperature: T})).toBe(0);
      }),
    );
  });

  it('is infinite if the second excludes a class that the first does not, and not the other way round', () => {
    expect(meanKl([0, 0], [0, NEVER], 2)).toBe(Number.POSITIVE_INFINITY);
    expect(meanKl([0, NEVER], [0, 0], 2)).toBeCloseTo(Math.LN2, 12);
  });
});

describe('concatenated', () => {
  it('has the values of both, in a list of its own', () => {
    const first = Float32Array.of(1, 2);
    const both = concatenated(first, Float32Array.of(3));
    first[0] = 9;
    expect([...both]).toEqual([1, 2, 3]);
  });
});

describe('oneHot', () => {
  it('has a 1 at the class of each label, and 0 elsewhere', () => {
    expect([...oneHot([2, 0], 3)]).toEqual([0, 0, 1, 1, 0, 0]);
  });
});
