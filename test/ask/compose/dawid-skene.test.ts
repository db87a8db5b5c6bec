import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {dawidSkene, logPosterior} from '../../../src/ask/compose/dawid-skene.ts';
import {randomFraction, seededRandom} from '../../../src/data/random.ts';

/** See `test/fixtures/compose/make-dawid-skene.py`. */
const crowd: {
  readonly classes: number;
  readonly labels: readonly number[][];
  readonly posteriors: readonly number[];
  readonly priors: readonly number[];
  readonly confusions: readonly number[][];
  readonly logLikelihood: number;
} = JSON.parse(readFileSync('test/fixtures/compose/dawid-skene.json', 'utf8'));

const mostDifference = (one: ArrayLike<number>, other: ArrayLike<number>) =>
  Math.max(...Array.from(one, (value, index) => Math.abs(value - other[index]!)));

/** A class drawn by its share. */
function drawn(shares: readonly number[], fraction: number): number {
  let left = fraction;
  return shares.findIndex((share, index) => {
    left -= share;
    return left < 0 || index === shares.length - 1;
  });
}

/** Labels of teachers with these confusions, and the truth. */
function planted(confusions: readonly (readonly number[][])[], items: number, seed: number) {
  const random = seededRandom(seed, 'planted');
  const classes = confusions[0]!.length;
  const truth = Array.from({length: items}, () => drawn(new Array(classes).fill(1 / classes), randomFraction(random)));
  const labels = confusions.map(rows => truth.map(label => drawn(rows[label]!, randomFraction(random))));
  return {truth, labels};
}

/** Right with such a share, and else any other class. */
const fair = (share: number, classes = 3): number[][] =>
  Array.from({length: classes}, (_, row) =>
    Array.from({length: classes}, (_, column) => (row === column ? share : (1 - share) / (classes - 1))),
  );

const best = (posteriors: Float64Array, classes: number) =>
  Array.from({length: posteriors.length / classes}, (_, item) => {
    const row = [...posteriors.subarray(item * classes, (item + 1) * classes)];
    return row.indexOf(Math.max(...row));
  });
const shareAlike = (one: readonly number[], other: readonly number[]) =>
  one.filter((value, index) => value === other[index]).length / one.length;

const someLabels = fc
  .tuple(fc.integer({min: 2, max: 4}), fc.integer({min: 1, max: 5}), fc.integer({min: 1, max: 15}))
  .chain(([classes, teachers, items]) => {
    const said = fc.array(fc.integer({min: -1, max: classes - 1}), {minLength: items, maxLength: items});
    return fc.tuple(fc.constant(classes), fc.array(said, {minLength: teachers, maxLength: teachers}));
  })
  .filter(([, labels]) => labels.flat().some(label => label >= 0));

