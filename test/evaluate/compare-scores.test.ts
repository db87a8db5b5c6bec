import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {compareScores, type SeedScores} from '../../src/evaluate/compare-scores.ts';
import {twoSidedP} from '../../src/statistics/two-parts.ts';

interface Parts {
  readonly difference: number;
  readonly seeds: readonly [variance: number, degrees: number];
  readonly examples: readonly [variance: number, degrees: number];
}

/** The results of NumPy and SciPy, see `test/fixtures/verdicts/make-comparisons.py`. */
const reference = JSON.parse(
  readFileSync(new URL('../fixtures/verdicts/comparisons.json', import.meta.url), 'utf8'),
) as {
  readonly method: number[][];
  readonly baseline: number[][];
  readonly paired: Parts;
  readonly apart: Parts;
  readonly seedsAlone: {
    readonly first: number[];
    readonly second: number[];
    readonly paired: number;
    readonly welch: number;
  };
  readonly examplesAlone: {readonly first: number[]; readonly second: number[]; readonly p: number};
};

const of = (scores: readonly ArrayLike<number>[], first = 1): SeedScores => ({
  seeds: scores.map((_, index) => first + index),
  scores,
});
const {method, baseline} = reference;
const pOf = (one: SeedScores, other: SeedScores): number => {
  const {difference, variance} = compareScores(one, other);
  return twoSidedP(difference, variance);
};

function expectParts(found: ReturnType<typeof compareScores>, wanted: Parts): void {
  expect(found.difference).toBeCloseTo(wanted.difference, 12);
  for (const [index, [variance, degrees]] of [wanted.seeds, wanted.examples].entries()) {
    expect(found.variance[index]!.variance).toBeCloseTo(variance, 12);
    expect(found.variance[index]!.degrees).toBeCloseTo(degrees, 9);
  }
}

describe('compareScores', () => {
  it('pairs the seeds that both have, with the mean squares of NumPy', () => {
    const found = compareScores(of(method), of(baseline));
    expect(found).toMatchObject({between: 'methods', paired: true, seeds: [3, 3]});
    expectParts(found, reference.paired);
  });

  it('compares by all seeds if fewer than two are shared, each side with its own variance', () => {
    for (const first of [4, 11]) {
      const found = compareScores(of(method), of(baseline, first));
      expect(found).toMatchObject({between: 'methods', paired: false, seeds: [4, 3]});
      expectParts(found, reference.apart);
    }
  });

  it('is the t test over seeds if examples are all the same: the paired one, and that of Welch', () => {
    const {first, second, paired, welch} = reference.seedsAlone;
    const rows = (values: readonly number[]) => values.map(value => new Float64Array(20).fill(value));
    expect(pOf(of(rows(first)), of(rows(second)))).toBeCloseTo(paired, 9);
    expect(pOf(of(rows(first)), of(rows(second), 100))).toBeCloseTo(welch, 9);
  });

  it('is the t test over examples if seeds are copies of each other', () => {
    const {first, second, p} = reference.examplesAlone;
    const copies = (row: readonly number[], first: number) => of([row, row, row], first);
    expect(pOf(copies(first, 1), copies(second, 1))).toBeCloseTo(p, 9);
    expect(pOf(copies(first, 1), copies(second, 9))).toBeCloseTo(p, 9);
  });

  it('says of one seed what holds of these very students, by the examples alone', () => {
    const {first, second, p} = reference.examplesAlone;
    for (const other of [1, 2]) {
      expect(compareScores(of([first]), of([second], other))).toMatchObject({between: 'students', paired: other === 1});
      expect(pOf(of([first]), of([second], other))).toBeCloseTo(p, 9);
    }
    const few = compareScores(of([method[0]!]), of(baseline, 7));
    expect(few).toMatchObject({between: 'students', paired: false, seeds: [1, 3]});
    expect(few.variance[0].variance).toBe(0);
  });

  it('does not take equal counts of few seeds for certainty', () => {
    // Two seeds that are each right on three examples more, others in part.
    const more = (indices: readonly number[]) =>
      Uint8Array.from({length: 500}, (_, index) => (indices.includes(index) ? 1 : 0));
    const none = new Uint8Array(500);
    const p = pOf(of([more([1, 2, 3]), more([7, 8, 9])]), of([none, none]));
    expect(p).toBeGreaterThan(0.03);
    expect(p).toBeLessThan(0.06);
  });

  it('turns round with its sides, does not see a shift, and goes with the scale', () => {
    const numbers = fc.array(fc.array(fc.double({min: -1, max: 1, noNaN: true}), {minLength: 4, maxLength: 4}), {
      minLength: 2,
      maxLength: 4,
    });
    fc.assert(
      fc.property(
        numbers,
        numbers,
        fc.constantFrom(1, 50),
        fc.double({min: 0.1, max: 5, noNaN: true}),
        (whole, other, from, scale) => {
          // Whole scores have the variance of their steps added, which has a scale of its own.
          const [a, b] = [whole.map(row => row.map(x => x + 0.3137)), other.map(row => row.map(x => x + 0.1041))];
          const there = compareScores(of(a), of(b, from));
          const back = compareScores(of(b, from), of(a));
          expect(back.difference).toBeCloseTo(-there.difference, 12);
          expect(back.variance.map(part => part.variance)).toEqual(
            there.variance.map(part => expect.closeTo(part.variance, 12)),
          );
          const moved = (rows: readonly number[][], first: number) =>
            of(
              rows.map(row => row.map(x => scale * x + 3)),
              first,
            );
          const shifted = compareScores(moved(a, 1), moved(b, from));
          expect(shifted.difference).toBeCloseTo(scale * there.difference, 9);
          expect(shifted.variance[0].variance).toBeCloseTo(scale ** 2 * there.variance[0].variance, 9);
          expect(shifted.variance[1].variance).toBeCloseTo(scale ** 2 * there.variance[1].variance, 9);
        },
      ),
      {numRuns: 40},
    );
  });

  it('refuses scores that don’t fit their seeds or each other', () => {
    const row = (length: number) => new Float64Array(length);
    expect(() => compareScores(of([row(3)]), of([row(2)]))).toThrow('with 3, 2 examples');
    expect(() => compareScores({seeds: [1, 1], scores: [row(3), row(3)]}, of([row(3)]))).toThrow('for seeds 1, 1');
    expect(() => compareScores({seeds: [1, 2], scores: [row(3)]}, of([row(3)]))).toThrow(
      '1 rows of scores for seeds 1, 2',
    );
    expect(() => compareScores(of([]), of([row(3)]))).toThrow('A comparison needs one row of scores for each seed');
  });
});
