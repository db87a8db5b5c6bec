import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {
  accuracy,
  agreement,
  brier,
  evaluateLogits,
  jointAgreement,
  meanEntropy,
  meanKl,
  nll,
  overconfidence,
} from '../../src/evaluate/metrics.ts';
import {ece} from '../../src/evaluate/reliability.ts';
import {reference} from './reference.ts';

const {classes, labels, teacher, student} = reference;

/** Four rows as log-probabilities, with values from elsewhere: see `test/fixtures/losses/README.md`. */
const four = {
  logits: [0.7, 0.2, 0.1, 0.4, 0.35, 0.25, 0.1, 0.8, 0.1, 0.34, 0.33, 0.33].map(Math.log),
  labels: [0, 1, 1, 2],
};

interface Golden {
  readonly ZS: number[][];
  readonly ZT: number[][];
  readonly values: Readonly<Record<string, number>>;
}

const golden: Golden = JSON.parse(readFileSync('test/fixtures/losses/golden.json', 'utf8'));
const [goldenTeacher, goldenStudent] = [golden.ZT.flat(), golden.ZS.flat()];

describe('metrics', () => {
  it('are those of scikit-learn and SciPy on 500 random examples of 7 classes', () => {
    expect(accuracy(student, labels, classes)).toBeCloseTo(reference.accuracy, 12);
    expect(agreement(teacher, student, classes)).toBeCloseTo(reference.agreement, 12);
    expect(nll(student, labels, classes)).toBeCloseTo(reference.nll, 10);
    expect(brier(student, labels, classes)).toBeCloseTo(reference.brier, 10);
    expect(ece(student, labels, classes)).toBeCloseTo(reference.ece, 10);
    expect(meanEntropy(student, classes)).toBeCloseTo(reference.entropy, 10);
    expect(meanEntropy(student, classes, {temperature: 4})).toBeCloseTo(reference.entropyT4, 10);
    expect(meanKl(teacher, student, classes)).toBeCloseTo(reference.kl, 10);
    expect(meanKl(teacher, student, classes, {temperature: 4})).toBeCloseTo(reference.klT4, 10);
    expect(overconfidence(student, labels, classes)).toBeCloseTo(reference.overconfidence, 10);
  });

  it('are the published ones on four rows', () => {
    expect(nll(four.logits, four.labels, 3)).toBeCloseTo(0.6845758111, 9);
    expect(brier(four.logits, four.labels, 3)).toBeCloseTo(0.3796, 9);
    expect(ece(four.logits, four.labels, 3)).toBeCloseTo(golden.values['ECE15']!, 9);
    expect(accuracy(four.logits, four.labels, 3)).toBe(0.5);
  });

  it('are blind to a constant added to each row', () => {
    const shifted = student.map((value, index) => value + 40 * Math.floor(index / classes) - 3000);
    expect(nll(shifted, labels, classes)).toBeCloseTo(reference.nll, 8);
    expect(brier(shifted, labels, classes)).toBeCloseTo(reference.brier, 8);
    expect(meanKl(teacher, shifted, classes)).toBeCloseTo(reference.kl, 8);
  });
});

describe('the mean divergence from the teacher', () => {
  it.each([1, 4, 20])('is the published one, in the right direction, at T = %d', T => {
    const scaled = meanKl(goldenTeacher, goldenStudent, 4, {temperature: T}) * T * T;
    expect(scaled).toBeCloseTo(golden.values[`KD T=${T}`]!, 9);
  });

  it('goes to half the mean squared difference of centred logits as T grows', () => {
    const scaled = meanKl(goldenTeacher.slice(0, 8), goldenStudent.slice(0, 8), 4, {temperature: 1000}) * 1e6;
    expect(scaled).toBeCloseTo(0.413701, 5);
  });
});

describe('the expected calibration error', () => {
  it('is 0 of a model that is as right as it is sure, and its doubt if it is always right', () => {
    expect(ece([0, 0, 0, 0], [0, 1], 2)).toBe(0);
    expect(ece([3, 0], [0], 2)).toBeCloseTo(1 - 1 / (1 + Math.exp(-3)), 12);
  });

  it('never exceeds 1 and is never below the difference of the means', () => {
    const batch = fc.array(fc.tuple(fc.double({min: -9, max: 9, noNaN: true}), fc.integer({min: 0, max: 1})), {
      minLength: 1,
    });
    fc.assert(
      fc.property(batch, examples => {
        const logits = examples.flatMap(([logit]) => [logit, 0]);
        const labels = examples.map(([, label]) => label);
        const error = ece(logits, labels, 2);
        expect(error).toBeLessThanOrEqual(1);
        expect(error).toBeGreaterThanOrEqual(Math.abs(overconfidence(logits, labels, 2)) - 1e-12);
      }),
    );
  });
});

describe('an evaluation', () => {
  it('has all metrics of a model, and those of fidelity if there is a teacher', () => {
    const {agreement, klToTeacher, ...own} = evaluateLogits({
      logits: student,
      labels,
      classes,
      teacherLogits: teacher,
    });
    expect(agreement).toBeCloseTo(reference.agreement, 12);
    expect(klToTeacher).toBeCloseTo(reference.kl, 10);
    expect(evaluateLogits({logits: student, labels, classes})).toEqual(own);
    expect(own.accuracy).toBeCloseTo(reference.accuracy, 12);
    expect(own.nll).toBeCloseTo(reference.nll, 10);
    expect(own.brier).toBeCloseTo(reference.brier, 10);
    expect(own.ece).toBeCloseTo(reference.ece, 10);
    expect(own.entropy).toBeCloseTo(reference.entropy, 10);
    expect(own.overconfidence).toBeCloseTo(reference.overconfidence, 10);
  });

  it('takes 32-bit floats and the log-probabilities of a masked class', () => {
    const logits = Float32Array.of(0, Number.NEGATIVE_INFINITY, 0, 1);
    const result = evaluateLogits({logits, labels: Int32Array.of(0, 1), classes: 2, teacherLogits: logits});
    expect(result.klToTeacher).toBe(0);
    expect(Object.values(result).every(Number.isFinite)).toBe(true);
  });
});

describe('agreement on all questions of an input', () => {
  it('is that of every question with an answer, and counts no input without one', () => {
    const taught = [0, 2, 1, 1, -1, 0, -1, -1, -1, 3, 0, 1];
    const named = [0, 2, 1, 1, 5, 0, 0, 0, 0, 3, 1, 1];
    expect(jointAgreement(taught, named, 3)).toEqual({agreement: 2 / 3, inputs: 3});
    expect(jointAgreement([-1, -1], [0, 0], 2)).toEqual({agreement: Number.NaN, inputs: 0});
  });

  it('is at most that of any question, and at least 1 minus the sum of their disagreements', () => {
    const rows = fc.array(fc.tuple(fc.nat(2), fc.nat(2), fc.nat(2), fc.nat(2)), {minLength: 1, maxLength: 20});
    fc.assert(
      fc.property(rows, rows => {
        const [taught, named] = [rows.flatMap(row => row.slice(0, 2)), rows.flatMap(row => row.slice(2))];
        const wrong = [0, 1].map(
          question => rows.filter(row => row[question] !== row[question + 2]).length / rows.length,
        );
        const {agreement} = jointAgreement(taught, named, 2);
        expect(agreement).toBeLessThanOrEqual(1 - Math.max(...wrong) + 1e-12);
        expect(agreement).toBeGreaterThanOrEqual(1 - wrong[0]! - wrong[1]! - 1e-12);
      }),
    );
  });
});
