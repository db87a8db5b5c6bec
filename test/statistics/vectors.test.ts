import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {addTo, dot} from '../../src/statistics/vectors.ts';

const number = fc.double({min: -1e3, max: 1e3, noNaN: true});
const pairs = fc.array(fc.tuple(number, number), {maxLength: 11});

const columnsOf = (rows: readonly (readonly [number, number])[]): [Float64Array, Float64Array] => [
  Float64Array.from(rows, ([one]) => one),
  Float64Array.from(rows, ([, other]) => other),
];

describe('dot', () => {
  it('is the sum of the products, for lists of any length', () => {
    fc.assert(
      fc.property(pairs, rows => {
        expect(dot(...columnsOf(rows))).toBeCloseTo(
          rows.reduce((sum, [one, other]) => sum + one * other, 0),
          6,
        );
      }),
    );
  });
});

describe('addTo', () => {
  it('adds a multiple to each number, for lists of any length', () => {
    fc.assert(
      fc.property(pairs, number, (rows, factor) => {
        const [sum, other] = columnsOf(rows);
        addTo(sum, other, factor);
        expect([...sum]).toEqual(rows.map(([one, more]) => one + factor * more));
      }),
    );
  });
});
