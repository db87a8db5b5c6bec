import {setImmediate} from 'node:timers/promises';
import {rawTensor} from '../data/batch.ts';
import {type Inputs, sizeOf, type TensorInputs} from '../data/inputs.ts';
import {identityOfReading} from '../data/text-reading.ts';
import {TeacherError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {Feature, Input, LogitsAnswer, Outcome, Query, Teacher, TensorInput, TextInput} from '../teacher.ts';
import {featureNames, featureShapes} from './forward.ts';
import {type Inference, type InferenceOptions, inferenceOf} from './inference.ts';
import {misfitOf} from './input-shape.ts';
import {readInputs} from './read-inputs.ts';
import type {Student} from './student.ts';
import {architectureHash, weightsHash} from './weights-hash.ts';

export interface AsTeacherOptions extends InferenceOptions {
  /** @default `tfjs` followed by the name of the model */
  readonly name?: string | undefined;
  /**
   * The most queries in one call of `ask`.
   *
   * @default 256
   */
  readonly maxBatch?: number | undefined;
}

const KINDS = {
  name: kinds.text,
  maxBatch: kinds.number,
  compile: kinds.flag,
  onFallback: kinds.call,
} satisfies Shape<AsTeacherOptions>;

/**
 * Presents a student, or any local model, as a white-box teacher. Each layer can be requested as a feature, by its
 * name. Its identity is that of the current weights, so don't train it further.
 */
export function asTeacher(student: Student, options: AsTeacherOptions = {}): Teacher<'white-box'> {
  checkOptions('asTeacher', options, KINDS);
  const {name = `tfjs ${student.model.name}`, maxBatch = 256} = options;
  const views = new Map<string, View>();
  const viewOf = (layers: readonly string[]): View => {
    const key = JSON.stringify(layers);
    const view = views.get(key) ?? viewThrough(student, layers, options);
    views.set(key, view);
    return view;
  };
  return {
    name,
    identity: identityOf(student),
    access: 'white-box',
    classes: student.classes,
    detail: {kind: 'logits', features: featureNames(student)},
    maxBatch,
    async ask(queries, {detail, signal} = {}) {
      // The engine computes without a pause, so signals and other work of the process get a turn here.
      await setImmediate();
      signal?.throwIfAborted();
      const layers = detail?.kind === 'logits' ? (detail.features ?? []) : [];
      return answerAll(student, queries, viewOf(layers), {name, signal});
    },
  };
}

/** The outputs of a student: logits, then the named layers. */
interface View {
  readonly infer: Inference;
  readonly layers: readonly {readonly name: string; readonly shape: readonly number[]}[];
}

function viewThrough(student: Student, layers: readonly string[], options: InferenceOptions): View {
  const shapes = featureShapes(student, layers);
  return {infer: inferenceOf(student, layers, options), layers: layers.map(name => ({name, shape: shapes[name]!}))};
}

function identityOf(student: Student): Teacher['identity'] {
  const {scale = 1, mean = 0, deviation = 1} = student.preprocessing;
  return {
    adapter: 'tfjs',
    weights: weightsHash(student),
    architecture: architectureHash(student.model),
    preprocessing: {scale, mean, deviation},
    output: student.output,
    ...(student.reading && {reading: {...identityOfReading(student.reading)}}),
  };
}

/** Answers the valid inputs. All texts go through one forward pass, and so do all queries of one shape. */
async function answerAll(
  student: Student,
  queries: readonly Query[],
  view: View,
  {name, signal}: {readonly name: string; readonly signal: AbortSignal | undefined},
): Promise<Outcome<'white-box'>[]> {
  const outcomes = new Array<Outcome<'white-box'>>(queries.length);
  const batches = new Map<string, {readonly rows: number[]; readonly inputs: Input[]}>();
  for (const [row, {input}] of queries.entries()) {
    const problem = problemWith(student, input);
    if (problem !== undefined) {
      outcomes[row] = {error: new TeacherError(name, problem)};
      continue;
    }
    const form = input.kind === 'text' ? 'text' : input.shape.join();
    const batch = batches.get(form) ?? {rows: [], inputs: []};
    batch.rows.push(row);
    batch.inputs.push(input);
    batches.set(form, batch);
  }
  for (const {rows, inputs} of batches.values()) {
    const answers = answersTo(await readInputs(student, stacked(inputs), signal), student, view);
    for (const [index, row] of rows.entries()) outcomes[row] = {answer: answers[index]!};
  }
  return outcomes;
}

function problemWith(student: Student, input: Input): string | undefined {
  const {model, reading} = student;
  if (input.kind === 'text') return reading ? undefined : `Student ${model.name} takes numbers, got a text.`;
  return reading ? `Student ${model.name} reads texts, got a tensor.` : misfitOf(student, input);
}

/** One forward pass over texts, or tensors of one shape. */
function answersTo(raw: TensorInputs, {classes}: Student, {infer, layers}: View): LogitsAnswer[] {
  const values = infer(() => rawTensor(raw));
  const width = values.length / raw.count;
  return Array.from({length: raw.count}, (_, row) =>
    answerIn(values.subarray(row * width, (row + 1) * width), layers, classes.length),
  );
}

/** The answer to one input, copied into its own arrays. */
function answerIn(values: Float32Array, layers: View['layers'], classes: number): LogitsAnswer {
  let start = classes;
  const features = layers.map(({name, shape}): [string, Feature] => {
    const end = start + sizeOf(shape);
    const feature = {shape, values: values.slice(start, end)};
    start = end;
    return [name, feature];
  });
  return {kind: 'logits', logits: values.slice(0, classes), features: Object.fromEntries(features)};
}

function stacked(inputs: readonly Input[]): Inputs {
  const count = inputs.length;
  const [first] = inputs as readonly [Input];
  if (first.kind === 'text') return {kind: 'text', count, texts: inputs.map(input => (input as TextInput).text)};
  const data = new Float32Array(count * first.data.length);
  for (const [row, input] of inputs.entries()) data.set((input as TensorInput).data, row * first.data.length);
  return {kind: 'tensor', dtype: 'float32', shape: first.shape, count, data};
}
