import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {randomInteger, seededRandom} from '../../../src/data/random.ts';
import {bandingFor, MinHash, SharedShingles} from '../../../src/data/texts/shingles.ts';

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

describe('bandingFor', () => {
  it.each([0.5, 0.7, 0.8, 0.9, 0.95])(
    'misses at most a thousandth of the pairs at %d, and one more row would miss more',
    threshold => {
      const {bands, rows} = bandingFor(threshold);
      const missed = (length: number) => (1 - threshold ** length) ** Math.floor(128 / length);
      expect(bands * rows).toBeLessThanOrEqual(128);
      expect(missed(rows)).toBeLessThanOrEqual(0.001);
      expect(missed(rows + 1)).toBeGreaterThan(0.001);
    },
  );
});

describe('MinHash', () => {
  it.each([12, 100, 2000])('agrees in as many values as two sets of %d share', size => {
    const random = seededRandom(4, 'sets');
    const hash = () => randomInteger(random, 0, 0xffffffff);
    let agreed = 0;
    const pairs = 300;
    for (let pair = 0; pair < pairs; pair++) {
      const minHash = new MinHash({bands: 128, rows: 1}, pair);
      const shared = Array.from({length: size}, hash);
      const own = () => Uint32Array.from([...shared, ...Array.from({length: size / 4}, hash)]);
      const [one, other] = [own(), own()].map(set => Uint32Array.from(minHash.bandsOf(set)));
      agreed += one!.filter((key, band) => key === other![band]).length / 128;
    }
    // The sets share `size` of 1.5 · `size` members.
    expect(agreed / pairs).toBeCloseTo(1 / 1.5, 1);
  });

  it('ignores the order of a set and repeated members', () => {
    const minHash = new MinHash({bands: 16, rows: 8}, 1);
    const bands = (...hashes: number[]) => [...minHash.bandsOf(Uint32Array.from(hashes))];
    expect(bands(5, 900, 70_000)).toEqual(bands(70_000, 5, 5, 900));
    expect(bands(5, 900, 70_000)).not.toEqual(bands(5, 900, 70_001));
  });
});
