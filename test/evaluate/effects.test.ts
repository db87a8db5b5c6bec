import {describe, expect, it} from 'vitest';
import {classRelation, intraClassVariance, relationCorrelation, summariseTargets} from '../../src/evaluate/effects.ts';
import {reference} from './reference.ts';

const {classes, labels, teacher, student} = reference;
const NEVER = Number.NEGATIVE_INFINITY;

function expectMatrix(actual: readonly (readonly number[])[], expected: readonly (readonly number[])[]): void {
  expect(actual).toHaveLength(expected.length);
  for (const [row, values] of expected.entries()) {
    for (const [column, value] of values.entries()) expect(actual[row]![column]).toBeCloseTo(value, 10);
  }
}

describe('the summary of targets', () => {
  it('shows no softness in bare labels', () => {
    const summary = summariseTargets({labels: Int32Array.of(0, 1, 2), classes: 3}, {temperature: 4, bins: 4});
    expect(summary).toEqual({entropy: 0, smoothing: 0, histogram: [3, 0, 0, 0]});
  });

  it('measures entropy as a share of the greatest and counts targets by it', () => {
    // A certain one, one even over two classes of four (half of ln 4), one even over all.
    const logProbabilities = Float32Array.of(0, NEVER, NEVER, NEVER, 1, 1, NEVER, NEVER, 2, 2, 2, 2);
    const summary = summariseTargets({labels: Int32Array.of(0, 0, 0), logProbabilities, classes: 4}, {bins: 3});
    expect(summary.entropy).toBeCloseTo(0.5, 12);
    expect(summary.smoothing).toBeCloseTo((0 + 0.5 + 0.75) / 3, 12);
    expect(summary.histogram).toEqual([1, 1, 1]);
  });

  it('is that of the temperature which the targets are learned at', () => {
    const targets = {labels: Int32Array.from(labels), logProbabilities: Float32Array.from(student), classes};
    const at = (temperature: number) => summariseTargets(targets, {temperature}).entropy * Math.log(classes);
    expect(at(1)).toBeCloseTo(reference.entropy, 6);
    expect(at(4)).toBeCloseTo(reference.entropyT4, 6);
  });

  it('has every target in its histogram', () => {
    const targets = {labels: Int32Array.from(labels), logProbabilities: Float32Array.from(teacher), classes};
    const {histogram} = summariseTargets(targets);
    expect(histogram).toHaveLength(20);
    expect(histogram.reduce((sum, count) => sum + count)).toBe(labels.length);
  });
});

describe('the smoothing of targets', () => {
  const targets = {labels: Int32Array.from(labels), logProbabilities: Float32Array.from(teacher), classes};
  const smoothing = (temperature = 1) => summariseTargets(targets, {temperature}).smoothing;

  it('is the mean mass outside the top class', () => {
    expect(smoothing()).toBeCloseTo(reference.smoothing, 6);
  });

  it('grows with the temperature', () => {
    expect(smoothing(4)).toBeGreaterThan(smoothing());
  });
});

describe('the variance within a class', () => {
  it("is NumPy's", () => {
    expect(intraClassVariance(student, labels, classes)).toBeCloseTo(reference.intraClassVariance, 10);
  });

  it('is 0 if all examples of a class look the same', () => {
    expect(intraClassVariance([3, 0, 0, 2, 3, 0, 0, 2], [0, 1, 0, 1], 2)).toBeCloseTo(0, 12);
  });

  it('is that of the classes which have examples', () => {
    // p = 0 or 1 for both classes, mean 1/2, so the squares sum to 1/2; class 2 has no example.
    const logits = [0, NEVER, NEVER, NEVER, 0, NEVER];
    expect(intraClassVariance(logits, [0, 0], 3)).toBeCloseTo(0.5, 12);
  });
});

describe('the relation of classes', () => {
  it('is the mean softmax of each class at T = 4', () => {
    expectMatrix(classRelation(student, labels, classes), reference.relation);
  });

  it('has a row of zeros for a class without examples', () => {
    expect(classRelation([0, 0, 0, 0], [0, 0], 2)).toEqual([
      [0.5, 0.5],
      [0, 0],
    ]);
  });

  it("correlates off the diagonal as SciPy's correlations say", () => {
    const [ofTeacher, ofStudent] = [classRelation(teacher, labels, classes), classRelation(student, labels, classes)];
    const correlation = relationCorrelation(ofTeacher, ofStudent);
    expect(correlation.pearson).toBeCloseTo(reference.relationPearson, 10);
    expect(correlation.spearman).toBeCloseTo(reference.relationSpearman, 10);
  });

  it('correlates without regard to the diagonal', () => {
    const one = [
      [9, 1, 2],
      [3, 9, 4],
      [5, 6, 9],
    ];
    const other = one.map((row, index) => row.map((value, column) => (index === column ? -100 : 2 * value)));
    expect(relationCorrelation(one, other).pearson).toBeCloseTo(1, 12);
  });
});
