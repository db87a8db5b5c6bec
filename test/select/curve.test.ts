import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {type RandomGenerator, randomFraction, seededRandom} from '../../src/data/random.ts';
import {errorAt, expectedGain, fitCurve, type MeasuredRound} from '../../src/select/curve.ts';

interface Case {
  readonly answers: readonly number[];
  readonly errors: readonly number[];
  readonly weights: readonly number[];
  /** The weighted sum of squares that SciPy's curve_fit comes to within the same bounds. */
  readonly loss: number;
  readonly errorAfter100More: number;
}

const path = join(import.meta.dirname, '..', 'fixtures', 'select', 'curves.json');
const cases: readonly Case[] = JSON.parse(readFileSync(path, 'utf8'));

describe('fitCurve', () => {
  it.each(cases.map(one => [one.answers.length, one] as const))('fits %i rounds as SciPy does', (_, one) => {
    const {answers, errors, weights} = one;
    const curve = fitCurve(
      answers.map((count, index) => ({answers: count, error: errors[index]!})),
      weights,
    )!;
    const loss = answers.reduce(
      (sum, count, index) => sum + weights[index]! * (errors[index]! - errorAt(curve, count)) ** 2,
      0,
    );
    expect(loss).toBeLessThanOrEqual(one.loss * (1 + 1e-6) + 1e-9);
    expect(errorAt(curve, answers.at(-1)! + 100)).toBeCloseTo(one.errorAfter100More, 5);
  });

  it('finds planted curves', () => {
    const rate = fc.double({min: 0.1, max: 1.8, noNaN: true});
    const floor = fc.double({min: 0, max: 0.1, noNaN: true});
    fc.assert(
      fc.property(rate, floor, (planted, least) => {
        const curve = {floor: least, scale: 0.4 * 100 ** planted, rate: planted};
        const points = [1, 2, 4, 6, 9, 12, 20].map(hundreds => ({
          answers: 100 * hundreds,
          error: errorAt(curve, 100 * hundreds),
        }));
        const found = fitCurve(points)!;
        expect(found.rate).toBeCloseTo(planted, 3);
        expect(errorAt(found, 2100)).toBeCloseTo(errorAt(curve, 2100), 5);
      }),
    );
  });

  it('goes through two points, and is level if errors do not fall', () => {
    const curve = fitCurve([
      {answers: 100, error: 0.4},
      {answers: 400, error: 0.2},
    ])!;
    expect(curve.floor).toBe(0);
    expect(curve.rate).toBeCloseTo(0.5, 6);
    expect(errorAt(curve, 1600)).toBeCloseTo(0.1, 6);
    const level = fitCurve(
      [1, 2, 3, 4, 5, 6].map(hundreds => ({answers: 100 * hundreds, error: 0.1 + hundreds / 100})),
    )!;
    expect(errorAt(level, 700)).toBeCloseTo(0.135, 6);
    expect(errorAt(level, 70_000)).toBeCloseTo(0.135, 6);
  });

  it('knows nothing of one size', () => {
    expect(fitCurve([{answers: 100, error: 0.4}])).toBeUndefined();
    expect(fitCurve([1, 2].map(() => ({answers: 100, error: 0.4})))).toBeUndefined();
  });
});

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
