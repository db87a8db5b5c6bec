import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {argmaxRows} from '../../src/data/arrays.ts';
import {
  balancedAccuracy,
  type ClassMetrics,
  classMetrics,
  classResults,
  confusedPairs,
  confusionCounts,
  confusionOf,
  macroF1,
} from '../../src/evaluate/by-class.ts';
import {coverageCurve, coverageOf, judgedAnswers} from '../../src/evaluate/calibration.ts';
import {accuracy, agreementWhereTeacherErrs, evaluateLogits, overconfidence} from '../../src/evaluate/metrics.ts';
import {adaptiveEce, ece} from '../../src/evaluate/reliability.ts';
import {reference} from './reference.ts';

interface Measures {
  readonly confusion: number[][];
  readonly balancedAccuracy: number;
  readonly macroF1: number;
  readonly classes: readonly {readonly [K in keyof ClassMetrics]: number | null}[];
}

/** Results of scikit-learn for the case of `reference`, see `test/fixtures/metrics/make-by-class.py`. */
const expected: {
  readonly all: Measures;
  readonly rare: Measures & {readonly rows: readonly number[]};
  readonly adaptiveEce: Readonly<Record<string, number>>;
  readonly agreementWhereTeacherErrs: number;
  readonly coverage: readonly {coverage: number; agreement: number; threshold: number}[];
} = JSON.parse(readFileSync('test/fixtures/metrics/by-class.json', 'utf8'));

const {classes, labels, teacher, student} = reference;
const [taught, named] = [argmaxRows(teacher, classes), argmaxRows(student, classes)];

const close = <T extends object>(values: T) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, value === null ? Number.NaN : expect.closeTo(value, 12)]),
  );

/** Up to 40 inputs of up to 5 classes: the label of each, the class that is named, and how surely. */
const answers = fc
  .integer({min: 2, max: 5})
  .chain(count =>
    fc.tuple(
      fc.constant(count),
      fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1), fc.constantFrom(0, 0.1, 0.5, 1, 2, 3.7, 60)), {
        minLength: 1,
        maxLength: 40,
      }),
    ),
  )
  .map(([count, inputs]) => ({
    classes: count,
    labels: inputs.map(([label]) => label),
    logits: inputs.flatMap(([, best, sure]) => Array.from({length: count}, (_, label) => (label === best ? sure : 0))),
  }));

