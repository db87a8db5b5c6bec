import {describe, expect, it} from 'vitest';
import type {Attribute, Constant} from '../../../src/engine/compiled/binding.ts';
import {differenceOf, type Operation, type Recording, type Source} from '../../../src/engine/compiled/recording.ts';

const x: Source = {kind: 'input', index: 0, shape: [2], dtype: 'float32'};
const y: Source = {kind: 'input', index: 1, shape: [2], dtype: 'float32'};
const constant = (...values: number[]): Constant => ({
  kind: 'constant',
  shape: [values.length],
  dtype: 1,
  values: Float32Array.from(values),
});
const output = (operation: number, position = 0): Source => ({kind: 'output', operation, output: position});
const operation = (name: string, inputs: Source[], attributes: Record<string, Attribute> = {}): Operation => ({
  name,
  inputs,
  attributes,
  updates: 0,
});

function recording(operations: Operation[], result: Source = output(operations.length - 1)): Recording {
  return {operations, result, inputs: [], variables: new Set(), assignments: new Map()};
}

describe('differenceOf', () => {
  it('finds none between recordings of the same, whose constants are equal copies', () => {
    const make = () => recording([operation('Mul', [x, constant(1, Number.NaN)]), operation('Sub', [output(0), y])]);
    expect(differenceOf(make(), make())).toBeUndefined();
  });

  it.each<[Recording, Recording, string]>([
    [
      recording([operation('Neg', [x])]),
      recording([operation('Abs', [x])]),
      '`Abs` ran where `Neg` did the time before',
    ],
    [
      recording([operation('Mul', [x, constant(1, 2)])]),
      recording([operation('Mul', [x, constant(1, 3)])]),
      '`Mul` takes a constant that is another each time: a random number made in JavaScript, perhaps',
    ],
    [
      recording([operation('Mul', [x, constant(0)])]),
      recording([operation('Mul', [x, constant(-0)])]),
      '`Mul` takes a constant that is another each time: a random number made in JavaScript, perhaps',
    ],
    [
      recording([operation('Sub', [x, y])]),
      recording([operation('Sub', [y, x])]),
      'input 0 of `Sub` comes from elsewhere each time',
    ],
    [
      recording([operation('Sum', [x], {keep_dims: {kind: 'bool', value: true}})]),
      recording([operation('Sum', [x], {keep_dims: {kind: 'bool', value: false}})]),
      'an attribute of `Sum` is another each time',
    ],
    [recording([operation('Neg', [x])]), recording([]), '`Neg` did not run again'],
    [
      recording([operation('Unpack', [x])], output(0, 0)),
      recording([operation('Unpack', [x])], output(0, 1)),
      'what it gives or assigns comes from elsewhere each time',
    ],
  ])('says where they part', (first, second, difference) => {
    expect(differenceOf(first, second)).toBe(difference);
  });
});
