import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {randomNormals, seededRandom} from '../../src/data/random.ts';
import {compareScores, type SeedScores} from '../../src/evaluate/compare-scores.ts';
import {cheapest, exchangeRate} from '../../src/evaluate/exchange-rate.ts';
import {reach} from '../../src/statistics/two-parts.ts';

/** Fieller's intervals by R, see `test/fixtures/verdicts/make-exchange.R`. */
const reference = JSON.parse(readFileSync(new URL('../fixtures/verdicts/exchange.json', import.meta.url), 'utf8')) as {
  readonly low: number[];
  readonly high: number[];
  readonly own: number[];
  readonly share: number;
  readonly interval: [number, number];
}[];

/** The same score on every example. */
const constant = (means: readonly number[], examples = 20): SeedScores => ({
  seeds: means.map((_, index) => index + 1),
  scores: means.map(mean => new Float64Array(examples).fill(mean)),
});

/** Scores of given means with noise of seeds, examples and both. */
function noisy(mean: number, name: string, {seeds = 5, examples = 200, noise = 0.1} = {}): SeedScores {
  const random = seededRandom(4, name);
  const ofExamples = randomNormals(random, examples);
  const rows = Array.from({length: seeds}, () => {
    const ofSeed = randomNormals(random, 1)[0]! * 0.1;
    return randomNormals(random, examples).map((z, i) => mean + noise * (ofSeed + ofExamples[i]! + z));
  });
  return {seeds: rows.map((_, index) => index + 1), scores: rows};
}
const BUDGETS = [100, 1000, 10_000, 100_000];
const line = (means: readonly number[], options = {}) => ({
  budgets: BUDGETS.slice(0, means.length),
  scores: means.map((mean, index) => noisy(mean, `line ${index}`, options)),
});

