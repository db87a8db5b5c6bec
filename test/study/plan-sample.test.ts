import {describe, expect, it} from 'vitest';
import type {TextInputs} from '../../src/data/inputs.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {sampledRuns} from '../../src/recipe/transfer.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {estimateWhole, intervalOf} from '../../src/study/plan-sample.ts';
import type {Teacher} from '../../src/teacher.ts';

const SIZE = 40_000;

/** How often intervals hold the total of a set whose row `row` counts `worth(row)`. */
function coverage(worth: (row: number) => number): number {
  let total = 0;
  for (let row = 0; row < SIZE; row++) total += worth(row);
  let held = 0;
  const trials = 400;
  for (let seed = 0; seed < trials; seed++) {
    const values = sampledRuns({size: SIZE, seed}).map(({from, to}) => {
      let sum = 0;
      for (let row = from; row < to; row++) sum += worth(row);
      return sum;
    });
    const estimate = (values.reduce((sum, value) => sum + value, 0) * SIZE) / 1024;
    const [low, high] = intervalOf(values, estimate, 1024 / SIZE);
    if (low <= total && total <= high) held++;
  }
  return held / trials;
}

describe('intervalOf', () => {
  const random = seededRandom(1, 'worths');
  const lengths = Float64Array.from({length: SIZE}, () => Math.exp(3 + randomFraction(random) * 3));
  it.each([
    ['texts of many lengths', (row: number) => lengths[row]!],
    ['texts that grow longer in the course of the set', (row: number) => 10 + row / 1000],
    ['the first third kept', (row: number) => Number(row > SIZE / 3)],
    ['every third kept', (row: number) => Number(row % 3 > 0)],
    ['the first 2 % kept', (row: number) => Number(row > SIZE / 50)],
    ['nothing kept', () => 1],
  ])('holds the total at least as often as it says: %s', (_, worth) => {
    // Of 400 trials, 95 % less three standard errors.
    expect(coverage(worth)).toBeGreaterThanOrEqual(0.95 - 3 * Math.sqrt((0.95 * 0.05) / 400));
  });
});

describe('estimateWhole', () => {
  const teacher: Teacher<'black-box'> = {
    ...{name: 'a service', identity: {}, access: 'black-box', classes: ['a', 'b'], detail: {kind: 'label'}},
    maxBatch: 1,
    service: {account: 'one', reader: 1, price: {perCall: 0.01}, read: () => []},
    ask: async () => [],
  };
  const texts = (count: number): TextInputs => ({
    kind: 'text',
    count,
    texts: Array.from({length: count}, (_, row) => `text ${row}`),
  });

  it('counts a sample for the whole, with intervals', async () => {
    const store = openAnswerStore({store: new Map()});
    const plan = await estimateWhole(teacher, texts(1024), {store, size: 1_024_000});
    expect(plan).toMatchObject({
      inputs: 1_024_000,
      cached: 0,
      calls: {low: 1_024_000, expected: 1_024_000},
      sampled: 1024,
    });
    expect(plan.usd!.expected).toBeCloseTo(10_240, 6);
    // No run was kept: less than 11 % of all runs are, with 95 % confidence.
    expect(plan.intervals!.open[0]).toBeGreaterThan(0.89 * 1_024_000 - 1);
    expect(plan.intervals!.open[1]).toBe(1_024_000);
    expect(plan.intervals!.usd![0]).toBeCloseTo(plan.intervals!.calls[0] / 100, 1);
  });

  it('is no estimate if all inputs are looked at', async () => {
    const store = openAnswerStore({store: new Map()});
    const plan = await estimateWhole(teacher, texts(30), {store, size: 30});
    expect([plan.inputs, plan.sampled]).toEqual([30, undefined]);
  });

  it('marks what it looked at as planned once, so that the next plan is not smaller by its runs', async () => {
    const store = openAnswerStore({store: new Map()});
    const planned = new Map();
    await estimateWhole(teacher, texts(1024), {store, size: 10_240, planned});
    expect(planned.size).toBe(1024);
    const again = await estimateWhole(teacher, texts(1024), {store, size: 10_240, planned});
    expect(again.calls.expected).toBe(0);
  });
});
