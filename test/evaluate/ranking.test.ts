import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {predicateMetrics} from '../../src/evaluate/predicates.ts';
import {auroc, averagePrecision, bestThreshold, macroAuroc, meanAveragePrecision} from '../../src/evaluate/ranking.ts';
import {near, typedCases} from './typed.ts';

/** Answers with gaps, and probabilities of one decimal, which tie often. */
const answered = fc.array(
  fc.tuple(
    fc.constantFrom(-1, 0, 1),
    fc.nat(10).map(tenths => tenths / 10),
  ),
  {maxLength: 30},
);

describe('ranking by P(yes)', () => {
  it.each(typedCases('ranking'))("is scikit-learn's (%d)", (_, {in: {Y, S}, out}) => {
    const questions = Y[0]!.length;
    const skipped = (values: readonly (number | null)[]): number => values.filter(value => value === null).length;
    expect(meanAveragePrecision(Y.flat(), S.flat(), questions)).toEqual({
      questions: out.averagePrecision.map(near),
      mean: near(out.mAP),
      skipped: skipped(out.averagePrecision),
    });
    expect(macroAuroc(Y.flat(), S.flat(), questions)).toEqual({
      questions: out.auroc.map(near),
      mean: near(out.macroAuroc),
      skipped: skipped(out.auroc),
    });
  });

  it('is how often a yes comes before a no, with half of the ties', () => {
    fc.assert(
      fc.property(answered, rows => {
        const of = (wanted: number): number[] => rows.filter(([answer]) => answer === wanted).map(([, p]) => p);
        const wins = of(1).flatMap(yes => of(0).map((no): number => (yes > no ? 1 : yes === no ? 0.5 : 0)));
        const expected = wins.reduce((sum, win) => sum + win, 0) / wins.length;
        const [answers, probabilities] = [rows.map(([answer]) => answer), rows.map(([, p]) => p)];
        expect(auroc(answers, probabilities)).toEqual(near(expected));
      }),
    );
  });

  it('sees the order of the probabilities alone', () => {
    fc.assert(
      fc.property(answered, rows => {
        const [answers, probabilities] = [rows.map(([answer]) => answer), rows.map(([, p]) => p)];
        const stretched = probabilities.map(p => 10 * p ** 3 - 5);
        for (const metric of [auroc, averagePrecision]) {
          expect(metric(answers, stretched)).toBe(metric(answers, probabilities));
        }
        const turned = auroc(
          answers,
          probabilities.map(p => -p),
        );
        const area = auroc(answers, probabilities);
        expect(turned).toEqual(near(1 - area));
      }),
    );
  });

  it('is 1 for a student that puts every yes first, and the share of yes if all tie', () => {
    const [answers, sorted, tied] = [
      [1, 1, 0, 0, 0, -1],
      [0.9, 0.8, 0.3, 0.2, 0.1, 1],
      [0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
    ];
    expect([auroc(answers, sorted), averagePrecision(answers, sorted)]).toEqual([1, 1]);
    expect([auroc(answers, tied), averagePrecision(answers, tied)]).toEqual([0.5, 0.4]);
  });

  it('has no value if there is nothing to rank', () => {
    expect([auroc([1, 1], [0.2, 0.3]), auroc([], []), averagePrecision([0, -1], [0.2, 0.3])]).toEqual([
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
    expect(meanAveragePrecision([0, 0], [0.2, 0.3], 2)).toMatchObject({mean: Number.NaN, skipped: 2});
  });
});

describe('the threshold with the greatest F1', () => {
  it('is met by no other one', () => {
    fc.assert(
      fc.property(answered, rows => {
        const [answers, probabilities] = [rows.map(([answer]) => answer), rows.map(([, p]) => p)];
        const f1 = (threshold: number): number => predicateMetrics(answers, probabilities, threshold).f1;
        const best = f1(bestThreshold(answers, probabilities));
        for (let tenths = 0; tenths <= 11; tenths++) expect(f1(tenths / 10)).toBeLessThanOrEqual(best);
      }),
    );
  });

  it('is the one nearest to ½ on ties, and ½ if nothing is yes', () => {
    // At 0.9 precision is 1 and recall ½; at 0.4 they are ½ and 1.
    expect(bestThreshold([1, 0, 0, 1], [0.9, 0.6, 0.5, 0.4])).toBe(0.4);
    expect([bestThreshold([0, -1], [0.9, 0.2]), bestThreshold([], [])]).toEqual([0.5, 0.5]);
  });
});
