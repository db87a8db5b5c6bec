import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {argmaxRows, softmaxRows} from '../../src/data/arrays.ts';
import {agreement, brierToTeacher, meanEntropy, meanKl, totalVariation} from '../../src/evaluate/metrics.ts';
import {
  expectedLevels,
  levelDistances,
  medianLevels,
  quadraticWeightedKappa,
  rankedProbabilityScore,
  scoreMetrics,
  wasserstein1,
} from '../../src/evaluate/scores.ts';
import {near, typedCases} from './typed.ts';

/** The logits of up to 10 rows of K levels, of teacher and student. */
const pair = fc.integer({min: 2, max: 7}).chain(levels => {
  const logit = fc.double({min: -8, max: 8, noNaN: true});
  const rows = fc.array(fc.array(fc.tuple(logit, logit), {minLength: levels, maxLength: levels}), {
    minLength: 1,
    maxLength: 10,
  });
  return rows.map(rows => ({
    levels,
    teacher: rows.flat().map(([one]) => one),
    student: rows.flat().map(([, other]) => other),
  }));
});
/** Levels of teacher and student out of five, some without an answer. */
const named = fc.array(fc.tuple(fc.integer({min: -1, max: 4}), fc.nat(4)), {minLength: 1, maxLength: 30});

describe('the metrics of a score', () => {
  it.each(typedCases('ordinal'))("are scikit-learn's and SciPy's (%d)", (_, {in: {t, h, K, et, es}, out}) => {
    const {expected, ...levels} = out;
    const values = Object.fromEntries(Object.entries(levels).map(([name, value]) => [name, near(value)]));
    expect(scoreMetrics(t, h, K)).toEqual({answered: t.length, ...values});
    if (expected === undefined) return;
    const distances = Object.fromEntries(Object.entries(expected).map(([name, value]) => [name, near(value)]));
    expect(levelDistances(et!, es!)).toEqual({answered: t.length, ...distances});
  });

  it('leave out inputs without an answer', () => {
    fc.assert(
      fc.property(named, pairs => {
        const answered = pairs.filter(([taught]) => taught >= 0);
        const found = scoreMetrics(
          pairs.map(([taught]) => taught),
          pairs.map(([, student]) => student),
          5,
        );
        const alone = scoreMetrics(
          answered.map(([taught]) => taught),
          answered.map(([, student]) => student),
          5,
        );
        expect(found).toEqual(alone);
        expect(found.answered).toBe(answered.length);
      }),
    );
    expect(levelDistances([Number.NaN, 1.5], [0, 2])).toMatchObject({answered: 1, mae: 0.5});
  });

  it('change with the direction of the levels in the bias alone', () => {
    fc.assert(
      fc.property(named, pairs => {
        const [taught, student] = [pairs.map(([one]) => one), pairs.map(([, other]) => other)];
        const {bias, ...others} = scoreMetrics(taught, student, 5);
        const turned = scoreMetrics(
          taught.map(level => (level < 0 ? level : 4 - level)),
          student.map(level => 4 - level),
          5,
        );
        const expected = Object.fromEntries(Object.entries(others).map(([name, value]) => [name, near(value)]));
        expect(turned).toEqual({...expected, bias: near(-bias)});
      }),
    );
  });

  it('see a student that scores one level too high in the bias, and not in the rank correlation', () => {
    const found = scoreMetrics([0, 1, 2, 3, 1], [1, 2, 3, 4, 2], 5);
    expect(found).toMatchObject({exact: 0, withinOne: 1, mae: 1, bias: 1, spearman: near(1)});
    expect(found.quadraticKappa).toBeLessThan(1);
  });

  it('take kappa over all levels, of which absent ones change nothing', () => {
    const [taught, student] = [
      [0, 3, 3, 0],
      [0, 3, 0, 0],
    ];
    expect(quadraticWeightedKappa(taught, student, 4)).toBeCloseTo(0.5, 12);
    expect(quadraticWeightedKappa(taught, student, 9)).toBeCloseTo(0.5, 12);
    expect(quadraticWeightedKappa([2, 2], [2, 2], 4)).toBeNaN();
    expect(quadraticWeightedKappa([2, 2], [1, 1], 4)).toBe(0);
  });
});