describe('measures by class', () => {
  it('are those of scikit-learn on 500 random examples of 7 classes', () => {
    const counts = confusionCounts(labels, named, classes);
    expect(counts).toEqual(expected.all.confusion);
    expect(classMetrics(counts)).toEqual(expected.all.classes.map(close));
    expect(balancedAccuracy(student, labels, classes)).toBeCloseTo(expected.all.balancedAccuracy, 12);
    expect(macroF1(student, labels, classes)).toBeCloseTo(expected.all.macroF1, 12);
  });

  it('are those of scikit-learn with a class without inputs, one that is never named, and one that is neither', () => {
    const {rows} = expected.rare;
    const rowLabels = rows.map(row => labels[row]!);
    const logits = rows.flatMap(row => student.slice(row * classes, (row + 1) * classes));
    const counts = confusionCounts(rowLabels, argmaxRows(logits, classes), classes);
    expect(counts).toEqual(expected.rare.confusion);
    expect(classMetrics(counts)).toEqual(expected.rare.classes.map(close));
    expect(balancedAccuracy(logits, rowLabels, classes)).toBeCloseTo(expected.rare.balancedAccuracy, 12);
    expect(macroF1(logits, rowLabels, classes)).toBeCloseTo(expected.rare.macroF1, 12);
  });

  it('count every input once, and lie between 0 and 1', () => {
    fc.assert(
      fc.property(answers, ({classes, labels, logits}) => {
        const counts = confusionCounts(labels, argmaxRows(logits, classes), classes);
        const right = counts.reduce((sum, row, label) => sum + row[label]!, 0);
        expect(counts.flat().reduce((sum, count) => sum + count, 0)).toBe(labels.length);
        expect(right / labels.length).toBeCloseTo(accuracy(logits, labels, classes), 12);
        for (const value of [balancedAccuracy(logits, labels, classes), macroF1(logits, labels, classes)]) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it('give a balanced accuracy that does not change if all inputs of a class are there twice', () => {
    fc.assert(
      fc.property(answers, fc.nat(4), ({classes, labels, logits}, twice) => {
        const rows = labels.flatMap((label, row) => (label === twice ? [row, row] : [row]));
        const more = rows.flatMap(row => logits.slice(row * classes, (row + 1) * classes));
        const of = rows.map(row => labels[row]!);
        expect(balancedAccuracy(more, of, classes)).toBeCloseTo(balancedAccuracy(logits, labels, classes), 12);
      }),
    );
  });
});

describe('the confusion of a method', () => {
  it('is the sum of the counts of its students', () => {
    const other = argmaxRows(teacher, classes);
    const [one, two] = [confusionCounts(labels, named, classes), confusionCounts(labels, other, classes)];
    expect(confusionOf(labels, [named, other], classes)).toEqual({
      counts: one.map((row, label) => row.map((count, given) => count + two[label]![given]!)),
    });
  });

  it('is a list of the 200 most frequent confusions with more than 50 classes', () => {
    const many = 51;
    // Class c is given class c + 1 as often as c says, and itself once.
    const pairs = Array.from({length: many}, (_, label) => [
      [label, label] as const,
      ...Array.from({length: label}, () => [label, (label + 1) % many] as const),
    ]).flat();
    const [of, given] = [pairs.map(([label]) => label), pairs.map(([, to]) => to)];
    const {counts, largest} = confusionOf(of, [given, given], many);
    expect(counts).toBeUndefined();
    expect(largest!.slice(0, 2)).toEqual([
      {label: 50, named: 0, count: 100},
      {label: 49, named: 50, count: 98},
    ]);
    expect(largest).toHaveLength(50);
    const spread = Array.from({length: many * many}, (_, index) => index);
    const all = confusionOf(
      spread.map(index => Math.floor(index / many)),
      [spread.map(index => index % many)],
      many,
    );
    expect(all.largest).toHaveLength(200);
  });

  it('leaves the diagonal and what never happens out of its pairs', () => {
    expect(
      confusedPairs([
        [9, 1],
        [0, 9],
      ]),
    ).toEqual([{label: 0, named: 1, count: 1}]);
  });
});

describe('the table of classes', () => {
  it('has means over seeds, without the seeds in which there is nothing to take a share of', () => {
    const rows = classResults(
      [0, 0, 1, 1],
      [0, 1, 1, 1],
      [
        [0, 0, 0, 0],
        [0, 1, 1, 1],
      ],
      3,
    );
    expect(rows).toEqual([
      {inputs: 2, teacherInputs: 1, recall: 0.75, precision: 0.75, f1: (2 / 3 + 2 / 3) / 2, agreement: 1},
      {inputs: 2, teacherInputs: 3, recall: 0.5, precision: 2 / 3, f1: 0.4, agreement: 0.5},
      {inputs: 0, teacherInputs: 0, recall: NaN, precision: NaN, f1: NaN, agreement: NaN},
    ]);
  });

  it('knows agreement alone without true labels', () => {
    expect(classResults(undefined, [0, 1], [[0, 0]], 2)).toEqual([
      {inputs: undefined, teacherInputs: 1, recall: NaN, precision: NaN, f1: NaN, agreement: 1},
      {inputs: undefined, teacherInputs: 1, recall: NaN, precision: NaN, f1: NaN, agreement: 0},
    ]);
  });
});

describe('the adaptive calibration error', () => {
  it.each(['10', '15', '20'])(
    'is that of %s quantile bins, by scikit-learn if they divide the examples evenly',
    bins => {
      expect(adaptiveEce(student, labels, classes, {bins: Number(bins)})).toBeCloseTo(expected.adaptiveEce[bins]!, 12);
    },
  );

  it('is at least the difference of the means, at most 1, and the same in any order of the inputs', () => {
    fc.assert(
      fc.property(answers, ({classes, labels, logits}) => {
        const error = adaptiveEce(logits, labels, classes);
        expect(error).toBeLessThanOrEqual(1);
        expect(error).toBeGreaterThanOrEqual(Math.abs(overconfidence(logits, labels, classes)) - 1e-12);
        const rows = [...labels.keys()].reverse();
        const turned = rows.flatMap(row => logits.slice(row * classes, (row + 1) * classes));
        const of = rows.map(row => labels[row]!);
        expect(adaptiveEce(turned, of, classes)).toBeCloseTo(error, 12);
      }),
    );
  });

  it('is the other one with a single bin', () => {
    expect(adaptiveEce(student, labels, classes, {bins: 1})).toBeCloseTo(ece(student, labels, classes, {bins: 1}), 12);
  });
});

describe('the agreement where the teacher errs', () => {
  it('is the share of its errors that the student repeats, as scikit-learn counts', () => {
    expect(agreementWhereTeacherErrs(taught, student, labels, classes)).toBeCloseTo(
      expected.agreementWhereTeacherErrs,
      12,
    );
  });

  it('is 1 of a copy, 0 of a student that is always right, and NaN if the teacher is', () => {
    expect(agreementWhereTeacherErrs(taught, teacher, labels, classes)).toBe(1);
    const right = labels.flatMap(label => Array.from({length: classes}, (_, index) => (index === label ? 1 : 0)));
    expect(agreementWhereTeacherErrs(taught, right, labels, classes)).toBe(0);
    expect(agreementWhereTeacherErrs(labels, student, labels, classes)).toBeNaN();
  });
});

describe('agreement by coverage', () => {
  const judged = judgedAnswers(student, taught, classes, 1);

  it('is the share of the surest answers that agree, and says how sure they are', () => {
    expect(coverageCurve([judged])).toEqual(expected.coverage.map(close));
  });

  it('is a mean over seeds, with the thresholds of the first', () => {
    const always = judged.map(({confidence}) => ({confidence: confidence / 2, agrees: true}));
    for (const [index, {agreement, threshold}] of coverageCurve([judged, always]).entries()) {
      expect(agreement).toBeCloseTo((expected.coverage[index]!.agreement + 1) / 2, 12);
      expect(threshold).toBeCloseTo(expected.coverage[index]!.threshold, 12);
    }
  });

  it('ends at the agreement on all inputs, is the same in any order, and has a point an input if there are few', () => {
    fc.assert(
      fc.property(answers, ({classes, labels, logits}) => {
        const own = judgedAnswers(logits, labels, classes, 1);
        const curve = coverageCurve([own]);
        expect(curve).toHaveLength(own.length);
        expect(curve.at(-1)!.coverage).toBe(1);
        expect(curve.at(-1)!.agreement).toBeCloseTo(accuracy(logits, labels, classes), 12);
        const turned = coverageCurve([own.toReversed()]);
        for (const [index, {agreement}] of curve.entries()) expect(turned[index]!.agreement).toBeCloseTo(agreement, 12);
      }),
    );
  });

  it('marks what was chosen: the answers from its threshold on', () => {
    const {confidence} = judged.toSorted((one, other) => other.confidence - one.confidence)[199]!;
    const {chosen} = coverageOf([judged], confidence);
    expect(chosen).toEqual({coverage: 0.4, agreement: expected.coverage[19]!.agreement, threshold: confidence});
    expect(coverageOf([judged], 2).chosen).toEqual({coverage: 0, agreement: Number.NaN, threshold: 2});
    expect(coverageOf([judged], undefined)).not.toHaveProperty('chosen');
  });
});

describe('an evaluation', () => {
  it('has them beside the others', () => {
    expect(evaluateLogits({logits: student, labels, classes})).toMatchObject({
      balancedAccuracy: expect.closeTo(expected.all.balancedAccuracy, 12),
      macroF1: expect.closeTo(expected.all.macroF1, 12),
      adaptiveEce: expect.closeTo(expected.adaptiveEce['15']!, 12),
    });
  });
});
