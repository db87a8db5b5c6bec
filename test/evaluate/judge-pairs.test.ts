import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {randomNormals, seededRandom} from '../../src/data/random.ts';
import {compareScores, type SeedScores} from '../../src/evaluate/compare-scores.ts';
import {judge} from '../../src/evaluate/judge.ts';
import {judgePairs, type MethodCurve, type PairJudgement, testInTurn} from '../../src/evaluate/judge-pairs.ts';
import {detectable, twoSidedP} from '../../src/statistics/two-parts.ts';

/** Adjusted p values of graphicalMCP, see `test/fixtures/verdicts/make-pairs.R`. */
const reference = JSON.parse(readFileSync(new URL('../fixtures/verdicts/pairs.json', import.meta.url), 'utf8')) as {
  readonly pairs: number;
  readonly budgets: number;
  readonly p: number[];
  readonly adjusted: number[];
}[];

const pairsOf = (p: readonly number[], budgets: number) =>
  Array.from({length: p.length / (budgets + 1)}, (_, pair) => {
    const [curve, ...own] = p.slice(pair * (budgets + 1), (pair + 1) * (budgets + 1)).map(p => ({p}));
    return {curve, budgets: own};
  });
const inOrder = (pairs: ReturnType<typeof pairsOf>, error: number) => {
  const tests = testInTurn(pairs, error);
  return pairs.flatMap(({curve, budgets}) => [curve!, ...budgets].map(one => tests.get(one)!));
};

/** Scores of a method at each budget: its true means, and noise of seeds, examples and both. */
function curve(name: string, means: readonly number[], {seeds = [1, 2, 3, 4, 5], examples = 60} = {}): MethodCurve {
  const random = seededRandom(3, name);
  const scores = means.map((mean): SeedScores => {
    const ofExamples = randomNormals(random, examples);
    const rows = seeds.map(() => {
      const ofSeed = randomNormals(random, 1)[0]! * 0.01;
      return randomNormals(random, examples).map((noise, i) => mean + ofSeed + 0.1 * ofExamples[i]! + 0.1 * noise);
    });
    return {seeds, scores: rows};
  });
  return {name, scores};
}
const at = (found: readonly PairJudgement[], a: string, b: string, budget: number | 'curve'): PairJudgement =>
  found.find(one => one.a === a && one.b === b && one.budget === budget)!;