describe('measures of two distributions', () => {
  it.each(typedCases('soft'))("are SciPy's (%d)", (_, {in: {q, p}, out}) => {
    const levels = q[0]!.length;
    const [teacher, student] = [q.flat().map(Math.log), p.flat().map(Math.log)];
    expect(meanKl(teacher, student, levels)).toBeCloseTo(out.kl, 10);
    expect(meanEntropy(teacher, levels)).toBeCloseTo(out.entropy, 10);
    expect(totalVariation(teacher, student, levels)).toBeCloseTo(out.totalVariation, 10);
    expect(brierToTeacher(teacher, student, levels)).toBeCloseTo(out.brier, 10);
    expect(rankedProbabilityScore(teacher, student, levels)).toBeCloseTo(out.rps, 10);
    expect(wasserstein1(teacher, student, levels)).toBeCloseTo(out.wasserstein1, 10);
    expect(agreement(teacher, student, levels)).toBeCloseTo(out.top1, 10);
    expect(Array.from(expectedLevels(student, levels))).toEqual(out.expected.map(near));
    expect(Array.from(medianLevels(student, levels))).toEqual(out.median);
  });

  it('are 0 at equality, the same with both sides exchanged, and bound each other', () => {
    fc.assert(
      fc.property(pair, ({levels, teacher, student}) => {
        const measures = [totalVariation, brierToTeacher, rankedProbabilityScore, wasserstein1];
        for (const measure of measures) {
          expect(measure(teacher, teacher, levels)).toBe(0);
          expect(measure(teacher, student, levels)).toBeCloseTo(measure(student, teacher, levels), 12);
        }
        const [variation, moved] = [totalVariation, wasserstein1].map(measure => measure(teacher, student, levels));
        expect(variation).toBeLessThanOrEqual(1);
        expect(variation).toBeLessThanOrEqual(moved! + 1e-12);
        expect(moved).toBeLessThanOrEqual(variation! * (levels - 1) + 1e-12);
        expect(rankedProbabilityScore(teacher, student, levels)).toBeLessThanOrEqual(moved! + 1e-12);
      }),
    );
  });

  it('move as far as the expected level does, at least', () => {
    fc.assert(
      fc.property(pair, ({levels, teacher, student}) => {
        const [from, to] = [expectedLevels(teacher, levels), expectedLevels(student, levels)];
        const shift = from.reduce((sum, level, row) => sum + Math.abs(level - to[row]!), 0) / from.length;
        expect(wasserstein1(teacher, student, levels)).toBeGreaterThanOrEqual(shift - 1e-12);
      }),
    );
  });
});

describe('the level that a student names', () => {
  it('is nearest to its distribution if it is the median, and right most often if it is the most probable', () => {
    fc.assert(
      fc.property(pair, ({levels, student}) => {
        const p = softmaxRows(student, levels);
        const [median, best] = [medianLevels(student, levels), argmaxRows(student, levels)];
        for (const [row, level] of median.entries()) {
          const distribution = Array.from(p.subarray(row * levels, (row + 1) * levels));
          const distance = (to: number): number =>
            distribution.reduce((sum, share, level) => sum + share * Math.abs(level - to), 0);
          const least = Math.min(...distribution.map((_, to) => distance(to)));
          expect(distance(level)).toBeCloseTo(least, 10);
          expect(distribution[best[row]!]).toBe(Math.max(...distribution));
        }
      }),
    );
  });

  it('is the lower one if two halves lie apart', () => {
    const halves = [0.5, 0, 0, 0.5].map(Math.log);
    expect(Array.from(medianLevels(halves, 4))).toEqual([0]);
    expect(Array.from(expectedLevels(halves, 4))).toEqual([1.5]);
  });
});