describe('dawidSkene', () => {
  it('estimates without smoothing what crowd-kit does, labels missing here and there', () => {
    const {classes, labels} = crowd;
    const fit = dawidSkene(labels, {classes, smoothing: 0, tolerance: 1e-14});
    expect(mostDifference(fit.posteriors, crowd.posteriors)).toBeLessThan(1e-4);
    expect(mostDifference(fit.priors, crowd.priors)).toBeLessThan(1e-5);
    for (const [teacher, confusion] of fit.confusions.entries()) {
      expect(mostDifference(confusion, crowd.confusions[teacher]!)).toBeLessThan(1e-4);
    }
    expect(fit.logLikelihood).toBeCloseTo(crowd.logLikelihood, 6);
  });

  it('recovers the confusions that were planted', () => {
    const confusions = [
      [
        [0.9, 0.05, 0.05],
        [0.3, 0.6, 0.1],
        [0.1, 0.1, 0.8],
      ],
      fair(0.7),
      fair(0.8),
      fair(0.6),
    ];
    const {labels} = planted(confusions, 8000, 5);
    const fit = dawidSkene(labels, {classes: 3});
    expect(mostDifference(fit.priors, [1 / 3, 1 / 3, 1 / 3])).toBeLessThan(0.03);
    for (const [teacher, confusion] of confusions.entries()) {
      expect(mostDifference(fit.confusions[teacher]!, confusion.flat())).toBeLessThan(0.04);
    }
  });

  it('is right more often than the majority if teachers differ in how good they are', () => {
    const confusions = [fair(0.95), fair(0.4), fair(0.4), fair(0.4), fair(0.9)];
    const {truth, labels} = planted(confusions, 2000, 9);
    const majority = truth.map((_, item) => {
      const votes = [0, 0, 0];
      for (const said of labels) votes[said[item]!]!++;
      return votes.indexOf(Math.max(...votes));
    });
    const model = best(dawidSkene(labels, {classes: 3}).posteriors, 3);
    expect(shareAlike(model, truth)).toBeGreaterThan(shareAlike(majority, truth) + 0.1);
    expect(shareAlike(model, truth)).toBeGreaterThan(0.93);
  });

  it('never loses by a round, with smoothing and without', () => {
    fc.assert(
      fc.property(someLabels, fc.constantFrom(0, 0.1, 1, 20), ([classes, labels], smoothing) => {
        const {objectives, logLikelihood} = dawidSkene(labels, {classes, smoothing, rounds: 200});
        for (const [round, objective] of objectives.entries()) {
          if (round > 0)
            expect(objective).toBeGreaterThanOrEqual(objectives[round - 1]! - 1e-9 * (1 + Math.abs(objective)));
        }
        if (smoothing === 0) expect(objectives.at(-1)).toBe(logLikelihood);
      }),
    );
  });

  it('makes distributions of every row, and does not hang on the order of the teachers', () => {
    fc.assert(
      fc.property(someLabels, ([classes, labels]) => {
        const [fit, turned] = [labels, labels.toReversed()].map(some => dawidSkene(some, {classes, rounds: 50}));
        for (const rows of [fit!.priors, fit!.posteriors, ...fit!.confusions]) {
          for (let start = 0; start < rows.length; start += classes) {
            const sum = rows.subarray(start, start + classes).reduce((total, value) => total + value, 0);
            expect(sum).toBeCloseTo(1, 9);
          }
        }
        expect(turned!.logLikelihood).toBeCloseTo(fit!.logLikelihood, 6);
        expect(mostDifference(turned!.posteriors, fit!.posteriors)).toBeLessThan(1e-5);
        expect(mostDifference(turned!.confusions.at(-1)!, fit!.confusions[0]!)).toBeLessThan(1e-5);
      }),
    );
  });

  it('gives the same numbers each time, and classes the names that the teachers give them', () => {
    const {truth, labels} = planted([fair(0.8), fair(0.8), fair(0.8)], 300, 2);
    const [one, other] = [dawidSkene(labels, {classes: 3}), dawidSkene(labels, {classes: 3})];
    expect(other).toEqual(one);
    expect(shareAlike(best(one.posteriors, 3), truth)).toBeGreaterThan(0.85);
  });

  it('refuses labels that are none', () => {
    for (const labels of [[], [[]], [[0, 1], [0]]]) {
      expect(() => dawidSkene(labels, {classes: 2})).toThrow('each teacher’s label of the same items');
    }
    for (const label of [2, -2, 0.5, Number.NaN]) {
      expect(() => dawidSkene([[0, label]], {classes: 2})).toThrow(`Expected labels from 0 to 1, or -1 if a teacher`);
    }
    expect(() => dawidSkene([[-1], [-1]], {classes: 2})).toThrow('No teacher said anything.');
    expect(() => dawidSkene([[0]], {classes: 2, smoothing: -1})).toThrow('`smoothing`');
    expect(() => dawidSkene([[0]], {classes: 2, rounds: 0})).toThrow('`rounds`');
  });
});

describe('logPosterior', () => {
  const model = {
    priors: Float64Array.of(0.6, 0.4),
    confusions: [Float64Array.of(0.9, 0.1, 0.2, 0.8), Float64Array.of(0.7, 0.3, 0.4, 0.6)],
  };

  it('is what the theorem of Bayes says', () => {
    // 0.6 · 0.9 · 0.3 and 0.4 · 0.2 · 0.6.
    expect(Math.exp(logPosterior(model, [0, 1])[0]!)).toBeCloseTo(0.162 / (0.162 + 0.048), 12);
  });

  it('ignores a teacher that said nothing', () => {
    expect(Math.exp(logPosterior(model, [-1, 1])[0]!)).toBeCloseTo(0.18 / (0.18 + 0.24), 12);
  });
});
