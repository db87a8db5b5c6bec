import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import type {Answers} from '../../src/knowledge/answers.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {selectTargets, targetsOf, targetTensors} from '../../src/losses/targets.ts';
import {topKLabels} from '../../src/losses/top-k.ts';
import {numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

const {NEGATIVE_INFINITY: NEVER, NaN: nothing} = Number;

function logProbabilities(...rows: number[][]): Answers {
  return {kind: 'log-probabilities', count: rows.length, logProbabilities: Float32Array.from(rows.flat())};
}

describe('targets', () => {
  it('of labels are the labels', () => {
    const labels = Int32Array.of(2, 0);
    expect(targetsOf({kind: 'label', count: 2, labels}, 3)).toEqual({classes: 3, labels, features: {}});
  });

  it('of votes are the most voted class, the lowest on ties, and smoothed log-probabilities', () => {
    const targets = targetsOf({kind: 'votes', count: 2, counts: Uint32Array.of(7, 2, 1, 0, 0, 3, 0, 3)}, 4);
    expect([...targets.labels]).toEqual([0, 1]);
    expect(Math.exp(targets.logProbabilities![0]!)).toBeCloseTo(0.625, 6);
    expect(targets.named).toBeUndefined();
  });

  it('of top-k answers are the first class, the filled distribution, and what was named', () => {
    const targets = targetsOf(
      {
        kind: 'top-k',
        count: 2,
        k: 2,
        classes: Int32Array.of(3, 0, 1, 2),
        logProbabilities: Float32Array.from([0.6, 0.2, 0.5, 0.3].map(Math.log)),
        rest: Float32Array.of(0.2, 0.2),
      },
      4,
    );
    expect([...targets.labels]).toEqual([3, 1]);
    const probabilities = Array.from(targets.logProbabilities!, Math.exp);
    for (const [index, expected] of [0.2, 0.1, 0.1, 0.6, 0.1, 0.5, 0.3, 0.1].entries()) {
      expect(probabilities[index]).toBeCloseTo(expected, 6);
    }
    expect([...targets.named!]).toEqual([1, 0, 0, 1, 0, 1, 1, 0]);
  });

  it('of logits are the best class, the logits themselves, and the features', () => {
    const logits = Float32Array.of(1, 3, 2, 5, 5, 0);
    const features = {fc: {shape: [2], values: Float32Array.of(1, 2, 3, 4)}};
    const targets = targetsOf({kind: 'logits', count: 2, logits, features}, 3);
    expect([...targets.labels]).toEqual([1, 0]);
    expect(targets.logProbabilities).toBe(logits);
    expect(targets.features).toBe(features);
  });

  it('have a floor where a probability was 0, and leave the others and the answers alone', () => {
    const answers = logProbabilities([Math.log(0.75), Math.log(0.25), NEVER], [-1, -2, -3]);
    const {logProbabilities: floored} = targetsOf(answers, 3);
    expect(floored![0]).toBeCloseTo(Math.log(0.75), 6);
    expect(floored![2]).toBeCloseTo(Math.log(1e-8), 4);
    expect([...floored!.subarray(3)]).toEqual([-1, -2, -3]);
    expect(answers).toMatchObject({
      logProbabilities: Float32Array.of(Math.log(0.75), Math.log(0.25), NEVER, -1, -2, -3),
    });
    const rounded = targetsOf(answers, 3, {decimals: 2});
    expect(rounded.logProbabilities![2]).toBeCloseTo(Math.log(0.0025), 5);
  });

  it('never put a class of probability 0 above one that was given some', () => {
    const {logProbabilities: floored} = targetsOf(logProbabilities([0, -40, NEVER]), 3);
    expect([...floored!]).toEqual([0, -40, -40]);
  });

  it('measure the floor of masked logits from their sum', () => {
    const answers: Answers = {kind: 'logits', count: 1, logits: Float32Array.of(100, NEVER), features: {}};
    expect(targetsOf(answers, 2).logProbabilities![1]).toBeCloseTo(100 + Math.log(1e-8), 4);
  });

  it.each([[[0, nothing]], [[NEVER, NEVER]], [[Number.POSITIVE_INFINITY, 0]]])(
    'refuse %j, which is not a distribution, and name the answer',
    row => {
      expect(() => targetsOf(logProbabilities([0, -1], row), 2)).toThrow('Answer 1 is not a distribution');
    },
  );

  it('give every loss a finite value and gradient where a probability is 0', () => {
    const targets = targetTensors(targetsOf(logProbabilities([0, NEVER, NEVER]), 3));
    for (const term of [
      softLabels({temperature: 1}),
      softLabels({temperature: 20}),
      softLabels({direction: 'reverse'}),
      topKLabels({rest: 'zero'}),
    ]) {
      const {value} = term.prepare({teacher: {}, student: {}}, 1);
      const logits = tf.tensor2d([[-30, 0, 30]]);
      const loss = (x: tf.Tensor) => value(targets, {logits: x as tf.Tensor2D, features: {}});
      expect(numberOf(loss(logits))).toBeGreaterThan(0);
      expect(tf.grad(loss)(logits).dataSync().every(Number.isFinite)).toBe(true);
    }
  });
});

describe('a batch of targets', () => {
  it('holds the rows asked for, in that order', () => {
    const targets = {
      classes: 2,
      labels: Int32Array.of(0, 1, 1),
      logProbabilities: Float32Array.of(0, 1, 2, 3, 4, 5),
      named: Float32Array.of(1, 0, 0, 1, 1, 1),
      features: {conv: {shape: [1, 2, 1], values: Float32Array.of(10, 11, 20, 21, 30, 31)}},
    };
    const batch = targetTensors(selectTargets(targets, [2, 0]));
    expect(batch.labels.dtype).toBe('int32');
    expect(batch.labels.arraySync()).toEqual([1, 0]);
    expect(batch.logProbabilities!.arraySync()).toEqual([
      [4, 5],
      [0, 1],
    ]);
    expect(batch.named!.arraySync()).toEqual([
      [1, 1],
      [1, 0],
    ]);
    expect(batch.features['conv']!.shape).toEqual([2, 1, 2, 1]);
    expect(Array.from(batch.features['conv']!.dataSync())).toEqual([30, 31, 10, 11]);
  });

  it('has only what the targets have', () => {
    const targets = targetsOf({kind: 'label', count: 2, labels: Int32Array.of(1, 0)}, 2);
    const batch = targetTensors(selectTargets(targets, [1]));
    expect(Object.keys(batch)).toEqual(['labels', 'features']);
  });
});
