import {readFileSync} from 'node:fs';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {adam, type Optimizer, sgd} from '../../src/train/optimizer.ts';
import {clipByGlobalNorm} from '../../src/train/step.ts';

type Matrix = number[][];

const golden = JSON.parse(readFileSync(new URL('../fixtures/train/optimizers.json', import.meta.url), 'utf8')) as {
  start: Matrix;
  scale: Matrix;
  shift: Matrix;
  paths: Record<string, Matrix[]>;
  clipped: Record<string, unknown[]>;
};

beforeAll(startEngine);

const optimizers: Record<string, Optimizer> = {
  sgd: sgd({learningRate: 0.05, momentum: 0}),
  'sgd momentum': sgd({learningRate: 0.05}),
  'sgd nesterov decay': sgd({learningRate: 0.05, nesterov: true, weightDecay: 0.01}),
  adam: adam({learningRate: 0.1}),
  adamw: adam({learningRate: 0.1, beta1: 0.8, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.02}),
};

describe('optimizers', () => {
  it.each(Object.keys(golden.paths))('%s walks the same path as in PyTorch', name => {
    const optimizer = optimizers[name]!;
    const weight = tf.variable(tf.tensor2d(golden.start));
    const running = optimizer.start([weight]);
    for (const expected of golden.paths[name]!) {
      tf.tidy(() => {
        const slope = tf.add(tf.mul(tf.mul(tf.tensor2d(golden.scale), 2), weight), tf.tensor2d(golden.shift));
        running.apply([slope], tf.scalar(optimizer.learningRate));
      });
      for (const [index, value] of weight.dataSync().entries()) expect(value).toBeCloseTo(expected.flat()[index]!, 5);
    }
    running.dispose();
    weight.dispose();
  });

  it('keep nothing after they are disposed', () => {
    const before = tf.memory().numTensors;
    for (const optimizer of Object.values(optimizers)) {
      const weight = tf.tidy(() => tf.variable(tf.ones([3])));
      const running = optimizer.start([weight]);
      tf.tidy(() => running.apply([tf.ones([3])], tf.scalar(0.1)));
      running.dispose();
      weight.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuse a learning rate that is not above 0', () => {
    expect(() => adam({learningRate: 0})).toThrow('Expected `learningRate` to be above 0, got 0.');
    expect(() => sgd({learningRate: Number.NaN})).toThrow('`learningRate`');
  });
});

describe('clipByGlobalNorm', () => {
  it.each(Object.keys(golden.clipped))('gives the gradients of PyTorch for limit %s', limit => {
    const clipped = clipByGlobalNorm([tf.tensor1d([3, -4]), tf.tensor2d([[12]])], Number(limit));
    const values = clipped.flatMap(gradient => [...gradient.dataSync()]);
    const expected = (golden.clipped[limit] as number[][]).flat(2);
    for (const [index, value] of values.entries()) expect(value).toBeCloseTo(expected[index]!, 5);
  });
});
