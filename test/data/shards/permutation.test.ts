import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {permutation} from '../../../src/data/shards/permutation.ts';
import {InputError} from '../../../src/errors.ts';
import cases from '../../fixtures/shards/permutation.json' with {type: 'json'};

const places = (count: number) => Array.from({length: count}, (_, place) => place);

/** The mean and the deviation of a χ² statistic with so many degrees of freedom. */
const within = (statistic: number, degrees: number) => Math.abs(statistic - degrees) < 5 * Math.sqrt(2 * degrees);

describe('permutation', () => {
  it.each(cases)('gives the numbers of another implementation for $count rows', ({count, seed, places, numbers}) => {
    expect(places.map(permutation(count, seed))).toEqual(numbers);
  });

  it('has each number once, for any number of rows and any seed', () => {
    fc.assert(
      fc.property(fc.integer({min: 1, max: 3000}), fc.integer(), (count, seed) => {
        const numbers = places(count).map(permutation(count, seed));
        expect(numbers.toSorted((one, other) => one - other)).toEqual(places(count));
      }),
      {numRuns: 60},
    );
  });

  it('is another order with another seed, or for another purpose', () => {
    const order = places(100).map(permutation(100, 1));
    expect(places(100).map(permutation(100, 2))).not.toEqual(order);
    expect(places(100).map(permutation(100, 1, 'other'))).not.toEqual(order);
  });

  it.each([2, 7, 10, 100])('puts each of %i rows first about equally often over the seeds', count => {
    const seeds = 400 * count;
    const counts = new Float64Array(count);
    for (let seed = 0; seed < seeds; seed++) counts[permutation(count, seed)(0)]!++;
    const expected = seeds / count;
    const statistic = counts.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
    expect(within(statistic, count - 1)).toBe(true);
  });

  it('draws evenly from all parts of a set, whatever part of the order is taken', () => {
    const [count, cells, taken] = [1_000_003, 100, 10_000];
    for (const start of [0, 500_000, count - taken]) {
      const rowAt = permutation(count, 5);
      const counts = new Float64Array(cells);
      for (let place = start; place < start + taken; place++) counts[Math.floor((rowAt(place) * cells) / count)]!++;
      const expected = taken / cells;
      const statistic = counts.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
      expect(within(statistic, cells - 1)).toBe(true);
    }
  });

  it('draws neighbours apart: two that follow one another are no nearer than two at random', () => {
    const count = 1_000_000;
    const rowAt = permutation(count, 9);
    const distances = places(20_000).map(place => Math.abs(rowAt(place) - rowAt(place + 1)) / count);
    const mean = distances.reduce((sum, distance) => sum + distance, 0) / distances.length;
    // Of two uniform numbers the mean distance is 1/3, with deviation 1/√18.
    expect(Math.abs(mean - 1 / 3)).toBeLessThan(5 / Math.sqrt(18 * distances.length));
  });

  it.each([0, -1, 1.5, 2 ** 52 + 1])('refuses %d rows', count => {
    expect(() => permutation(count, 0)).toThrow(InputError);
  });
});
