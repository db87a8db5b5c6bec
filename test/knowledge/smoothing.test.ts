import {describe, expect, it} from 'vitest';
import {smoothVotes} from '../../src/knowledge/smoothing.ts';

describe('smoothed votes', () => {
  it('give each class half a vote more', () => {
    const probabilities = smoothVotes(Uint32Array.of(7, 2, 1, 0), 4).map(Math.exp);
    for (const [index, expected] of [0.625, 0.2083333, 0.125, 0.0416667].entries()) {
      expect(probabilities[index]).toBeCloseTo(expected, 6);
    }
  });

  it('are a distribution in every row, also if nobody voted', () => {
    const probabilities = smoothVotes(Uint32Array.of(32, 0, 0, 0, 0, 0), 3).map(Math.exp);
    expect(probabilities[0]! + probabilities[1]! + probabilities[2]!).toBeCloseTo(1, 6);
    for (const probability of probabilities.subarray(3)) expect(probability).toBeCloseTo(1 / 3, 6);
  });
});
