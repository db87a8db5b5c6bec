import {readFileSync} from 'node:fs';
import {expect} from 'vitest';
import {tf} from '../../src/engine/tf.ts';

/** Reference values, see `test/fixtures/losses/README.md`. */
export interface Golden {
  readonly ZS: number[][];
  readonly ZT: number[][];
  readonly y: number[];
  readonly values: Readonly<Record<string, number>>;
}

export const golden: Golden & {readonly gradient: readonly number[]} = readGolden();

function readGolden(): Golden & {gradient: number[]} {
  const file: Golden = JSON.parse(readFileSync('test/fixtures/losses/golden.json', 'utf8'));
  return {...file, gradient: (file.values['grad KD T=4 dZS'] as unknown as number[][]).flat()};
}

/** The value of a scalar tensor, which it disposes. */
export function numberOf(scalar: tf.Scalar): number {
  const [value] = scalar.dataSync();
  scalar.dispose();
  return value!;
}

/**
 * Checks the engine's gradient of a loss by central differences. With 32-bit floats a step of 0.01 keeps both the error of
 * the differences and that of rounding below 1e-3.
 */
export function expectGradientByDifferences(loss: (x: tf.Tensor) => tf.Scalar, x: tf.Tensor, tolerance = 1e-3): void {
  const gradient = tf.tidy(() => tf.grad(loss)(x).dataSync());
  const values = x.dataSync();
  const step = 0.01;
  const at = (index: number, move: number): number =>
    tf.tidy(() => {
      const moved = Float32Array.from(values);
      moved[index]! += move;
      return loss(tf.tensor(moved, x.shape)).dataSync()[0]!;
    });
  expect(gradient.length).toBe(values.length);
  for (let index = 0; index < values.length; index++) {
    const expected = (at(index, step) - at(index, -step)) / (2 * step);
    expect(Math.abs(gradient[index]! - expected), `value ${index}`).toBeLessThan(tolerance);
  }
}
