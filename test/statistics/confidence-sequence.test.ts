import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {exactInterval} from '../../src/statistics/bounds.ts';
import {confidenceSequence} from '../../src/statistics/confidence-sequence.ts';

/** The mixture by numerical integration, see `test/fixtures/statistics/make-watching.py`. */
const {sequences} = JSON.parse(
  readFileSync(new URL('../fixtures/statistics/watching.json', import.meta.url), 'utf8'),
) as {readonly sequences: readonly (readonly [number, number, number, number, number])[]};

describe('confidenceSequence', () => {
  it('equals what numerical integration over the mixture gives', () => {
    for (const [count, trials, confidence, low, high] of sequences) {
      const interval = confidenceSequence(count, trials, confidence);
      expect(interval[0]).toBeCloseTo(low, 9);
      expect(interval[1]).toBeCloseTo(high, 9);
    }
  });

  it('knows nothing before the first trial, and is wider than an interval for one look', () => {
    expect(confidenceSequence(0, 0)).toEqual([0, 1]);
    for (const [count, trials] of [
      [0, 10],
      [3, 100],
      [40, 50],
    ] as const) {
      const [[low, high], [least, most]] = [confidenceSequence(count, trials), exactInterval(count, trials)];
      expect(low).toBeLessThanOrEqual(least);
      expect(high).toBeGreaterThanOrEqual(most);
    }
  });

  it('leaves the probability out in few runs, though it is looked at after every trial', () => {
    const random = seededRandom(7, 'confidence sequences');
    let missed = 0;
    for (let run = 0; run < 100; run++) {
      let count = 0;
      for (let trials = 1; trials <= 200; trials++) {
        if (randomFraction(random) < 0.04) count++;
        const [low, high] = confidenceSequence(count, trials, 0.9);
        if (low <= 0.04 && 0.04 <= high) continue;
        missed++;
        break;
      }
    }
    // At most a tenth, and four standard deviations of chance.
    expect(missed).toBeLessThan(10 + 4 * 3);
    expect(missed).toBeGreaterThan(0);
  });
});
