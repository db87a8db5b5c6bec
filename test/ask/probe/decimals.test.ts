import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {decimalsOf, OF_DOUBLES, OF_LOGARITHMS, OF_PROBABILITIES} from '../../../src/ask/probe/decimals.ts';

const rounded = (value: number, decimals: number): number => Math.round(value * 10 ** decimals) / 10 ** decimals;

/** Distributions as an adapter hands them on: log-probabilities in single precision. */
const probabilities = fc
  .array(fc.double({min: 0.001, max: 1, noNaN: true}), {minLength: 8, maxLength: 8})
  .map(weights => weights.map(weight => weight / weights.reduce((sum, value) => sum + value, 0)));

describe('decimalsOf', () => {
  it('finds to how many decimals probabilities were rounded that went through logarithms in single precision', () => {
    fc.assert(
      fc.property(probabilities, fc.integer({min: 2, max: 4}), (values, decimals) => {
        const given = values.map(value => rounded(value, decimals)).filter(value => value > 0);
        const last = given.some(value => rounded(value, decimals - 1) !== value);
        fc.pre(last && new Set(given).size > 3);
        const read = given.map(value => Math.exp(Math.fround(Math.log(value))));
        expect(decimalsOf(read, OF_PROBABILITIES)).toBe(decimals);
      }),
    );
  });

  it('takes no distribution for rounded that nobody rounded', () => {
    fc.assert(
      fc.property(probabilities, values => {
        // Drawn values can be round by chance; values computed from them are not.
        const odd = values.map((value, place) => (value + Math.SQRT2 * (place + 1)) / 20);
        const logs = odd.map(value => Math.fround(Math.log(value)));
        expect(decimalsOf(logs, OF_LOGARITHMS)).toBeUndefined();
        expect(decimalsOf(logs.map(Math.exp), OF_PROBABILITIES)).toBeUndefined();
      }),
    );
  });

  it('finds the decimals of numbers as they stand in a reply', () => {
    expect(decimalsOf([-0.1234, -2.5, -13.0001], OF_DOUBLES)).toBe(4);
    expect(decimalsOf([-0.25, -2.5], OF_DOUBLES)).toBe(2);
    expect(decimalsOf([-0.006018847227096558, -7.066064834594727], OF_DOUBLES)).toBeUndefined();
  });

  it('says nothing of zeros and ones, which are sure and not rounded, nor of too few values', () => {
    expect(decimalsOf([0, 1, 1, 0], OF_PROBABILITIES)).toBeUndefined();
    expect(decimalsOf([], OF_PROBABILITIES)).toBeUndefined();
    expect(decimalsOf([Math.fround(0.50003)], OF_PROBABILITIES)).toBeUndefined();
  });
});