describe('exchangeRate', () => {
  it('has Fieller’s interval if nothing but the seeds varies', () => {
    for (const {low, high, own, share, interval} of reference) {
      const other = {budgets: [100, 1000], scores: [constant(low), constant(high)]};
      const found = exchangeRate(constant(own), other)!;
      const shares = [found.worth, found.low, found.high].map(inputs => Math.log10(inputs! / 100));
      expect(shares[0]).toBeCloseTo(share, 9);
      expect(shares[1]).toBeCloseTo(interval[0], 5);
      expect(shares[2]).toBeCloseTo(interval[1], 5);
      expect(found.confidence).toBe(0.95);
    }
  });

  it('ends where the comparison with the interpolated scores rejects', () => {
    const [of, other] = [noisy(0.85, 'of'), line([0.7, 0.8, 0.9])];
    const found = exchangeRate(of, other, {confidence: 0.9})!;
    const rejects = (inputs: number): number => {
      const position = Math.log10(inputs) - 2;
      const start = Math.min(1, Math.floor(position));
      const [from, to] = [other.scores[start]!, other.scores[start + 1]!];
      const share = position - start;
      const scores = from.scores.map((row, seed) =>
        Array.from(row, (value, i) => (1 - share) * value + share * to.scores[seed]![i]!),
      );
      const {difference, variance} = compareScores(of, {seeds: from.seeds, scores});
      return Math.abs(difference) / reach(0.1, variance);
    };
    expect(found.low).toBeGreaterThan(1000);
    expect(rejects(found.low!)).toBeCloseTo(1, 4);
    expect(rejects(found.high!)).toBeCloseTo(1, 4);
    expect(rejects(found.low! * 0.95)).toBeGreaterThan(1);
    expect(rejects(found.high! * 1.05)).toBeGreaterThan(1);
    expect(rejects(found.worth!)).toBeLessThan(0.01);
  });

  it('has null for what is outside the measured budgets', () => {
    const other = line([0.7, 0.8, 0.9]);
    const of = (mean: number) => exchangeRate(noisy(mean, 'of'), other)!;
    expect(of(0.5)).toMatchObject({worth: null, low: null, high: 100});
    expect(of(0.98)).toMatchObject({worth: null, low: 10000, high: null});
    const [near, above] = [of(0.702), of(0.899)];
    expect(near.low).toBeNull();
    expect(near.high).toBeGreaterThan(100);
    expect(above.high).toBeNull();
    expect(above.low).toBeLessThan(10000);
  });

  it('spans all crossings of a curve that falls and rises, and names the first', () => {
    const quiet = {noise: 0.01};
    const found = exchangeRate(noisy(0.8, 'of', quiet), line([0.7, 0.9, 0.7, 0.9], quiet))!;
    // In the middle of each of the three decades.
    expect(Math.log10(found.worth!)).toBeCloseTo(2.5, 1);
    expect(found.low).toBeLessThan(found.worth!);
    expect(Math.log10(found.low!)).toBeCloseTo(2.5, 1);
    expect(Math.log10(found.high!)).toBeCloseTo(4.5, 1);
    // The largest budget is below the score again, so more inputs may be worth as much.
    expect(exchangeRate(noisy(0.8, 'of', quiet), line([0.7, 0.9, 0.7], quiet))).toMatchObject({
      worth: found.worth,
      low: found.low,
      high: null,
    });
  });

  it('lies around its estimate, and is wider at a higher confidence', () => {
    fc.assert(
      fc.property(fc.double({min: 0.7, max: 0.9, noNaN: true}), fc.integer({min: 2, max: 6}), (mean, seeds) => {
        const [of, other] = [noisy(mean, 'of', {seeds}), line([0.7, 0.82, 0.9], {seeds})];
        const [narrow, wide] = [0.8, 0.99].map(confidence => exchangeRate(of, other, {confidence})!);
        for (const {low, high, worth} of [narrow!, wide!]) {
          if (worth === null) continue;
          expect(low ?? 0).toBeLessThanOrEqual(worth);
          expect(high ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(worth);
        }
        expect(wide!.low ?? 0).toBeLessThanOrEqual(narrow!.low ?? 0);
        expect(wide!.high ?? Number.POSITIVE_INFINITY).toBeGreaterThanOrEqual(narrow!.high ?? Number.POSITIVE_INFINITY);
      }),
      {numRuns: 30},
    );
  });

  it('has an estimate and no interval with one seed', () => {
    const one = {seeds: 1};
    const found = exchangeRate(noisy(0.85, 'of', one), line([0.7, 0.8, 0.9], one))!;
    expect(found).toMatchObject({low: null, high: null, confidence: Number.NaN});
    expect(found.worth).toBeGreaterThan(1000);
  });

  it('is one number if nothing varies', () => {
    const other = {budgets: [100, 1000], scores: [constant([0.7, 0.7, 0.7]), constant([0.9, 0.9, 0.9])]};
    const found = exchangeRate(constant([0.77, 0.77, 0.77]), other)!;
    const wanted = 100 * 10 ** 0.35;
    for (const inputs of [found.worth, found.low, found.high]) expect(inputs! / wanted).toBeCloseTo(1, 5);
  });

  it('compares seeds that are not shared, too', () => {
    const {scores} = noisy(0.85, 'of');
    const [shared, apart] = [1, 11].map(first =>
      exchangeRate({seeds: scores.map((_, index) => first + index), scores}, line([0.7, 0.8, 0.9])),
    );
    expect(apart!.worth).toBeCloseTo(shared!.worth!, 6);
    expect(apart!.low).not.toBe(shared!.low);
  });

  it('leaves out seeds that lack a budget, says nothing without any, and refuses budgets that are not ascending', () => {
    const other = line([0.7, 0.8, 0.9]);
    const kept = (scores: SeedScores, rows: readonly number[]): SeedScores => ({
      seeds: rows.map(row => scores.seeds[row]!),
      scores: rows.map(row => scores.scores[row]!),
    });
    const [first, ...others] = other.scores;
    const some = exchangeRate(noisy(0.8, 'of'), {...other, scores: [kept(first!, [0, 2, 4]), ...others]});
    const whole = other.scores.map(scores => kept(scores, [0, 2, 4]));
    expect(some).toEqual(exchangeRate(noisy(0.8, 'of'), {...other, scores: whole}));
    expect(exchangeRate(noisy(0.8, 'of'), {...other, scores: [kept(first!, []), ...others]})).toBeUndefined();
    expect(exchangeRate({seeds: [], scores: []}, other)).toBeUndefined();
    expect(() => exchangeRate(first!, {...other, budgets: [100, 1000, 500]})).toThrow('100, 1000, 500');
  });
});

describe('cheapest', () => {
  const budgets = [100, 1000];
  const labels = {name: 'labels', budgets, agreement: [0.8, 0.9], calls: [100, 1000]};
  const scores = {name: 'log-probabilities', budgets, agreement: [0.85, 0.95], calls: [110, 1100]};

  it('is the method with the least dollars that reaches an agreement', () => {
    const found = cheapest([
      {...labels, usd: [1, 10]},
      {...scores, usd: [3, 30]},
    ]);
    expect(found.map(({agreement}) => agreement)).toEqual([0.8, 0.82, 0.84, 0.86, 0.88, 0.9, 0.92, 0.94]);
    expect(found[0]).toEqual({agreement: 0.8, name: 'labels', budget: 100, calls: 100, usd: 1});
    // 0.84 takes 100 · 10^0.4 labels.
    expect(found[2]).toEqual({
      agreement: 0.84,
      name: 'labels',
      budget: 252,
      calls: 252,
      usd: expect.closeTo(2.52, 9),
    });
    // 1,000 labels cost 10 dollars.
    expect(found[5]).toMatchObject({name: 'log-probabilities', budget: 317, usd: expect.closeTo(9.51, 9)});
    expect(found[7]).toMatchObject({name: 'log-probabilities', budget: 795});
  });

  it('goes by requests if the price of a method that reaches it is not known, and then by inputs', () => {
    const found = cheapest([{...labels, usd: [1, 10]}, scores]);
    expect(found[2]).toEqual({agreement: 0.84, name: 'log-probabilities', budget: 100, calls: 110});
    const free = [labels, scores].map(curve => ({...curve, calls: [0, 0], usd: [0, 0]}));
    expect(cheapest(free)[4]).toMatchObject({name: 'log-probabilities', budget: 200, usd: 0});
  });

  it('goes by requests if all prices are nought, as those of a server of one’s own', () => {
    const free = [
      {...labels, calls: [4, 40], usd: [0, 0]},
      {...scores, calls: [110, 1100], usd: [0, 0]},
    ];
    expect(cheapest(free)[2]).toMatchObject({agreement: 0.84, name: 'labels', calls: expect.closeTo(10.08, 2), usd: 0});
  });

  it('has at most twelve round values, in the range of the methods', () => {
    fc.assert(
      fc.property(fc.array(fc.double({min: 0, max: 1, noNaN: true}), {minLength: 2, maxLength: 2}), agreement => {
        const found = cheapest([{...labels, agreement}]);
        expect(found.length).toBeGreaterThan(0);
        expect(found.length).toBeLessThanOrEqual(12);
        for (const {agreement: wanted, budget} of found) {
          expect(wanted).toBeLessThanOrEqual(Math.max(...agreement) + 1e-9);
          expect(wanted * 1000).toBeCloseTo(Math.round(wanted * 1000), 9);
          expect(budget).toBeGreaterThanOrEqual(100);
          expect(budget).toBeLessThanOrEqual(1000);
        }
      }),
    );
    expect(cheapest([])).toEqual([]);
    expect(cheapest([{...labels, agreement: [0.953, 0.974]}]).map(({agreement}) => agreement)).toEqual([
      ...[0.952, 0.954, 0.956, 0.958, 0.96, 0.962, 0.964, 0.966, 0.968, 0.97, 0.972, 0.974],
    ]);
  });
});
