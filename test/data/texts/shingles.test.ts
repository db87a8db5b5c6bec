import fc from 'fast-check';
import {expect, it} from 'vitest';
import {SharedShingles} from '../../../src/data/texts/shingles.ts';

it('gives the share of members that two sets have in common, for one set after another', () => {
  const set = fc.array(fc.integer({min: 0, max: 40}), {minLength: 1, maxLength: 120}).map(all => Uint32Array.from(all));
  const shared = new SharedShingles();
  fc.assert(
    fc.property(set, fc.array(set, {maxLength: 5}), (mine, others) => {
      shared.load(mine);
      for (const other of others) {
        const [a, b] = [new Set(mine), new Set(other)];
        const both = [...a].filter(hash => b.has(hash)).length;
        expect(shared.similarity(other)).toBeCloseTo(both / (a.size + b.size - both), 12);
      }
    }),
  );
});

it('compares a short set with one that is many times as long', () => {
  const shared = new SharedShingles();
  shared.load(Uint32Array.of(1, 2, 3));
  const long = Uint32Array.from({length: 50_000}, (_, index) => index);
  expect(shared.similarity(long)).toBeCloseTo(3 / 50_000, 12);
  expect(shared.similarity(Uint32Array.of(3, 4))).toBeCloseTo(1 / 4, 12);
});
