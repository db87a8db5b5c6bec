import {describe, expect, it} from 'vitest';
import {type RandomGenerator, randomFraction, seededRandom} from '../../src/data/random.ts';
import {errorAt} from '../../src/select/curve.ts';
import {expectedGain, type MeasuredRound} from '../../src/select/gain.ts';

/**
 * Rounds whose students err as a planted curve says. Half of what decides whether one errs on an input is the input,
 * the same in all rounds.
 */
function rounds(
  sizes: readonly number[],
  errorOf: (answers: number) => number,
  random: RandomGenerator,
): MeasuredRound[] {
  const inputs = Float64Array.from({length: 200}, () => randomFraction(random));
  return sizes.map(answers => {
    // The sum of two uniform numbers is below √(2 · share) with this probability, up to one half.
    const limit = Math.sqrt(2 * errorOf(answers));
    const agrees = inputs.map(difficulty => (difficulty + randomFraction(random) < limit ? 0 : 1));
    return {answers, agrees};
  });
}

const planted = {floor: 0.02, scale: 1.2, rate: 0.5};
const errorOf = (answers: number): number => errorAt(planted, answers);

describe('expectedGain', () => {
  it('gives intervals that hold what the curve brings about 95 times of 100', () => {
    const random = seededRandom(3);
    for (const sizes of [
      [100, 200, 300],
      [100, 200, 300, 400, 500, 600, 700],
    ]) {
      const last = sizes.at(-1)!;
      const brought = errorOf(last) - errorOf(last + 100);
      let held = 0;
      for (let run = 0; run < 50; run++) {
        const {interval} = expectedGain(rounds(sizes, errorOf, random), {seed: run, resamples: 100})!;
        if (interval[0] <= brought && brought <= interval[1]) held++;
      }
      expect(held).toBeGreaterThanOrEqual(42);
    }
  });

  it('is what the curve through all held-out inputs says', () => {
    const measured = rounds([100, 200, 300, 400], errorOf, seededRandom(4));
    const {gain, interval, curve, calls} = expectedGain(measured)!;
    expect(calls).toBe(100);
    expect(gain).toBeCloseTo(errorAt(curve, 400) - errorAt(curve, 500), 12);
    expect(interval[0]).toBeLessThan(gain);
    expect(interval[1]).toBeGreaterThan(gain);
    expect(expectedGain(measured, {calls: 200})!.gain).toBeGreaterThan(gain);
  });

  it('expects little if agreement does not grow, and nothing if there are enough rounds to tell', () => {
    const agrees = Float64Array.from({length: 50}, (_, row) => (row % 5 === 0 ? 0 : 1));
    const level = (sizes: readonly number[]) => expectedGain(sizes.map(answers => ({answers, agrees})))!;
    expect(level([100, 200]).gain).toBeLessThan(0.005);
    const {gain, interval} = level([100, 200, 300, 400, 500, 600]);
    expect(gain).toBeCloseTo(0, 12);
    expect(interval[1]).toBeCloseTo(0, 12);
  });

  it('knows nothing after one round, and gives the same for the same seed', () => {
    const measured = rounds([100, 200], errorOf, seededRandom(5));
    expect(expectedGain(measured.slice(0, 1))).toBeUndefined();
    expect(expectedGain(measured, {seed: 2})).toEqual(expectedGain(measured, {seed: 2}));
    expect(expectedGain(measured, {seed: 2})!.interval).not.toEqual(expectedGain(measured, {seed: 3})!.interval);
  });
});
