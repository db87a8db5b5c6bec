import {describe, expect, it} from 'vitest';
import {randomInteger, seededRandom} from '../../../src/data/random.ts';
import {bandingFor, MinHash} from '../../../src/data/texts/min-hash.ts';

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
