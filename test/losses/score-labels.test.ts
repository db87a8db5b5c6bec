import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import type {Answers} from '../../src/knowledge/answers.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {checkObjective, needsOf} from '../../src/losses/loss.ts';
import {quantised} from '../../src/losses/quantised.ts';
import {
  expectedLabels,
  expectedLevelLoss,
  rankedProbabilityLoss,
  type ScoreOptions,
  scoreLabels,
  scoreLoss,
} from '../../src/losses/score-labels.ts';
import {softLabelLoss} from '../../src/losses/soft-labels.ts';
import {softProbabilityLoss} from '../../src/losses/soft-probabilities.ts';
import {selectTargets, targetsOf, targetTensors} from '../../src/losses/targets.ts';
import {logits, pairOfLogits} from './arbitraries.ts';
import {batch, expectGradientByDifferences, golden, numberOf} from './engine.ts';
import {expectFinite, expectTyped, logProbabilities, matrix, typedCases, vector} from './typed.ts';

beforeAll(async () => {
  await startEngine();
});

type Rows = number[][];

const ranked = (teacher: Rows, student: Rows): number =>
  tf.tidy(() => numberOf(rankedProbabilityLoss(matrix(teacher), matrix(student))));

const score = (teacher: Rows, student: Rows, options?: ScoreOptions): number =>
  tf.tidy(() => numberOf(scoreLoss(matrix(teacher), matrix(student), options)));

const longest = (slopes: ArrayLike<number>): number => Math.max(...Array.from(slopes, Math.abs));

/** The student is sure of the lowest of five levels, the teacher of the highest. */
const opposite = {teacher: [[0, 0, 0, 0, 1]], student: [[50, 0, 0, 0, 0]]};
const runs = {numRuns: 25};

describe('the loss of the ranked probability score', () => {
  it.each(typedCases('rps'))('is the value from elsewhere, with its gradient (%d)', (_, {in: given, loss, grad}) => {
    const teacher = logProbabilities(given['q']);
    expectTyped(loss, [matrix(given['z'])], [grad['z']!], z => rankedProbabilityLoss(teacher, z as tf.Tensor2D));
  });

  it('has no gradient if the student is sure and wrong, unlike the loss of a score', () => {
    const teacher = logProbabilities(opposite.teacher);
    const slopes = (loss: (z: tf.Tensor) => tf.Scalar) => tf.grad(loss)(matrix(opposite.student)).dataSync();
    expect(longest(slopes(z => rankedProbabilityLoss(teacher, z as tf.Tensor2D)))).toBeLessThan(1e-18);
    expect(longest(slopes(z => scoreLoss(teacher, z as tf.Tensor2D)))).toBeCloseTo(1, 4);
  });

  it('grows with the distance of the levels', () => {
    const sureOf = (level: number): Rows => [[0, 1, 2, 3, 4].map(k => (k === level ? 40 : 0))];
    for (const level of [0, 1, 2, 3, 4]) expect(ranked(sureOf(0), sureOf(level))).toBeCloseTo(level, 5);
  });

  it('is 0 at equality, the same with both sides exchanged or turned around, and at most K − 1', () => {
    fc.assert(
      fc.property(pairOfLogits(), ([teacher, student]) => {
        expect(ranked(teacher, teacher)).toBeLessThan(1e-10);
        const there = ranked(teacher, student);
        expect(there).toBeLessThanOrEqual(teacher[0]!.length - 1);
        expect(there).toBeCloseTo(ranked(student, teacher), 5);
        const turned = (rows: Rows): Rows => rows.map(row => row.toReversed());
        expect(there).toBeCloseTo(ranked(turned(teacher), turned(student)), 5);
      }),
      runs,
    );
  });

  it('is half of the squared distance of the distributions if there are two levels', () => {
    const [teacher, student] = [[[0.3, -1.2]], [[2, 0.5]]];
    const squared = tf.tidy(() =>
      numberOf(tf.sum(tf.squaredDifference(tf.softmax(matrix(teacher)), tf.softmax(matrix(student))))),
    );
    expect(ranked(teacher, student)).toBeCloseTo(squared / 2, 6);
  });
});

describe('the loss of a score', () => {
  it.each(typedCases('score_kl'))(
    'is the divergence from elsewhere without the order (%d)',
    (_, {in: given, loss, grad}) => {
      const {T, floor} = given as {readonly T: number; readonly floor: number};
      const teacher = logProbabilities(given['q']);
      const probabilities = tf.tidy(() => tf.maximum(matrix(given['q']), floor) as tf.Tensor2D);
      const options = {temperature: T, rankedWeight: 0};
      expectTyped(loss, [matrix(given['z'])], [grad['z']!], z =>
        floor === 0
          ? scoreLoss(teacher, z as tf.Tensor2D, options)
          : scoreLoss(tf.log(probabilities), z as tf.Tensor2D, options),
      );
    },
  );

  it('adds the ranked probability score at T = 1, as a share of the greatest that there is', () => {
    fc.assert(
      fc.property(
        pairOfLogits(),
        fc.double({min: 0.5, max: 8, noNaN: true}),
        fc.double({min: 0, max: 3, noNaN: true}),
        ([teacher, student], temperature, rankedWeight) => {
          const blind = tf.tidy(() => numberOf(softLabelLoss(matrix(teacher), matrix(student), {temperature})));
          const order = (rankedWeight * ranked(teacher, student)) / (teacher[0]!.length - 1);
          const whole = score(teacher, student, {temperature, rankedWeight});
          expect(Math.abs(whole - blind - order)).toBeLessThan(1e-5 * Math.max(1, whole));
        },
      ),
      runs,
    );
  });

  it('is zero, with no gradient, if the student equals the teacher', () => {
    fc.assert(
      fc.property(logits(), rows => {
        const loss = (z: tf.Tensor) => scoreLoss(matrix(rows), z as tf.Tensor2D, {temperature: 2});
        expect(score(rows, rows, {temperature: 2})).toBeLessThan(1e-5);
        expect(longest(tf.tidy(() => tf.grad(loss)(matrix(rows)).dataSync()))).toBeLessThan(1e-4);
      }),
      runs,
    );
  });

  it('has the gradient that differences show, and stays finite for logits far apart', () => {
    const loss = (z: tf.Tensor) => scoreLoss(matrix(golden.ZT), z as tf.Tensor2D, {temperature: 2});
    expectGradientByDifferences(loss, matrix(golden.ZS));
    const far = [[800, -800, 0]];
    expectFinite(z => scoreLoss(matrix([[-800, 800, 0]]), z as tf.Tensor2D), matrix(far));
  });
});

