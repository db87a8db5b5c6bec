import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'vitest';
import type {LogitsAnswer, Outcome, Query} from '../../src/teacher.ts';

const folder = join(import.meta.dirname, '../fixtures/onnx');

export function modelPath(name: string): string {
  return join(folder, `${name}.onnx`);
}

type Table = readonly (readonly number[])[];

interface Expected {
  readonly iris: {readonly inputs: Table; readonly probabilities: Table};
  readonly forest: {readonly inputs: Table; readonly probabilities: Table};
  readonly digits: {
    readonly pixels: Table;
    readonly probabilities: Table;
    readonly logits: Table;
    readonly hidden: readonly Table[];
  };
  readonly texts: {readonly texts: readonly string[]; readonly probabilities: Table};
  /** `rectified` is [image, 2, 3, 2]. */
  readonly convolution: {
    readonly images: Table;
    readonly rectified: readonly (readonly Table[])[];
    readonly logits: Table;
  };
  readonly half: {readonly inputs: Table; readonly logits: Table};
  readonly double: {readonly inputs: Table; readonly logits: Table};
  readonly lookup: {readonly table: Table};
  /** Of the rows of `iris`. */
  readonly tags: {readonly probabilities: Table; readonly logits: Table};
  /** Of the rows of `iris`: logits, and the hidden layer. */
  readonly heads: {readonly species: Table; readonly size: Table; readonly rare: Table; readonly body: Table};
  readonly external: {readonly inputs: Table; readonly probabilities: Table; readonly logits: Table};
}

/** The answers of scikit-learn, NumPy and SciPy, written by `test/fixtures/onnx/make.py`. */
export const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected;

export function floats(rows: Table, shape?: readonly number[]): Query[] {
  return rows.map(row => ({
    input: {kind: 'tensor', dtype: 'float32', shape: shape ?? [row.length], data: Float32Array.from(row)},
  }));
}

export function bytes(rows: Table, shape: readonly number[]): Query[] {
  return rows.map(row => ({input: {kind: 'tensor', dtype: 'uint8', shape, data: Uint8Array.from(row)}}));
}

export function answers(outcomes: readonly Outcome<'white-box'>[]): LogitsAnswer[] {
  return outcomes.map(outcome => {
    if ('error' in outcome) throw outcome.error;
    return outcome.answer;
  });
}

export function messages(outcomes: readonly Outcome<'white-box'>[]): (string | undefined)[] {
  return outcomes.map(outcome => ('error' in outcome ? outcome.error.message : undefined));
}

export function softmax(logits: Float32Array): number[] {
  const greatest = Math.max(...logits);
  const powers = Array.from(logits, logit => Math.exp(logit - greatest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map(power => power / sum);
}

/** Every number within `tolerance`, relative to those above 1. */
export function expectClose(actual: ArrayLike<number>, wanted: readonly number[], tolerance: number): void {
  expect(actual).toHaveLength(wanted.length);
  for (const [index, value] of wanted.entries()) {
    const difference = Math.abs(actual[index]! - value) / Math.max(1, Math.abs(value));
    expect(difference, `${index}: ${actual[index]} for ${value}`).toBeLessThanOrEqual(tolerance);
  }
}
