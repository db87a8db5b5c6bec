import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {boundedMeanInterval} from '../../src/statistics/bounded-mean.ts';

interface Sample {
  readonly values: readonly number[];
  readonly interval: readonly [number, number];
}

interface Count {
  readonly trials: number;
  readonly count: number;
  readonly interval: readonly [number, number];
}

/** Imhof's integral and SciPy, see `make-bounded-mean.py` beside it. */
const reference: {readonly samples: readonly Sample[]; readonly counts: readonly Count[]} = JSON.parse(
  readFileSync('test/fixtures/statistics/bounded-mean.json', 'utf8'),
);

/** By how much of its width an end may differ from the exact one: the saddlepoint is an approximation. */
const ALLOWED = 0.005;

function expectNear(found: readonly [number, number], exact: readonly [number, number]): void {
  const allowed = ALLOWED * (exact[1] - exact[0]);
  for (const end of [0, 1] as const) expect(Math.abs(found[end] - exact[end])).toBeLessThan(allowed);
}

describe('the interval of a mean of bounded values', () => {
  it.each(reference.samples)('has the ends that Imhof’s integral gives: %#', ({values, interval}) => {
    expectNear(boundedMeanInterval(values, [-1, 1]), interval);
  });

  it.each(reference.counts)('is that of Clopper and Pearson for $count of $trials', ({trials, count, interval}) => {
    const values = Array.from({length: trials}, (_, trial) => (trial < count ? 1 : 0));
    expectNear(boundedMeanInterval(values, [0, 1]), interval);
  });

  it('holds the mean of rare, far values as often as it says, where they are often missing', () => {
    const random = seededRandom(3, 'bounded');
    const draws = Array.from({length: 400}, () => {
      const values = Array.from({length: 20}, () => (randomFraction(random) < 0.05 ? 0 : 1));
      const [low, high] = boundedMeanInterval(values, [0, 1]);
      return low <= 0.95 && 0.95 <= high;
    });
    expect(draws.filter(held => held).length / draws.length).toBeGreaterThan(0.97);
  });

  const drawn = fc.array(fc.double({min: -1, max: 1, noNaN: true}), {minLength: 1, maxLength: 40});

  it('stays in the range, holds the mean, and turns round with the values', () => {
    fc.assert(
      fc.property(drawn, values => {
        const [low, high] = boundedMeanInterval(values, [-1, 1]);
        const middle = values.reduce((sum, value) => sum + value, 0) / values.length;
        expect(low).toBeGreaterThanOrEqual(-1);
        expect(high).toBeLessThanOrEqual(1);
        expect(low).toBeLessThanOrEqual(middle + 1e-9);
        expect(high).toBeGreaterThanOrEqual(middle - 1e-9);
        const [down, up] = boundedMeanInterval(
          values.map(value => -value),
          [-1, 1],
        );
        expect([-up, -down]).toEqual([expect.closeTo(low, 9), expect.closeTo(high, 9)]);
      }),
      {numRuns: 50},
    );
  });

  it('does not depend on the scale of the values, and is wider with less error', () => {
    const values = reference.samples[1]!.values;
    const [low, high] = boundedMeanInterval(values, [-1, 1]);
    const scaled = boundedMeanInterval(
      values.map(value => 1e6 * (value + 1)),
      [0, 2e6],
    );
    expect(scaled).toEqual([expect.closeTo(1e6 * (low + 1), 2), expect.closeTo(1e6 * (high + 1), 2)]);
    const [lower, higher] = boundedMeanInterval(values, [-1, 1], 0.01);
    expect(lower).toBeLessThan(low);
    expect(higher).toBeGreaterThan(high);
  });
});
