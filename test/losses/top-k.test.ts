import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import type {TopKAnswers} from '../../src/knowledge/answers.ts';
import {softLabelLoss} from '../../src/losses/soft-labels.ts';
import {fillRest} from '../../src/losses/targets.ts';
import {type TopKOptions, topKLabels, topKLoss} from '../../src/losses/top-k.ts';
import {pairOfLogits} from './arbitraries.ts';
import {expectGradientByDifferences, golden, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

const reference: {readonly divergences: Readonly<Record<string, {readonly full: number; readonly fill: number}>>} =
  JSON.parse(readFileSync('test/fixtures/losses/top-k.json', 'utf8'));

const modes = ['fill', 'bucket', 'zero'] as const;

/** What a teacher with these logits says of its k best classes. */
function topK(logits: readonly (readonly number[])[], k: number): TopKAnswers {
  const rows = logits.map(row => {
    const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
    const classes = row.map((_, index) => index).sort((a, b) => row[b]! - row[a]!);
    const logP = classes.map(index => row[index]! - total);
    const rest = logP.slice(k).reduce((sum, value) => sum + Math.exp(value), 0);
    return {classes: classes.slice(0, k), logP: logP.slice(0, k), rest};
  });
  return {
    kind: 'top-k',
    count: rows.length,
    k,
    classes: Int32Array.from(rows.flatMap(row => row.classes)),
    logProbabilities: Float32Array.from(rows.flatMap(row => row.logP)),
    rest: Float32Array.from(rows.map(row => row.rest)),
  };
}

function filledTensors(answers: TopKAnswers, classes: number): {teacher: tf.Tensor2D; named: tf.Tensor2D} {
  const {logProbabilities, named} = fillRest(answers, classes);
  const shape: [number, number] = [answers.count, classes];
  return {teacher: tf.tensor2d(logProbabilities, shape), named: tf.tensor2d(named, shape)};
}

function loss(teacherLogits: number[][], student: number[][], k: number, options: TopKOptions = {}): number {
  return tf.tidy(() => {
    const {teacher, named} = filledTensors(topK(teacherLogits, k), student[0]!.length);
    return topKLoss(teacher, named, tf.tensor2d(student), options).dataSync()[0]!;
  });
}

function fullLoss(teacher: number[][], student: number[][], temperature = 1): number {
  return tf.tidy(() => softLabelLoss(tf.tensor2d(teacher), tf.tensor2d(student), {temperature}).dataSync()[0]!);
}

const runs = {numRuns: 50};
const pairAndK = pairOfLogits().chain(([teacher, student]) =>
  fc.record({
    teacher: fc.constant(teacher),
    student: fc.constant(student),
    k: fc.integer({min: 1, max: teacher[0]!.length}),
  }),
);

describe('the loss of top-k answers', () => {
  it.each([1, 2, 4])('with a filled rest is what a second implementation gives at T = %d', T => {
    const {fill} = reference.divergences[String(T)]!;
    expect(loss(golden.ZT, golden.ZS, 2, {temperature: T})).toBeCloseTo(fill, 5);
  });

  it('with the rest as one bucket is the published value', () => {
    const expected = golden.values['sparse top2 symmetric_uniform T=1 (/B)']!;
    expect(loss(golden.ZT, golden.ZS, 2, {rest: 'bucket'})).toBeCloseTo(expected, 5);
  });

  it.each([1, 2])('without the rest is the published value at T = %d', T => {
    const expected = golden.values[`sparse top2 zero T=${T} (/B)`]! * T * T;
    expect(loss(golden.ZT, golden.ZS, 2, {rest: 'zero', temperature: T})).toBeCloseTo(expected, 5);
  });

  it('fills the rest before it softens, so that it stays below the full divergence here where softening first does not', () => {
    const full = golden.values['full KL T=2 (no T^2)']! * 4;
    const softenedFirst = golden.values['sparse top2 symmetric_uniform T=2 (/B)']! * 4;
    expect(softenedFirst).toBeGreaterThan(full);
    expect(loss(golden.ZT, golden.ZS, 2, {temperature: 2})).toBeLessThan(full);
  });

  it('is the full divergence where every class is named, whatever becomes of the rest', () => {
    for (const rest of modes) {
      expect(loss(golden.ZT, golden.ZS, 4, {rest})).toBeCloseTo(golden.values['KD T=1']!, 5);
    }
  });

  it('with a bucket never exceeds the full divergence, nor the one with a filled rest', () => {
    fc.assert(
      fc.property(pairAndK, ({teacher, student, k}) => {
        const bucket = loss(teacher, student, k, {rest: 'bucket'});
        expect(bucket).toBeLessThan(fullLoss(teacher, student) + 1e-4);
        expect(bucket).toBeLessThan(loss(teacher, student, k) + 1e-4);
        expect(bucket).toBeGreaterThan(-1e-4);
      }),
      runs,
    );
  });

  it('with a filled rest never exceeds the full divergence from a student whose unnamed classes are equal', () => {
    fc.assert(
      fc.property(pairAndK, ({teacher, student, k}) => {
        const answers = topK(teacher, k);
        const flat = student.map((row, index) => {
          const named = answers.classes.subarray(index * k, (index + 1) * k);
          return row.map((value, column) => (named.includes(column) ? value : 0));
        });
        expect(loss(teacher, flat, k)).toBeLessThan(fullLoss(teacher, flat) + 1e-4);
      }),
      runs,
    );
  });

  it('with a filled rest may exceed the full divergence, as from the teacher itself', () => {
    expect(loss(golden.ZT, golden.ZT, 2)).toBeGreaterThan(0.01);
    expect(loss(golden.ZT, golden.ZT, 2, {rest: 'bucket'})).toBeCloseTo(0, 5);
  });

  it('is zero, with a filled rest, for a student that equals the filled teacher', () => {
    const {teacher, named} = filledTensors(topK(golden.ZT, 2), 4);
    expect(numberOf(topKLoss(teacher, named, teacher, {temperature: 3}))).toBeCloseTo(0, 6);
  });

  it('is blind to a constant added to a row of the student', () => {
    fc.assert(
      fc.property(pairAndK, fc.constantFrom(...modes), ({teacher, student, k}, rest) => {
        const shifted = student.map((row, index) => row.map(value => value + 4 * index - 9));
        expect(Math.abs(loss(teacher, student, k, {rest}) - loss(teacher, shifted, k, {rest}))).toBeLessThan(1e-4);
      }),
      runs,
    );
  });

  it('has the gradient that differences show, whatever becomes of the rest', () => {
    for (const rest of modes) {
      for (const k of [1, 2, 4]) {
        const {teacher, named} = filledTensors(topK(golden.ZT, k), 4);
        const byStudent = (x: tf.Tensor) => topKLoss(teacher, named, x as tf.Tensor2D, {rest});
        expectGradientByDifferences(byStudent, tf.tensor2d(golden.ZS));
      }
    }
  });

  it('stays finite, with its gradient, for a student that is sure of a class not named', () => {
    const {teacher, named} = filledTensors(topK([[5, 1, 0, 0]], 1), 4);
    for (const rest of modes) {
      const {value, grad} = tf.valueAndGrad(x => topKLoss(teacher, named, x as tf.Tensor2D, {rest}))(
        tf.tensor2d([[-300, 0, 0, 300]]),
      );
      expect(value.dataSync()[0]).toBeGreaterThan(100);
      expect(grad.dataSync().every(Number.isFinite)).toBe(true);
    }
  });
});

describe('the term of top-k answers', () => {
  const outputs = () => ({logits: tf.tensor2d(golden.ZS), features: {}});
  const labels = () => tf.tensor1d(golden.y, 'int32');

  it('computes its loss from the filled distribution and what is named', () => {
    const {teacher, named} = filledTensors(topK(golden.ZT, 2), 4);
    for (const rest of modes) {
      const term = topKLabels({rest}).prepare({teacher: {}, student: {}}, 1);
      const value = numberOf(term.value({labels: labels(), logProbabilities: teacher, named, features: {}}, outputs()));
      expect(value).toBeCloseTo(loss(golden.ZT, golden.ZS, 2, {rest}), 6);
    }
  });

  it('takes a whole distribution for one that names every class', () => {
    const term = topKLabels({rest: 'zero', temperature: 4}).prepare({teacher: {}, student: {}}, 1);
    const value = term.value({labels: labels(), logProbabilities: tf.tensor2d(golden.ZT), features: {}}, outputs());
    expect(numberOf(value)).toBeCloseTo(golden.values['KD T=4']!, 5);
  });

  it('weighs 1 and needs a single class', () => {
    expect(topKLabels()).toMatchObject({name: 'top-k-labels', weight: 1, temperature: 1, needs: {kind: 'top-k', k: 1}});
  });

  it('refuses a bucket at any temperature but 1, and says what to do', () => {
    expect(() => topKLabels({rest: 'bucket', temperature: 2})).toThrow("Use `rest: 'fill'`");
    expect(() => topKLabels({rest: 'bucket'})).not.toThrow();
    expect(() => topKLabels({temperature: -1})).toThrow('Expected `temperature`');
  });
});
