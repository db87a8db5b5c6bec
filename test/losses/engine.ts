import {readFileSync} from 'node:fs';
import {expect} from 'vitest';
import {tf} from '../../src/engine/tf.ts';

/** Reference values, see `test/fixtures/losses/README.md`. */
export interface Golden {
  readonly ZS: number[][];
  readonly ZT: number[][];
  readonly y: number[];
  /** Features of the student and of the teacher. */
  readonly fs: number[][];
  readonly ft: number[][];
  readonly values: Readonly<Record<string, number>>;
}

export const golden: Golden & {readonly gradient: readonly number[]} = readGolden();

function readGolden(): Golden & {gradient: number[]} {
  const file: Golden = JSON.parse(readFileSync('test/fixtures/losses/golden.json', 'utf8'));
  return {...file, gradient: (file.values['grad KD T=4 dZS'] as unknown as number[][]).flat()};
}

/** What a second implementation, that meets the authors' values, gives. See `test/fixtures/losses/make-literature.py`. */
export interface Reference {
  readonly value: number;
  /** By the student. Of maps with channels first. */
  readonly gradient: readonly unknown[];
  readonly 'gradient by theta'?: number;
}

export const literature: Readonly<Record<string, Reference>> = JSON.parse(
  readFileSync('test/fixtures/losses/literature.json', 'utf8'),
);

/** All numbers of an array of arrays of any depth, in order. */
export function numbersOf(nested: readonly unknown[]): number[] {
  return nested.flatMap(part => (Array.isArray(part) ? numbersOf(part) : (part as number)));
}

/** Student logits, teacher logits and labels of all reference values. */
export const batch = (): {teacher: tf.Tensor2D; student: tf.Tensor2D; labels: tf.Tensor1D} => ({
  teacher: tf.tensor2d(golden.ZT),
  student: tf.tensor2d(golden.ZS),
  labels: tf.tensor1d(golden.y, 'int32'),
});

/** Features of a teacher with four values and of a student with three. */
export const features = (): {teacher: tf.Tensor2D; student: tf.Tensor2D} => ({
  teacher: tf.tensor2d(golden.ft),
  student: tf.tensor2d(golden.fs),
});

/** Checks value and gradient to 1e-5, or to as much of the value where that is above 1. */
export function expectReference(
  {value, gradient}: Reference,
  loss: (student: tf.Tensor) => tf.Scalar,
  student: tf.Tensor,
): void {
  const found = tf.tidy(() => {
    const {value, grad} = tf.valueAndGrad(loss)(student);
    return {value: value.dataSync()[0]!, gradient: grad.dataSync()};
  });
  const tolerance = 1e-5 * Math.max(1, Math.abs(value));
  expect(Math.abs(found.value - value), 'value').toBeLessThan(tolerance);
  const expected = numbersOf(gradient);
  expect(found.gradient.length).toBe(expected.length);
  for (const [index, slope] of expected.entries()) {
    expect(Math.abs(found.gradient[index]! - slope), `gradient ${index}`).toBeLessThan(tolerance);
  }
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
