import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {adamUpdate, momentumUpdate} from '../../src/engine/updates.ts';

beforeAll(startEngine);

const [theta, slot, other, gradient] = [
  [1, -2, 0.5],
  [0.1, 0, -0.3],
  [0.04, 0, 0.2],
  [0.5, -1, 2],
];

/** Values of what an update gives, its tensors made and disposed. */
function after(update: () => tf.Tensor[]): number[][] {
  return tf.tidy(() => update().map(tensor => [...tensor.dataSync()]));
}

function expectClose(actual: number[][], expected: number[][]): void {
  expect(actual.length).toBe(expected.length);
  for (const [row, values] of expected.entries()) {
    for (const [index, value] of values.entries()) expect(actual[row]![index]).toBeCloseTo(value, 6);
  }
}

describe('momentumUpdate', () => {
  it.each([false, true])('moves by its formula, Nesterov %s', nesterov => {
    const next = slot.map((velocity, index) => 0.9 * velocity + gradient[index]!);
    const moved = theta.map((value, index) => {
      const direction = nesterov ? gradient[index]! + 0.9 * next[index]! : next[index]!;
      return value - 0.05 * direction;
    });
    const inputs = () => ({
      variable: tf.tensor1d(theta),
      velocity: tf.tensor1d(slot),
      gradient: tf.tensor1d(gradient),
      rate: tf.scalar(0.05),
    });
    expectClose(
      after(() => momentumUpdate(inputs(), {momentum: 0.9, nesterov})),
      [moved, next],
    );
  });
});

describe('adamUpdate', () => {
  it('moves by its formula, and leaves what it was given as it was', () => {
    const first = slot.map((m, index) => m + 0.1 * (gradient[index]! - m));
    const second = other.map((v, index) => v + 0.001 * (gradient[index]! ** 2 - v));
    const moved = theta.map((value, index) => value - (0.02 * first[index]!) / (Math.sqrt(second[index]!) + 1e-4));
    const variable = tf.variable(tf.tensor1d(theta));
    const rest = () => ({
      first: tf.tensor1d(slot),
      second: tf.tensor1d(other),
      gradient: tf.tensor1d(gradient),
      stepSize: tf.scalar(0.02),
      epsilon: tf.scalar(1e-4),
    });
    const before = tf.memory().numTensors;
    expectClose(
      after(() => adamUpdate({variable, ...rest()}, {beta1: 0.9, beta2: 0.999})),
      [moved, first, second],
    );
    expect([...variable.dataSync()]).toEqual(theta);
    expect(tf.memory().numTensors).toBe(before);
  });
});
