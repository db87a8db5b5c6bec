import {describe, expect, it} from 'vitest';
import {drawnOrder} from '../../../src/data/shards/drawn-order.ts';

const first = (order: (place: number) => number, count: number) =>
  Array.from({length: count}, (_, place) => order(place));

describe('drawnOrder', () => {
  it('is the order of the shards if all inputs are drawn', () => {
    expect(first(drawnOrder(50, {size: 50, seed: 3}), 50)).toEqual(Array.from({length: 50}, (_, row) => row));
  });

  it('draws by the seed if fewer are drawn, and takes the first of them if even fewer are', () => {
    const twenty = first(drawnOrder(50, {size: 20, seed: 3}), 20);
    expect(new Set(twenty).size).toBe(20);
    expect(first(drawnOrder(50, {size: 10, seed: 3}), 10)).toEqual(twenty.slice(0, 10));
    expect(first(drawnOrder(50, {size: 20, seed: 4}), 20)).not.toEqual(twenty);
  });

  it('draws all by the seed if the first are to stand for all', () => {
    const all = first(drawnOrder(50, {size: 50, seed: 3}, true), 50);
    expect(all.slice(0, 20)).toEqual(first(drawnOrder(50, {size: 20, seed: 3}), 20));
    expect(all.toSorted((one, other) => one - other)).toEqual(Array.from({length: 50}, (_, row) => row));
  });

  it.each([0, 51, 2.5])('refuses to draw %d of 50', size => {
    expect(() => drawnOrder(50, {size})).toThrow(`Expected \`size\` to be a whole number from 1 to 50, got ${size}.`);
  });
});
