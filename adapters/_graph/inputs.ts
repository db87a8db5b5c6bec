import type {GraphTensor, GraphValues} from '../../src/engine/graphs/graph.ts';
import {wholeRange} from '../../src/engine/graphs/value-types.ts';
import {tf} from '../../src/engine/tf.ts';
import {shown} from '../../src/student/input-shape.ts';
import {type Preprocessing, preprocess} from '../../src/student/preprocessing.ts';
import type {Input, TensorInput} from '../../src/teacher.ts';

/** The input of a graph, and how raw inputs are converted to it. */
export interface GraphInput {
  readonly tensor: GraphTensor;
  readonly preprocessing: Preprocessing;
  /** Type of the raw inputs. Others are refused. Undefined if any type is accepted. */
  readonly dtype: TensorInput['dtype'] | undefined;
}

/** Inputs of one kind, type and shape, with their indices among the queries. */
export interface GraphBatch {
  readonly rows: readonly number[];
  readonly inputs: readonly Input[];
}

/** True if raw inputs are taken unchanged. */
export function isPlain({scale = 1, mean = 0, deviation = 1}: Preprocessing): boolean {
  return scale === 1 && mean === 0 && deviation === 1;
}

/** Returns the reason that the graph can't take an input, as a sentence; undefined if it can. */
export function misfitOf(input: Input, {tensor, preprocessing, dtype}: GraphInput): string | undefined {
  const wanted = tensor.shape?.slice(1);
  if (input.kind === 'text') {
    return tensor.dtype === 'string' ? undefined : `It takes ${tensor.dtype} ${shown(wanted ?? [null])}, got a text.`;
  }
  const {shape, data} = input;
  if (tensor.dtype === 'string') return `It takes a text, got a tensor of shape ${shown(shape)}.`;
  if (wanted !== undefined && !fits(shape, wanted)) {
    return `It takes inputs of shape ${shown(wanted)}, got ${shown(shape)}.`;
  }
  if (dtype !== undefined && input.dtype !== dtype) {
    return `It takes raw ${dtype} inputs, got ${input.dtype}. Its preprocessing is for those.`;
  }
  const size = shape.reduce((product, length) => product * length, 1);
  if (data.length !== size) return `An input of shape ${shown(shape)} holds ${size} values, got ${data.length}.`;
  return isPlain(preprocessing) ? lossIn(input, tensor.dtype) : undefined;
}

function fits(shape: readonly number[], wanted: readonly (number | null)[]): boolean {
  return shape.length === wanted.length && wanted.every((length, axis) => length === null || length === shape[axis]);
}

/** Finds a value that a whole-number type can't hold, because TensorFlow would silently truncate it. */
function lossIn({dtype, data}: TensorInput, wanted: string): string | undefined {
  const range = wholeRange(wanted);
  if (range === undefined || dtype === wanted) return undefined;
  const lost = data.find(value => !Number.isInteger(value) || value < range[0] || value > range[1]);
  return lost === undefined ? undefined : `It takes ${wanted}, which can't hold ${lost}.`;
}

/** Returns batches of inputs of the same form, each of at most `size`. */
export function batchesOf(queries: ReadonlyMap<number, Input>, size: number): GraphBatch[] {
  const alike = new Map<string, {rows: number[]; inputs: Input[]}[]>();
  for (const [row, input] of queries) {
    const key = input.kind === 'text' ? 'text' : `${input.dtype} ${input.shape}`;
    const batches = alike.get(key) ?? [];
    if ((batches.at(-1)?.rows.length ?? size) === size) batches.push({rows: [], inputs: []});
    batches.at(-1)!.rows.push(row);
    batches.at(-1)!.inputs.push(input);
    alike.set(key, batches);
  }
  return [...alike.values()].flat();
}

/** Returns the values that a graph is fed for inputs of the same form. */
export function valuesOf(inputs: readonly Input[], {tensor, preprocessing}: GraphInput): GraphValues {
  const [first] = inputs;
  if (first!.kind === 'text') {
    // All other dimensions of a tensor of texts have length 1.
    const shape = [inputs.length, ...(tensor.shape ?? [1]).slice(1).map(() => 1)];
    return {shape, data: inputs.map(input => (input as {readonly text: string}).text)};
  }
  const raw = stacked(inputs as readonly TensorInput[]);
  if (isPlain(preprocessing)) return raw;
  const {shape} = raw;
  const data = tf.tidy(() => {
    const values = tf.tensor(Float32Array.from(raw.data), [...shape], 'float32');
    return preprocess(values, preprocessing).dataSync<'float32'>();
  });
  return {shape, data};
}

function stacked(inputs: readonly TensorInput[]): {readonly shape: number[]; readonly data: TensorInput['data']} {
  const {shape, data} = inputs[0]!;
  const values = new (data.constructor as new (length: number) => TensorInput['data'])(inputs.length * data.length);
  for (const [row, input] of inputs.entries()) values.set(input.data, row * data.length);
  return {shape: [inputs.length, ...shape], data: values};
}
