import {describe, expect, it} from 'vitest';
import {wholeDistribution} from '../../../src/ask/compose/calibrated.ts';
import type {Answer} from '../../../src/teacher.ts';

const logs = (...probabilities: readonly number[]) => Float32Array.from(probabilities, Math.log);
const shares = (answer: Answer, classes: number) =>
  [...wholeDistribution(answer, classes)].map(value => expect.closeTo(Math.exp(value), 6));
const topK = (named: readonly number[], probabilities: readonly number[], rest: number): Answer => ({
  kind: 'top-k',
  classes: Int32Array.from(named),
  logProbabilities: logs(...probabilities),
  rest,
});

describe('wholeDistribution', () => {
  it('smooths votes', () => {
    expect([0.625, 0.2083333, 0.125, 0.0416667]).toEqual(
      shares({kind: 'votes', counts: Uint32Array.of(7, 2, 1, 0)}, 4),
    );
  });

  it('spreads the rest evenly over what is not named, no class above the least that is', () => {
    expect([0.1, 0.8, 0.1]).toEqual(shares(topK([1], [0.8], 0.2), 3));
    expect([0.3, 0.3, 0.3]).toEqual(shares(topK([1], [0.3], 0.7), 3));
    expect([0.6, 0.3, 0.1]).toEqual(shares(topK([0, 1], [0.6, 0.3], 0.1), 3));
  });

  it('holds no class for impossible', () => {
    for (const answer of [
      topK([1], [1], 0),
      topK([1, 0], [1, 0], 0),
      {kind: 'log-probabilities', logProbabilities: logs(0, 1, 0)},
      {kind: 'logits', logits: Float32Array.of(-200, 0, -200), features: {}},
    ] as const) {
      const whole = wholeDistribution(answer, 3);
      expect(whole.every(Number.isFinite)).toBe(true);
      expect(Math.exp(whole[1]!)).toBeCloseTo(1, 6);
      expect(whole[0]).toBeLessThan(Math.log(2e-8));
    }
  });
});
