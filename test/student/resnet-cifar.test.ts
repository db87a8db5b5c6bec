import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import {featureShapes, outputsOf} from '../../src/student/forward.ts';
import {resnetCifar} from '../../src/student/resnet-cifar.ts';
import type {Student} from '../../src/student/student.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {imageTask, parameters} from './examples.ts';

beforeAll(startEngine);

const task = imageTask([32, 32, 3]);

/** By hand from table 6 and section 4.2 of the paper, for n blocks a stage; batch norm trains two numbers a channel. */
function weightsByHand(n: number): number {
  const first = 9 * 3 * 16 + 2 * 16;
  const stage = (before: number, width: number) =>
    9 * before * width + (2 * n - 1) * 9 * width * width + 2 * n * 2 * width;
  return first + stage(16, 16) + stage(16, 32) + stage(32, 64) + (64 * 10 + 10);
}

describe('resnetCifar', () => {
  it.each([
    [20, 3, 269_722],
    [32, 5, 464_154],
    [44, 7, 658_586],
    [56, 9, 853_018],
    [110, 18, 1_727_962],
  ] as const)('of depth %i trains as many weights as the paper tells', (depth, n, weights) => {
    const student = resnetCifar({depth})(task, 1);
    expect(parameters(student).trained).toBe(weights);
    expect(weights).toBe(weightsByHand(n));
    // Batch norm also keeps a mean and a variance a channel, which are not trained.
    const channels = 16 + 2 * n * (16 + 32 + 64);
    expect(parameters(student).all).toBe(weights + 2 * channels);
    student.model.dispose();
  });

  it('has as many layers with weights as its depth says', () => {
    const {model} = resnetCifar({depth: 20})(task, 1);
    const kernels = model.weights.filter(({originalName}) => originalName.endsWith('/kernel'));
    expect(kernels).toHaveLength(20);
    expect(model.weights.filter(({originalName}) => originalName.endsWith('/bias'))).toHaveLength(1);
    model.dispose();
  });

  it('grows by 1 x 1 convolutions with option B', () => {
    const student = resnetCifar({depth: 20, shortcut: 'B'})(task, 1);
    expect(parameters(student).trained).toBe(269_722 + (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64));
    student.model.dispose();
  });

  it('halves the image and doubles the channels from stage to stage', () => {
    const student = resnetCifar({depth: 20})(task, 1);
    const names = ['relu_1', 'stage1_block3_relu_2', 'stage2_block1_relu_2', 'stage3_block3_relu_2', 'pool', 'logits'];
    expect(Object.values(featureShapes(student, names))).toEqual([
      [32, 32, 16],
      [32, 32, 16],
      [16, 16, 32],
      [8, 8, 64],
      [64],
      [10],
    ]);
    student.model.dispose();
  });

  it('of option A takes every other pixel and adds channels of zeros, forward and backward', () => {
    const student = resnetCifar({depth: 20})(imageTask([8, 8, 3]), 1);
    const {model} = student;
    const shortcut = (value: tf.Tensor) =>
      model
        .getLayer('stage2_block1_pad_channels')
        .call(model.getLayer('stage2_block1_subsample').call(value, {}), {}) as tf.Tensor;
    const value = tf.randomNormal([2, 8, 8, 16], 0, 1, 'float32', 3);
    const byHand = (input: tf.Tensor) =>
      tf.pad(tf.stridedSlice(input, [0, 0, 0, 0], [2, 8, 8, 16], [1, 2, 2, 1]), [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, 16],
      ]);
    expect(shortcut(value).shape).toEqual([2, 4, 4, 32]);
    expect(shortcut(value).dataSync()).toEqual(byHand(value).dataSync());

    const upstream = tf.randomNormal([2, 4, 4, 32], 0, 1, 'float32', 4);
    const gradient = tf.grad(input => tf.sum(tf.mul(shortcut(input), upstream)))(value);
    const kept = tf.slice(upstream, [0, 0, 0, 0], [2, 4, 4, 16]);
    expect(tf.stridedSlice(gradient, [0, 0, 0, 0], [2, 8, 8, 16], [1, 2, 2, 1]).dataSync()).toEqual(kept.dataSync());
    expect(tf.sum(tf.abs(gradient)).dataSync()[0]).toBeCloseTo(tf.sum(tf.abs(kept)).dataSync()[0]!, 2);
    model.dispose();
  });

  it('moves the statistics of batch norm a tenth of the way in training, not at all elsewhere', () => {
    const student = resnetCifar({depth: 20})(imageTask([8, 8, 3]), 1);
    const forward = outputsOf(student, ['conv_1']);
    const input = tf.randomNormal([4, 8, 8, 3], 2, 1, 'float32', 5);
    const before = movingMean(student);
    forward(input, {training: false});
    expect(movingMean(student)).toEqual(before);
    const {features} = forward(input, {training: true});
    const batchMean = tf.mean(features['conv_1']!, [0, 1, 2]).dataSync();
    for (const [channel, mean] of movingMean(student).entries()) expect(mean).toBeCloseTo(0.1 * batchMean[channel]!, 5);
    student.model.dispose();
  });

  it('starts from the same bits at the same seed', () => {
    const hash = (seed: number) => weightsHash(resnetCifar({depth: 20})(imageTask([8, 8, 3]), seed));
    const first = hash(1);
    expect(hash(1)).toBe(first);
    expect(hash(2)).not.toBe(first);
  });

  it('gets a gradient to every trained weight', () => {
    const student = resnetCifar({depth: 20, shortcut: 'B'})(imageTask([8, 8, 3]), 1);
    const forward = outputsOf(student, []);
    const input = tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', 6);
    const weights = student.model.trainableWeights.map(weight => weight.read() as tf.Variable);
    const {grads} = tf.variableGrads(
      () => tf.sum(tf.square(forward(input, {training: true}).logits)) as tf.Scalar,
      weights,
    );
    for (const [name, gradient] of Object.entries(grads)) {
      expect(tf.sum(tf.abs(gradient)).dataSync()[0], name).toBeGreaterThan(0);
    }
    expect(Object.keys(grads)).toHaveLength(weights.length);
    student.model.dispose();
  });

  it('refuses other depths and inputs that are no images', () => {
    expect(() => resnetCifar({depth: 21 as 20})).toThrow('Expected `depth` to be 20, 32, 44, 56 or 110, got 21.');
    expect(() => resnetCifar({depth: 20})(imageTask([784]), 1)).toThrow(InputError);
  });
});

function movingMean({model}: Student): number[] {
  const weight = model.weights.find(({originalName}) => originalName === 'bn_1/moving_mean')!;
  return [...weight.read().dataSync<'float32'>()];
}
