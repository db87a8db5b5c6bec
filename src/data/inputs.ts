import {InputError} from '../errors.ts';
import type {EncodedImage, Fields, ImageInput, Input, RecordInput, TensorInput, TextInput} from '../teacher.ts';

/** Many inputs of one kind, stored together: tensors as one block of memory, all others as a list. */
export type Inputs = ImageInputs | RecordInputs | TensorInputs | TextInputs;

export interface TensorInputs {
  readonly kind: 'tensor';
  readonly dtype: TensorInput['dtype'];
  /** Shape of one example. */
  readonly shape: readonly number[];
  readonly count: number;
  /** `count` examples, row-major, one after the other. */
  readonly data: Uint8Array | Int32Array | Float32Array;
}

export interface TextInputs {
  readonly kind: 'text';
  readonly count: number;
  readonly texts: readonly string[];
}

export interface ImageInputs {
  readonly kind: 'image';
  readonly count: number;
  readonly images: readonly EncodedImage[];
}

export interface RecordInputs {
  readonly kind: 'record';
  readonly count: number;
  readonly records: readonly Fields[];
}

/** Number of values in a tensor of this shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** One input. It shares memory with its block. */
export function inputAt(inputs: Inputs, index: number): Input {
  if (index < 0 || index >= inputs.count) {
    throw new InputError(`There is no input ${index}: the set holds ${inputs.count}.`);
  }
  switch (inputs.kind) {
    case 'text':
      return {kind: 'text', text: inputs.texts[index]!};
    case 'image':
      return {kind: 'image', ...inputs.images[index]!};
    case 'record':
      return {kind: 'record', fields: inputs.records[index]!};
    case 'tensor': {
      const size = sizeOf(inputs.shape);
      const {kind, dtype, shape, data} = inputs;
      return {kind, dtype, shape, data: data.subarray(index * size, (index + 1) * size)};
    }
  }
}

/** Stores several inputs of one kind together. Tensors must be of one type and shape. */
export function stacked(inputs: readonly Input[]): Inputs {
  const count = inputs.length;
  const [first] = inputs as readonly [Input];
  switch (first.kind) {
    case 'text':
      return {kind: 'text', count, texts: (inputs as readonly TextInput[]).map(({text}) => text)};
    case 'image':
      return {kind: 'image', count, images: inputs as readonly ImageInput[]};
    case 'record':
      return {kind: 'record', count, records: (inputs as readonly RecordInput[]).map(({fields}) => fields)};
    case 'tensor': {
      const {dtype, shape, data} = first;
      const block = new (data.constructor as new (length: number) => TensorInput['data'])(count * data.length);
      for (const [row, input] of inputs.entries()) block.set((input as TensorInput).data, row * data.length);
      return {kind: 'tensor', dtype, shape, count, data: block};
    }
  }
}

/** Copies the named rows, in that order, into a block of their own. */
export function selectInputs(inputs: Inputs, indices: ArrayLike<number>): Inputs {
  const count = indices.length;
  switch (inputs.kind) {
    case 'text':
      return {kind: 'text', count, texts: Array.from(indices, index => inputs.texts[index]!)};
    case 'image':
      return {kind: 'image', count, images: Array.from(indices, index => inputs.images[index]!)};
    case 'record':
      return {kind: 'record', count, records: Array.from(indices, index => inputs.records[index]!)};
    case 'tensor':
      return selectTensors(inputs, indices);
  }
}

/** Copies the named rows of tensors, as `selectInputs` does. */
export function selectTensors(inputs: TensorInputs, indices: ArrayLike<number>): TensorInputs {
  return {...inputs, count: indices.length, data: selectRows(inputs.data, sizeOf(inputs.shape), indices)};
}

/** Inputs of one kind, and others of the same kind after them. Tensors must be of one type and shape. */
export function concatenatedInputs(one: Inputs, other: Inputs): Inputs {
  const all = [one, other].flatMap(inputs => Array.from({length: inputs.count}, (_, row) => inputAt(inputs, row)));
  return all.length === 0 ? one : stacked(all);
}

/** Copies rows of `size` values each out of a row-major block. */
export function selectRows<T extends Uint8Array | Int32Array | Uint32Array | Float32Array>(
  data: T,
  size: number,
  indices: ArrayLike<number>,
): T {
  const rows = new (data.constructor as new (length: number) => T)(indices.length * size);
  for (let row = 0; row < indices.length; row++) {
    const start = indices[row]! * size;
    rows.set(data.subarray(start, start + size), row * size);
  }
  return rows;
}
