import '@tensorflow/tfjs-backend-cpu';
import {expect} from 'vitest';
import {tf} from '../../src/engine/tf.ts';

// The JavaScript backend would greet with advice.
tf.env().set('PROD', true);

type Computation = () => tf.Tensor | tf.Tensor[];

/** The values of a computation on an engine's backend, and on the plain JavaScript backend, which is slow and right. */
export async function onBoth(backend: string, compute: Computation): Promise<[actual: number[], expected: number[]]> {
  const expected = await on('cpu', compute);
  return [await on(backend, compute), expected];
}

/** The values of a computation on a backend, which is left running. */
export async function on(backend: string, compute: Computation): Promise<number[]> {
  await tf.setBackend(backend);
  return tf.tidy(() => [compute()].flat().flatMap(tensor => [...tensor.dataSync()]));
}

/** Expects the same values, to a tolerance relative to 1 + |value|. */
export function expectClose([actual, expected]: [number[], number[]], tolerance = 1e-4): void {
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) {
    expect(Math.abs(actual[index]! - value) / (1 + Math.abs(value)), `value ${index}`).toBeLessThan(tolerance);
  }
}

/** Normal noise, the same for the same seed on every backend. */
export function noise(shape: number[], seed: number): tf.Tensor {
  return tf.randomNormal(shape, 0, 1, 'float32', seed);
}

/**
 * Expects the gradient of a linear function: dy · f(z) = gradient · z for any z, whatever another backend says.
 *
 * @param at - the point at which the gradient is taken; z as well for functions that are linear only near it, such as
 * max pooling
 */
export function expectAdjoint(f: (x: tf.Tensor) => tf.Tensor, at: tf.Tensor, z: tf.Tensor): void {
  const output = f(z);
  const dy = noise(output.shape, 99);
  const gradient = tf.grad(x => tf.sum(tf.mul(dy, f(x))))(at);
  const [forward] = tf.sum(tf.mul(dy, output)).dataSync();
  const [backward] = tf.sum(tf.mul(gradient, z)).dataSync();
  expectClose([[backward!], [forward!]]);
}