describe('judgePairs', () => {
  it('has the adjusted p values of graphicalMCP', () => {
    expect(reference.length).toBeGreaterThan(10);
    for (const {p, budgets, adjusted} of reference) {
      const found = inOrder(pairsOf(p, budgets), 0.05);
      for (const [index, wanted] of adjusted.entries()) expect(found[index]!.p / Math.min(1, wanted)).toBeCloseTo(1, 5);
    }
  });

  it('rejects at any error what the adjusted p values say, whatever the p values', () => {
    const values = fc.array(fc.double({min: 0, max: 0.2, noNaN: true}), {minLength: 12, maxLength: 12});
    fc.assert(
      fc.property(values, fc.double({min: 0.001, max: 0.5, noNaN: true}), (p, error) => {
        const [once, other] = [inOrder(pairsOf(p, 3), 0.05), inOrder(pairsOf(p, 3), error)];
        for (const [index, found] of other.entries()) {
          expect(found.p).toBe(once[index]!.p);
          expect(found.isRejected).toBe(found.p <= error);
          expect(found.p).toBeGreaterThanOrEqual(p[index]!);
        }
        // A smaller p value never takes a rejection away.
        const smaller = inOrder(
          pairsOf(
            p.map((one, index) => (index % 2 ? one : one / 2)),
            3,
          ),
          error,
        );
        for (const [index, found] of smaller.entries()) expect(found.p).toBeLessThanOrEqual(other[index]!.p);
      }),
    );
  });

  it('compares every pair over the curve and at each budget', () => {
    const curves = [curve('a', [0.5, 0.6]), curve('b', [0.5, 0.6]), curve('c', [0.7, 0.9])];
    const found = judgePairs(curves);
    expect(found.map(({a, b, budget}) => [a, b, budget].join())).toEqual(
      ['a,b', 'a,c', 'b,c'].flatMap(pair => ['curve', 0, 1].map(budget => `${pair},${budget}`)),
    );
    const {difference, p} = at(found, 'a', 'c', 1);
    const alone = compareScores(curves[0]!.scores[1]!, curves[2]!.scores[1]!);
    expect(difference).toBe(alone.difference);
    expect(p).toBe(twoSidedP(alone.difference, alone.variance));
    expect(found.map(({verdict}) => verdict)).toEqual([
      ...['no difference shown', 'no difference shown', 'no difference shown'],
      ...['worse', 'worse', 'worse'],
      ...['worse', 'worse', 'worse'],
    ]);
    // The share of both rejected pairs went to the first.
    expect(at(found, 'a', 'b', 'curve').confidence).toBeCloseTo(0.95, 12);
    expect(at(found, 'a', 'b', 0).confidence).toBeCloseTo(0.975, 12);
    expect(at(found, 'a', 'b', 'curve').detectable).toBeCloseTo(
      detectable(0.05 / 3, meanComparison(curves[0]!, curves[1]!).variance),
      9,
    );
  });

  it('compares curves by the mean of each seed and example over the budgets', () => {
    const curves = [curve('a', [0.5, 0.6, 0.65]), curve('b', [0.52, 0.61, 0.69])] as const;
    const [found] = judgePairs(curves);
    const wanted = meanComparison(...curves);
    expect(found!.budget).toBe('curve');
    expect(found!.difference).toBeCloseTo(wanted.difference, 12);
    expect(found!.p).toBeCloseTo(twoSidedP(wanted.difference, wanted.variance), 9);
  });

  it('leaves 0 out of an interval exactly if the adjusted p value is at most the error', () => {
    fc.assert(
      fc.property(fc.array(fc.double({min: -0.1, max: 0.1, noNaN: true}), {minLength: 9, maxLength: 9}), shifts => {
        const curves = ['a', 'b', 'c'].map((name, index) => curve(name, shifts.slice(index * 3, index * 3 + 3)));
        for (const {low, high, adjustedP, verdict, difference} of judgePairs(curves)) {
          const isOut = low > 0 || high < 0;
          expect(isOut).toBe(adjustedP <= 0.05);
          expect(verdict === 'better' || verdict === 'worse').toBe(isOut);
          if (isOut) expect(verdict).toBe(difference > 0 ? 'better' : 'worse');
        }
      }),
      {numRuns: 40},
    );
  });

  it('says nothing of a budget if the curves show no difference', () => {
    // The curves cross: each method is better at one budget.
    const found = judgePairs([curve('a', [0.5, 0.9]), curve('b', [0.9, 0.5])]);
    const verdicts = found.map(({verdict}) => verdict);
    expect(verdicts).toEqual(['no difference shown', 'no difference shown', 'no difference shown']);
    expect(at(found, 'a', 'b', 0)).toMatchObject({high: 0, p: expect.closeTo(0, 5), confidence: 0.975});
    expect(at(found, 'a', 'b', 1).low).toBe(0);
    expect(at(found, 'a', 'b', 1).adjustedP).toBe(at(found, 'a', 'b', 'curve').adjustedP);
  });

  it('is Holm’s method over the pairs with one budget', () => {
    const curves = [curve('a', [0.5]), curve('b', [0.53]), curve('c', [0.58])];
    const found = judgePairs(curves);
    expect(found.map(({budget}) => budget)).toEqual([0, 0, 0]);
    const pairs = [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const;
    const wanted = judge(pairs.map(([a, b]) => compareScores(curves[a]!.scores[0]!, curves[b]!.scores[0]!)));
    for (const [index, {verdict, p, interval, confidence, detectable}] of wanted.entries()) {
      const [low, high] = interval;
      expect(found[index]).toMatchObject({verdict, adjustedP: p, low, high, confidence, detectable});
    }
  });

  it('finds no difference between copies, and could have found one', () => {
    const one = curve('a', [0.5, 0.6]);
    const found = judgePairs([one, {...one, name: 'copy'}]);
    for (const ofBudget of found) {
      expect(ofBudget).toMatchObject({difference: 0, p: 1, adjustedP: 1, verdict: 'no difference shown'});
    }
  });

  it('leaves failed runs out: of the curve those of seeds that lack a budget, and budgets without any seed', () => {
    const [a, b] = [curve('a', [0.5, 0.6, 0.7]), curve('b', [0.6, 0.7, 0.8])];
    const without = ({scores}: MethodCurve, budget: number, failed: readonly number[]): MethodCurve => ({
      name: 'b',
      scores: scores.map((one, index) => {
        const kept = one.seeds.flatMap((seed, row) => (index === budget && failed.includes(seed) ? [] : [row]));
        return {seeds: kept.map(row => one.seeds[row]!), scores: kept.map(row => one.scores[row]!)};
      }),
    });
    const some = judgePairs([a, without(b, 1, [2, 4])]);
    const ofThree = (of: MethodCurve) => without(without(without(of, 0, [2, 4]), 1, [2, 4]), 2, [2, 4]);
    expect(some[0]!.p).toBeCloseTo(judgePairs([ofThree(a), ofThree(b)])[0]!.p, 9);
    expect(some[1]!.p).toBe(judgePairs([a, b])[1]!.p);
    expect(judgePairs([a, without(b, 1, [1, 2, 3, 4, 5])]).map(({budget}) => budget)).toEqual([0, 2]);
  });

  it('calls one seed too few, and curves of different lengths an error', () => {
    const few = {seeds: [1]};
    const found = judgePairs([curve('a', [0.5, 0.6], few), curve('b', [0.9, 0.9], few)]);
    expect(found.map(({verdict}) => verdict)).toEqual(new Array(3).fill('too few seeds to say'));
    expect(found[0]!.detectable).toBeNaN();
    expect(() => judgePairs([curve('a', [0.5]), curve('b', [0.5, 0.6])])).toThrow('a has 1, b has 2');
    const short = curve('a', [0.5], {examples: 50}).scores;
    expect(() => judgePairs([{name: 'a', scores: [...curve('a', [0.5]).scores, ...short]}])).toThrow('60 and 50');
    expect(judgePairs([curve('a', [0.5, 0.6])])).toEqual([]);
  });
});

/** The comparison of two curves by the definition. */
function meanComparison(a: MethodCurve, b: MethodCurve) {
  const means = ({scores}: MethodCurve): SeedScores => ({
    seeds: scores[0]!.seeds,
    scores: scores[0]!.scores.map((row, seed) =>
      Array.from(row, (_, i) => scores.reduce((sum, one) => sum + one.scores[seed]![i]!, 0) / scores.length),
    ),
  });
  return compareScores(means(a), means(b));
}
