import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {compareScores} from '../../src/evaluate/compare-scores.ts';
import {intervalOverInputs, intervalOverSeeds} from '../../src/evaluate/input-intervals.ts';
import {mean} from '../../src/evaluate/statistics.ts';
import {boundedMeanInterval} from '../../src/statistics/bounded-mean.ts';
import {reach} from '../../src/statistics/two-parts.ts';

const random = seededRandom(1, 'input intervals');
const values = Float64Array.from({length: 30}, () => 1 - 0.3 * randomFraction(random) ** 2);
const range = [-1, 1] as const;

describe('the interval of a mean over inputs', () => {
  it('is that of independent values in their range', () => {
    expect(intervalOverInputs({values, range})).toEqual(boundedMeanInterval(values, range).map(near));
  });

  it('is as many times wider as the jackknife’s deviation is greater, and never narrower', () => {
    const [low, high] = intervalOverInputs({values, range});
    const middle = mean(values);
    const spreadBy = (times: number) => values.map(value => middle + times * (value - middle));
    const [lower, higher] = intervalOverInputs({values, range, influences: spreadBy(1.5)});
    expect([middle - lower, higher - middle]).toEqual([near(1.5 * (middle - low)), near(1.5 * (high - middle))]);
    expect(intervalOverInputs({values, range, influences: spreadBy(0.5)})).toEqual([near(low), near(high)]);
    expect(intervalOverInputs({values, range, influences: spreadBy(100)})).toEqual([-1, 1]);
  });

  it('tells of other inputs even if all values are alike', () => {
    const [low, high] = intervalOverInputs({values: new Float64Array(30).fill(1), range: [0, 1]});
    // 0.025 ^ (1 / 30)
    expect(low).toBeCloseTo(0.8843, 3);
    expect(high).toBe(1);
  });
});

describe('the interval of a mean over seeds and inputs', () => {
  it('is that over inputs if there is one seed', () => {
    const one = intervalOverSeeds({seeds: [1], scores: [values], range});
    expect(one).toEqual(intervalOverInputs({values, range}).map(near));
  });

  it('has the part of the seeds beside that of the inputs', () => {
    const scores = [values, values.map(value => value - 0.01), values.map(value => value - 0.02)];
    const [low, high] = intervalOverSeeds({seeds: [1, 2, 3], scores, range});
    const nothing = scores.map(() => new Float64Array(30));
    const [ofSeeds] = compareScores({seeds: [1, 2, 3], scores}, {seeds: [1, 2, 3], scores: nothing}).variance;
    const alone = reach(0.05, [ofSeeds, {variance: 0, degrees: 29}]);
    const inputs = intervalOverInputs({values: scores[1]!, range});
    const middle = mean(scores[1]!);
    expect(low).toBeLessThan(Math.min(middle - alone, inputs[0]));
    expect(high).toBeGreaterThan(Math.max(middle + alone, inputs[1]));
    expect(low).toBeGreaterThan(inputs[0] - alone);
    expect(high).toBeLessThan(inputs[1] + alone);
  });
});

function near(value: number): number {
  return expect.closeTo(value, 9) as unknown as number;
}
