import {describe, expect, it} from 'vitest';
import {pairedInterval} from '../../src/statistics/paired.ts';

/** The probability of each count of events in n trials. */
function binomial(n: number, p: number): readonly number[] {
  const terms = [(1 - p) ** n];
  for (let k = 1; k <= n; k++) terms.push((terms[k - 1]! * (n - k + 1) * p) / (k * (1 - p)));
  return terms;
}

describe('pairedInterval', () => {
  it('holds the difference at least as often as it says, counted over all outcomes', () => {
    const trials = 30;
    for (const [p, q] of [
      [0.02, 0.02],
      [0.1, 0.01],
      [0.05, 0.3],
      [0.4, 0.4],
    ] as const) {
      let holds = 0;
      // One discordant count, and the other among the rest of the trials.
      for (const [one, probability] of binomial(trials, p).entries()) {
        for (const [other, share] of binomial(trials - one, q / (1 - p)).entries()) {
          const [low, high] = pairedInterval({one, other}, trials);
          if (low <= p - q && p - q <= high) holds += probability * share;
        }
      }
      expect(holds).toBeGreaterThanOrEqual(0.95);
    }
  });

  it('leaves out 0 where an exact sign test at half the error does', () => {
    // Two-sided: 2 / 2^6 is above 0.025, 2 / 2^7 below.
    expect(pairedInterval({one: 6, other: 0}, 300)[0]).toBeLessThan(0);
    expect(pairedInterval({one: 7, other: 0}, 300)[0]).toBeGreaterThan(0);
  });

  it('holds what was counted, grows with the confidence, and turns around with the two ways', () => {
    const [low, high] = pairedInterval({one: 7, other: 2}, 300);
    expect(low).toBeLessThan(5 / 300);
    expect(high).toBeGreaterThan(5 / 300);
    const [lower, higher] = pairedInterval({one: 7, other: 2}, 300, 0.99);
    expect([lower < low, higher > high]).toEqual([true, true]);
    const [least, most] = pairedInterval({one: 2, other: 7}, 300);
    expect(least).toBeCloseTo(-high, 12);
    expect(most).toBeCloseTo(-low, 12);
    // Rule of three, at a quarter of the error: 1 − 0.0125^(1/300).
    expect(pairedInterval({one: 0, other: 0}, 300)[1]).toBeCloseTo(1 - 0.0125 ** (1 / 300), 10);
  });
});
