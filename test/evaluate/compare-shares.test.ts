import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {compareScores} from '../../src/evaluate/compare-scores.ts';
import {compareShares, type SeedShares} from '../../src/evaluate/compare-shares.ts';
import {judge} from '../../src/evaluate/judge.ts';
import {mean} from '../../src/evaluate/statistics.ts';
import {reach} from '../../src/statistics/two-parts.ts';

const inputs = 400;

/** Students that share the difficulty of each input, and what a method adds to it. */
function scoresOf(seeds: readonly number[], share: number, luck = 0.1): Uint8Array[] {
  return seeds.map(seed => {
    const random = seededRandom(seed, 'student');
    return Uint8Array.from({length: inputs}, (_, input) => {
      const difficulty = (1 - luck) * ((input + 0.5) / inputs) + luck * randomFraction(random);
      return difficulty < share ? 1 : 0;
    });
  });
}

function sharesOf(seeds: readonly number[], scores: readonly Uint8Array[]): SeedShares {
  return {seeds, shares: scores.map(mean), inputs};
}

describe('compareShares', () => {
  it('has the variance of a paired t test over the same seeds, and that of Welch over others', () => {
    // Steps of 1 / 1,000; those of 1 / 500 have 4 times as much.
    const rounding = 1 / 12 / 1e6;
    const then = {seeds: [1, 2, 3], shares: [0.9, 0.91, 0.92], inputs: 1_000};
    const same = compareShares({seeds: [3, 1, 2], shares: [0.94, 0.92, 0.92], inputs: 1_000}, then);
    expect(same).toMatchObject({paired: true, seeds: [3, 3], between: 'methods'});
    expect(same.difference).toBeCloseTo(0.05 / 3, 12);
    // Differences of 0.02, 0.01 and 0.02: a variance of 1/3 of 1e-4 over 3 seeds.
    expect(same.variance[0].variance).toBeCloseTo((1e-4 / 3 + rounding) / 3, 12);
    expect(same.variance[0].degrees).toBe(2);
    const other = compareShares({seeds: [4, 5], shares: [0.93, 0.95], inputs: 500}, then);
    expect(other).toMatchObject({paired: false, seeds: [2, 3]});
    const [a, b] = [(2e-4 + 4 * rounding) / 2, (1e-4 + rounding) / 3];
    expect(other.variance[0].variance).toBeCloseTo(a + b, 12);
    expect(other.variance[0].degrees).toBeCloseTo((a + b) ** 2 / (a ** 2 / 1 + b ** 2 / 2), 9);
    expect(other.variance[1].degrees).toBe(499);
  });

  it('is about these very students if one side has one seed', () => {
    const one = {seeds: [1], shares: [0.95], inputs};
    const found = compareShares(one, {seeds: [1, 2], shares: [0.9, 0.92], inputs});
    expect(found).toMatchObject({between: 'students', seeds: [1, 2]});
    expect(found.difference).toBeCloseTo(0.04, 12);
    expect(judge([found])[0]!.verdict).toBe('too few seeds to say');
  });

  it('never passes for certain, even if all students have all inputs right', () => {
    const perfect = {seeds: [1, 2], shares: [1, 1], inputs: 20};
    const [judged] = judge([compareShares(perfect, {...perfect, shares: [0.95, 0.95]})]);
    expect(judged!.verdict).toBe('no difference shown');
  });

  it('gives no narrower an interval than the answers to the same inputs would', () => {
    const seeds = [1, 2, 3, 4];
    for (const [share, other] of [
      [0.9, 0.9],
      [0.93, 0.9],
      [0.6, 0.5],
    ] as const) {
      const [a, b] = [scoresOf(seeds, share), scoresOf([5, 6, 7, 8], other)];
      const known = compareScores({seeds, scores: a}, {seeds, scores: b});
      const found = compareShares(sharesOf(seeds, a), sharesOf(seeds, b));
      expect(found.difference).toBeCloseTo(known.difference, 12);
      expect(found.variance[0].variance).toBeCloseTo(known.variance[0].variance, 12);
      expect(reach(0.05, found.variance)).toBeGreaterThan(reach(0.05, known.variance));
    }
  });
});
