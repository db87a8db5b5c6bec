import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {softLabelLoss} from '../../src/losses/soft-labels.ts';
import {floorOf, softProbabilityLoss} from '../../src/losses/soft-probabilities.ts';
import {expectGradientByDifferences, golden, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

describe('the loss of soft probabilities', () => {
  it.each([1, 4, 20])('is that of the logits behind the probabilities at T = %d', temperature => {
    const probabilities = tf.softmax(tf.tensor2d(golden.ZT));
    const loss = numberOf(softProbabilityLoss(probabilities, tf.tensor2d(golden.ZS), {temperature}));
    // T² multiplies the rounding of 32-bit floats too, which differs between engines.
    expect(loss / temperature ** 2).toBeCloseTo(golden.values[`KD T=${temperature}`]! / temperature ** 2, 6);
  });

  it('passes on the direction and T²', () => {
    const [probabilities, student] = [tf.softmax(tf.tensor2d(golden.ZT)), tf.tensor2d(golden.ZS)];
    const options = {direction: 'reverse', scaleByT2: false} as const;
    const expected = numberOf(softLabelLoss(tf.tensor2d(golden.ZT), student, options));
    expect(numberOf(softProbabilityLoss(probabilities, student, options))).toBeCloseTo(expected, 5);
  });

  it('takes a probability of 0 for the floor', () => {
    const student = tf.tensor2d([[0, 1, 2]]);
    const expected = numberOf(softLabelLoss(tf.log(tf.tensor2d([[0.6, 0.4, 0.0025]])), student));
    expect(numberOf(softProbabilityLoss(tf.tensor2d([[0.6, 0.4, 0]]), student, {decimals: 2}))).toBeCloseTo(
      expected,
      5,
    );
    expect(numberOf(softProbabilityLoss(tf.tensor2d([[0.6, 0.4, 0]]), student, {floor: 0.0025}))).toBeCloseTo(
      expected,
      5,
    );
  });

  it('recovers rounded distributions better with a quarter of the last decimal than with next to nothing', () => {
    // Rounded to two decimals, [.0044, .0004] both become 0; at T = 4 they are a good part of the softened mass.
    const truth = tf.tensor2d([[0.95, 0.0452, 0.0044, 0.0004]]);
    const rounded = tf.tensor2d([[0.95, 0.05, 0, 0]]);
    const student = tf.log(truth) as tf.Tensor2D;
    const withQuarter = numberOf(softProbabilityLoss(rounded, student, {decimals: 2}));
    const withNothing = numberOf(softProbabilityLoss(rounded, student, {floor: 1e-12}));
    expect(withQuarter).toBeLessThan(withNothing / 10);
  });

  it('has the gradient that differences show', () => {
    const probabilities = tf.softmax(tf.tensor2d(golden.ZT));
    const loss = (x: tf.Tensor) => softProbabilityLoss(probabilities, x as tf.Tensor2D, {decimals: 1});
    expectGradientByDifferences(loss, tf.tensor2d(golden.ZS));
  });
});

describe('the floor of probabilities', () => {
  it('is 1e-8, or a quarter of the last decimal, or what is asked for', () => {
    expect(floorOf({})).toBe(1e-8);
    expect(floorOf({decimals: 2})).toBeCloseTo(0.0025, 12);
    expect(floorOf({decimals: 2, floor: 0.004})).toBe(0.004);
  });
});
