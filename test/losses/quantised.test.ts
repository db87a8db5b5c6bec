import {beforeAll, describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {dkd} from '../../src/losses/dkd.ts';
import {quantised, restoreRounded} from '../../src/losses/quantised.ts';
import {softLabelLoss, softLabels} from '../../src/losses/soft-labels.ts';
import {softProbabilityLoss} from '../../src/losses/soft-probabilities.ts';
import {targetsOf, targetTensors} from '../../src/losses/targets.ts';
import {batch, golden, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

describe('rounded probabilities, restored', () => {
  it('have no class below a quarter of the last decimal, and the others as they are', () => {
    const rounded = tf.tensor2d([[0.9, 0.1, 1e-8]]);
    const restored = restoreRounded(tf.log(rounded) as tf.Tensor2D, 2).dataSync();
    for (const [index, expected] of [0.9, 0.1, 0.0025].entries()) {
      expect(Math.exp(restored[index]!)).toBeCloseTo(expected, 6);
    }
  });

  it('are the same for logits as for log-probabilities', () => {
    const logits = tf.tensor2d(golden.ZT);
    const [a, b] = [logits, tf.add(logits, 5) as tf.Tensor2D].map(rows => restoreRounded(rows, 1).dataSync());
    for (const [index, value] of a!.entries()) expect(value).toBeCloseTo(b![index]!, 5);
  });

  it('are closer to the truth at T = 4 than with half a decimal, and much closer than with next to nothing', () => {
    // 200 teachers of 10 classes with the spread of trained ones, rounded to two and to three decimals.
    const random = seededRandom(1, 'rounded');
    const logits = tf.tensor2d(
      Array.from({length: 200}, () => Array.from({length: 10}, () => 12 * randomFraction(random))),
    );
    const truth = tf.softmax(logits);
    for (const decimals of [2, 3]) {
      const scale = 10 ** decimals;
      const rounded = tf.div(tf.round(tf.mul(truth, scale)), scale) as tf.Tensor2D;
      const distance = (floor: number) =>
        numberOf(softProbabilityLoss(rounded, logits, {floor, temperature: 4, scaleByT2: false, direction: 'reverse'}));
      const restored = restoreRounded(tf.log(tf.maximum(rounded, 1e-8)) as tf.Tensor2D, decimals);
      const found = numberOf(softLabelLoss(restored, logits, {temperature: 4, scaleByT2: false, direction: 'reverse'}));
      expect(found).toBeLessThan(distance(1 / scale / 2));
      expect(found).toBeLessThan(distance(1e-12) / 10);
    }
  });
});

describe('a term of a rounded teacher', () => {
  it('learns from a quarter of the last decimal what answers show as 0', () => {
    const answers = {
      kind: 'log-probabilities' as const,
      count: 1,
      logProbabilities: Float32Array.of(Math.log(0.6), Math.log(0.4), Number.NEGATIVE_INFINITY),
    };
    const targets = targetTensors(targetsOf(answers, 3));
    const student = tf.tensor2d([[0, 1, 2]]);
    const {value} = quantised(softLabels(), {decimals: 2}).prepare({teacher: {}, student: {}}, 1);
    const expected = softProbabilityLoss(tf.tensor2d([[0.6, 0.4, 0]]), student, {decimals: 2});
    const found = value(targets, {logits: student, features: {}});
    expect(numberOf(found)).toBeCloseTo(numberOf(expected), 4);
  });

  it('is that of any loss of logits, and changes nothing where nothing was rounded away', () => {
    const {teacher, student, labels} = batch();
    for (const term of [softLabels(), dkd()]) {
      const plain = numberOf(term.compare({teacher, student, labels}, 4));
      expect(numberOf(quantised(term, {decimals: 4}).compare({teacher, student, labels}, 4))).toBeCloseTo(plain, 4);
      expect(
        Math.abs(numberOf(quantised(term, {decimals: 1}).compare({teacher, student, labels}, 4)) - plain),
      ).toBeGreaterThan(1e-3);
    }
  });

  it('keeps weight, temperature and needs of its term and tells it in its name', () => {
    const term = quantised(softLabels({weight: 2, temperature: 3}), {decimals: 2});
    const needs = {kind: 'log-probabilities'};
    expect(term).toMatchObject({name: 'quantised soft-labels', weight: 2, temperature: 3, needs});
  });

  it.each([0, 8, 1.5, Number.NaN])('refuses %d decimals', decimals => {
    expect(() => quantised(softLabels(), {decimals})).toThrow(
      `Expected \`decimals\` to be a whole number from 1 to 7, got ${decimals}.`,
    );
  });
});
