import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {betaBelowHalf, leadProbability} from '../../../src/ask/compose/sure-lead.ts';
import {type RandomGenerator, randomFraction, randomNormal, seededRandom} from '../../../src/data/random.ts';

interface Below {
  readonly a: number;
  readonly b: number;
  readonly probability: number;
}

/** See `test/fixtures/compose/make-beta.py`. */
const below: readonly Below[] = JSON.parse(readFileSync('test/fixtures/compose/beta.json', 'utf8'));

/** Of the distribution Gamma(votes + ½): exponential numbers, and half a squared normal one. */
function gamma(random: RandomGenerator, votes: number): number {
  let sum = randomNormal(random) ** 2 / 2;
  for (let vote = 0; vote < votes; vote++) sum -= Math.log(1 - randomFraction(random));
  return sum;
}

/** How often the leading class is the most frequent one of so many draws from Dirichlet(n + ½). */
function simulated(counts: readonly number[], draws: number): number {
  const random = seededRandom(1, counts.join());
  const lead = counts.indexOf(Math.max(...counts));
  let times = 0;
  for (let draw = 0; draw < draws; draw++) {
    const shares = counts.map(votes => gamma(random, votes));
    if (shares[lead] === Math.max(...shares)) times++;
  }
  return times / draws;
}

describe('betaBelowHalf', () => {
  it.each(below)('is what SciPy says of Beta($a, $b)', ({a, b, probability}) => {
    expect(betaBelowHalf(a, b) / probability).toBeCloseTo(1, 9);
  });
});

describe('leadProbability', () => {
  it.each([[[4, 0]], [[3, 1]], [[7, 5]]])('is exact of two classes: %j', counts => {
    const [truth, draws] = [leadProbability(counts), 40_000];
    const deviation = Math.sqrt((truth * (1 - truth)) / draws);
    expect(Math.abs(simulated(counts, draws) - truth)).toBeLessThan(4 * deviation);
  });

  it.each([[[4, 0, 0]], [[6, 2, 1]], [[3, 2, 2, 1]], [[7, ...new Array(9).fill(0)]]])(
    'is never more than the truth of several classes, and hardly less where the lead is clear: %j',
    counts => {
      const [bound, draws] = [leadProbability(counts), 40_000];
      const truth = simulated(counts, draws);
      const deviation = Math.sqrt((truth * (1 - truth)) / draws);
      expect(bound).toBeLessThan(truth + 4 * deviation);
      if (bound > 0.9) expect(truth - bound).toBeLessThan(0.02);
    },
  );

  it('grows with each vote for the leading class, and falls with each for another', () => {
    const votes = fc.array(fc.nat({max: 40}), {minLength: 2, maxLength: 8});
    fc.assert(
      fc.property(votes, counts => {
        const lead = counts.indexOf(Math.max(...counts));
        const other = (lead + 1) % counts.length;
        const probability = leadProbability(counts);
        expect(probability).toBeGreaterThanOrEqual(0);
        expect(probability).toBeLessThanOrEqual(1);
        expect(leadProbability(counts.with(lead, counts[lead]! + 1))).toBeGreaterThanOrEqual(probability);
        if (counts[other]! < counts[lead]!) {
          expect(leadProbability(counts.with(other, counts[other]! + 1))).toBeLessThanOrEqual(probability);
        }
      }),
    );
  });

  it('takes 3 votes of one class of two to be sure to 0.95, 5 of five classes, and 6 of ten', () => {
    const needed = [2, 5, 10].map(classes => {
      let votes = 1;
      while (leadProbability([votes, ...new Array(classes - 1).fill(0)]) < 0.95) votes++;
      return votes;
    });
    expect(needed).toEqual([3, 5, 6]);
  });

  it('knows nothing if two classes lead', () => {
    expect(leadProbability([5, 5])).toBeCloseTo(0.5, 9);
    expect(leadProbability([5, 5, 0])).toBeLessThan(0.5);
  });
});
