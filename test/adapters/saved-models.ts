import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect} from 'vitest';
import type {Feature, LogitsAnswer, Outcome, Query, TensorInput} from '../../src/teacher.ts';

export const savedModels: string = join(import.meta.dirname, '../fixtures/saved-model');
export const graphModels: string = join(import.meta.dirname, '../fixtures/graph-model');

/** TensorFlow's own answers, written by `make.py`. */
interface Expected {
  readonly inputs: readonly unknown[];
  readonly outputs: {readonly [name: string]: {readonly shape: readonly number[]; readonly values: readonly number[]}};
}

const all = JSON.parse(readFileSync(join(savedModels, 'expected.json'), 'utf8')) as Record<string, Expected>;

/** Queries with the inputs that TensorFlow was given. */
export function queriesOf(model: string, dtype: TensorInput['dtype'] = 'float32'): Query[] {
  return all[model]!.inputs.map(input => ({
    input:
      typeof input === 'string'
        ? {kind: 'text', text: input}
        : {kind: 'tensor', dtype, shape: shapeOf(input), data: array(dtype, [input].flat(9) as number[])},
  }));
}

/** TensorFlow's output for each input. */
export function expectedOf(model: string, output: string): readonly Feature[] {
  const {shape, values} = all[model]!.outputs[output]!;
  const [count = 1, ...rest] = shape;
  const width = values.length / count;
  return Array.from({length: count}, (_, row) => ({
    shape: rest,
    values: Float32Array.from(values.slice(row * width, (row + 1) * width)),
  }));
}

/** Each number within 1e-6 of the greatest, at least of 1. */
export function expectClose(actual: Float32Array, wanted: ArrayLike<number>): void {
  expect(actual.length).toBe(wanted.length);
  const scale = Math.max(1, ...Array.from(wanted, Math.abs));
  for (const [index, value] of actual.entries()) {
    expect(Math.abs(value - wanted[index]!), `${value} is ${wanted[index]}`).toBeLessThanOrEqual(1e-6 * scale);
  }
}

export function answersOf(outcomes: readonly Outcome<'white-box'>[]): LogitsAnswer[] {
  return outcomes.map(outcome => {
    if ('error' in outcome) throw outcome.error;
    return outcome.answer;
  });
}

/** A query whose values are all of one number. */
export function filled(dtype: TensorInput['dtype'], shape: readonly number[], value: number): Query {
  const size = shape.reduce((product, length) => product * length, 1);
  return {input: {kind: 'tensor', dtype, shape, data: array(dtype, new Array<number>(size).fill(value))}};
}

function array(dtype: TensorInput['dtype'], values: readonly number[]): TensorInput['data'] {
  return {uint8: Uint8Array, int32: Int32Array, float32: Float32Array}[dtype].from(values);
}

function shapeOf(value: unknown): number[] {
  return Array.isArray(value) ? [value.length, ...shapeOf(value[0])] : [];
}
