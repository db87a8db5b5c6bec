import {closest} from 'fastest-levenshtein';
import {
  type Graph,
  type GraphTensor,
  type GraphValues,
  isValueType,
  wholeRange,
} from '../../src/engine/graphs/graph.ts';
import {tf} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import {kindProblem} from '../../src/input-kinds.ts';
import {shown} from '../../src/student/input-shape.ts';
import {type Preprocessing, preprocess} from '../../src/student/preprocessing.ts';
import type {Input, TensorInput} from '../../src/teacher.ts';
import {type Head, type QuestionOutputs, type ScoreKind, widthProblem} from '../_answers/heads.ts';

/** Finds the output if only its kind is given, for a graph that has one output. */
export function namedOutput({outputs}: Graph, output: QuestionOutputs | ScoreKind, owner: string): QuestionOutputs {
  if (typeof output === 'object') return output;
  const [only, ...others] = outputs;
  if (only === undefined || others.length > 0) {
    throw new InputError(
      `${owner} has ${outputs.length} outputs. Name the one to learn from, for example \`output: {${output}: '${only?.name ?? 'name'}'}\`. It has: ${namesOf(outputs)}.`,
    );
  }
  return output === 'logits' ? {logits: only.name} : {probabilities: only.name};
}

/**
 * Returns the input of a graph that has exactly one.
 *
 * @throws InputError if there is not exactly one, or it can't be fed this way
 */
export function inputOf(
  {inputs}: Graph,
  {
    preprocessing = {},
    dtype,
  }: {readonly preprocessing?: Preprocessing | undefined; readonly dtype?: GraphInput['dtype']},
  owner: string,
): GraphInput {
  const [tensor, ...others] = inputs;
  if (tensor === undefined || others.length > 0) {
    throw new InputError(
      `${owner} takes ${inputs.length} inputs: ${inputs.map(described).join(', ')}. A query holds one; save it with a signature that takes one.`,
    );
  }
  if (!isValueType(tensor.dtype)) {
    throw new InputError(`${owner} takes ${described(tensor)}, of a type that can't be fed. Save it with another one.`);
  }
  if (tensor.shape?.length === 0) {
    throw new InputError(`${owner} takes ${described(tensor)}, without a batch dimension. Save it with one.`);
  }
  if (tensor.dtype === 'string' && tensor.shape?.slice(1).some(length => length !== null && length !== 1)) {
    throw new InputError(`${owner} takes ${described(tensor)}: several texts, but a query holds one.`);
  }
  const isFloat = tensor.dtype !== 'string' && wholeRange(tensor.dtype) === undefined;
  if (!isFloat && !isPlain(preprocessing)) {
    throw new InputError(
      `${owner} takes ${described(tensor)}, to which \`preprocessing\` can't be applied. Leave it out.`,
    );
  }
  return {tensor, preprocessing, dtype};
}

/** @throws InputError if an output can't hold the numbers of a part */
export function checkScores(graph: Graph, head: Head, owner: string): void {
  const {shape} = checkNumbers(graph, head.output, owner);
  const problem = shape && shapeProblem(head, shape);
  if (problem !== undefined) throw new InputError(`Output \`${head.output}\` of ${owner} ${problem}. ${ONE_EACH}`);
}

/** Returns the problem with the shape of an output, whose batch comes first, as a clause. */
export function shapeProblem(head: Head, shape: readonly (number | null)[]): string | undefined {
  const [, width = 1] = shape;
  if (shape.length === 0 || shape.length > 2) return `gives ${shown(shape.slice(1))} for each input`;
  return width === null ? undefined : widthProblem(head, width);
}

/** The advice if an output has another width. */
export const ONE_EACH = 'Name one that gives one number per class.';

/**
 * Returns the features that can be asked for: the named ones or, if none are named, all outputs but those of the
 * scores.
 *
 * @throws InputError if one does not exist or has no row per input
 */
export function featuresOf(
  graph: Graph,
  scores: readonly Head[],
  {tensor}: GraphInput,
  named: readonly string[] | undefined,
  owner: string,
): string[] {
  if (named === undefined) {
    const others = graph.outputs.filter(({name}) => scores.every(({output}) => output !== name));
    return others.filter(output => givesNumbers(output) && hasRows(output, tensor)).map(nameOf);
  }
  for (const name of named) {
    const found = checkNumbers(graph, name, owner);
    if (hasRows(found, tensor)) continue;
    throw new InputError(`${described(found)} of ${owner} can't be a feature: it has no part for each input.`);
  }
  return [...named];
}

/** Returns true unless its known shape says otherwise. */
function hasRows({shape}: GraphTensor, input: GraphTensor): boolean {
  if (shape === undefined) return true;
  const [count] = shape;
  return count === null || (count !== undefined && count === (input.shape?.[0] ?? undefined));
}

function checkNumbers(graph: Graph, name: string, owner: string): GraphTensor {
  const found = graph.find(name);
  if (found === undefined) {
    throw new InputError(
      `${owner} has no output \`${name}\`. Did you mean \`${closest(name, graph.names)}\`? It has: ${graph.outputs.map(described).join(', ')}.`,
    );
  }
  if (!givesNumbers(found)) {
    throw new InputError(`Output \`${name}\` of ${owner} gives ${found.dtype}, not numbers. Name another one.`);
  }
  return found;
}

const givesNumbers = ({dtype}: GraphTensor): boolean => dtype !== 'string' && isValueType(dtype);
const nameOf = ({name}: GraphTensor): string => name;
const namesOf = (tensors: readonly GraphTensor[]): string => tensors.map(nameOf).join(', ');
const described = ({name, dtype, shape}: GraphTensor): string =>
  `\`${name}\` (${dtype}${shape === undefined ? '' : ` ${shown(shape)}`})`;

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
function isPlain({scale = 1, mean = 0, deviation = 1}: Preprocessing): boolean {
  return scale === 1 && mean === 0 && deviation === 1;
}

/** Returns the reason that the graph can't take an input, as a sentence; undefined if it can. */
export function misfitOf(input: Input, {tensor, preprocessing, dtype}: GraphInput): string | undefined {
  const wanted = tensor.shape?.slice(1);
  if (input.kind === 'text') {
    return tensor.dtype === 'string' ? undefined : `It takes ${tensor.dtype} ${shown(wanted ?? [null])}, got a text.`;
  }
  if (input.kind !== 'tensor') return kindProblem([tensor.dtype === 'string' ? 'text' : 'tensor'], input);
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
    const key = input.kind === 'tensor' ? `${input.dtype} ${input.shape}` : input.kind;
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