describe('the term of a score', () => {
  it('weighs 1, takes T = 1 and counts the order once unless told otherwise', () => {
    const {teacher, student, labels} = batch();
    const term = scoreLabels();
    expect(term).toMatchObject({name: 'score-labels', weight: 1, temperature: 1, needs: {kind: 'log-probabilities'}});
    const value = numberOf(term.compare({teacher, student, labels}, 1));
    expect(value).toBeCloseTo(score(golden.ZT, golden.ZS), 6);
    expect(score(golden.ZT, golden.ZS, {rankedWeight: 0})).toBeLessThan(value);
  });

  it('can learn from rounded probabilities, and be tuned', () => {
    const {student, labels} = batch();
    const probabilities = matrix([
      [0.03, 0.22, 0.56, 0.19],
      [0, 0, 0, 1],
      [0.5, 0.5, 0, 0],
    ]);
    const term = quantised(scoreLabels({rankedWeight: 0, temperature: 2}), {decimals: 2});
    const value = numberOf(term.compare({teacher: tf.log(tf.maximum(probabilities, 1e-8)), student, labels}, 2));
    const direct = softProbabilityLoss(probabilities, student, {decimals: 2, temperature: 2});
    expect(value).toBeCloseTo(numberOf(direct), 5);
    expect(scoreLabels().atTemperature!(3)).toMatchObject({temperature: 3, name: 'score-labels'});
  });

  it('refuses options that make no sense', () => {
    expect(() => scoreLabels({rankedWeight: -1})).toThrow('Expected `rankedWeight` to be a number of at least 0');
    expect(() => scoreLabels({temperature: 0})).toThrow('Expected `temperature`');
    expect(() => scoreLabels({ranked: 1} as ScoreOptions)).toThrow('rankedWeight');
  });
});

describe('the loss of an expected level', () => {
  it.each(typedCases('mse_expected'))(
    'is the value from elsewhere, with its gradient (%d)',
    (_, {in: given, loss, grad}) => {
      const student = matrix(given['z']);
      // The reference divides by a scale of its own. The loss divides by K − 1.
      const scale = (student.shape[1] - 1) / (given['scale'] as number);
      expectTyped(loss, [student], [grad['z']!], z =>
        tf.mul(expectedLevelLoss(vector(given['s']), z as tf.Tensor2D), scale * scale),
      );
    },
  );

  it('does not see how widely the student spreads its levels', () => {
    const middle = expectedLevelLoss(vector([1]), matrix([[-50, 50, -50]]));
    const ends = expectedLevelLoss(vector([1]), matrix([[50, -50, 50]]));
    expect([numberOf(middle), numberOf(ends)]).toEqual([expect.closeTo(0, 6), expect.closeTo(0, 6)]);
  });

  it('has the gradient that differences show, and stays finite for logits far apart', () => {
    const loss = (z: tf.Tensor) => expectedLevelLoss(vector([1, 3, 0.2]), z as tf.Tensor2D);
    expectGradientByDifferences(loss, matrix(golden.ZS));
    expectFinite(z => expectedLevelLoss(vector([2]), z as tf.Tensor2D), matrix([[800, -800, 0]]));
  });
});

describe('the term of an expected level', () => {
  const student = [
    [1, 2, 0.5, 0],
    [0, 0, 3, 1],
  ];
  const probabilities = [
    [0.03, 0.22, 0.56, 0.19],
    [0.7, 0.1, 0.1, 0.1],
  ];
  const valueFor = (answers: Answers): number =>
    tf.tidy(() => {
      const term = expectedLabels();
      const targets = targetTensors(selectTargets(targetsOf(answers, 4), [0, 1]));
      return numberOf(
        term.prepare({teacher: {}, student: {}}, 0).value(targets, {logits: matrix(student), features: {}}),
      );
    });

  it('compares the level that is shown, or that of a whole distribution', () => {
    const levels = Float32Array.of(1.91, 0.6);
    const wanted = tf.tidy(() => numberOf(expectedLevelLoss(tf.tensor1d(levels), matrix(student))));
    expect(valueFor({kind: 'expected', count: 2, levels})).toBeCloseTo(wanted, 6);
    const logs = Float32Array.from(probabilities.flat(), Math.log);
    expect(valueFor({kind: 'log-probabilities', count: 2, logProbabilities: logs})).toBeCloseTo(wanted, 6);
  });

  it('needs no more than an expected level, which no other loss takes', () => {
    expect(needsOf([expectedLabels()])).toEqual({kind: 'expected'});
    expect(() => checkObjective([hardLabels()], {kind: 'expected'})).toThrow('Use `expectedLabels()`');
    expect(() => checkObjective([expectedLabels()], {kind: 'expected'})).not.toThrow();
  });
});
