import type {Outcome, Query, Teacher, TensorInput} from '../../../src/teacher.ts';

export interface TensorTeacher extends Teacher<'black-box'> {
  /** The values of every query so far. */
  readonly seen: number[][];
}

/** A black-box teacher of tensors. Undefined is what it can't answer. */
export function labelling(
  classes: readonly string[],
  label: (values: readonly number[]) => number | undefined,
  fields: Partial<Teacher<'black-box'>> = {},
): TensorTeacher {
  const seen: number[][] = [];
  return {
    name: 'a labeller',
    identity: {service: 'labeller'},
    access: 'black-box',
    classes,
    detail: {kind: 'label'},
    maxBatch: 1000,
    ...fields,
    seen,
    async ask(queries, {signal} = {}) {
      signal?.throwIfAborted();
      return queries.map(({input}): Outcome<'black-box'> => {
        const values = input.kind === 'tensor' ? [...input.data] : [];
        seen.push(values);
        const said = label(values);
        return said === undefined ? {error: new Error('It has no answer.')} : {answer: {kind: 'label', label: said}};
      });
    },
  };
}

export function tensor(...values: readonly number[]): TensorInput {
  return {kind: 'tensor', dtype: 'float32', shape: [values.length], data: Float32Array.from(values)};
}

export function bytes(...values: readonly number[]): TensorInput {
  return {kind: 'tensor', dtype: 'uint8', shape: [values.length], data: Uint8Array.from(values)};
}

export function asking(...inputs: readonly TensorInput[]): Query[] {
  return inputs.map(input => ({input}));
}
