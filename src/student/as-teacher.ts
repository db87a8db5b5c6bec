import {setImmediate} from 'node:timers/promises';
import {sizeOf, stacked} from '../data/inputs.ts';
import {identityOfReading, kindRead} from '../data/reading.ts';
import {type RecordReading, recordProblem} from '../data/record-reading.ts';
import {TeacherError} from '../errors.ts';
import {inputsOfKinds, oneOfKind} from '../input-kinds.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {Question} from '../question.ts';
import type {Feature, Input, LogitsAnswer, Outcome, Query, Teacher} from '../teacher.ts';
import {featureNames, featureShapes} from './forward.ts';
import {type HeadColumns, headsOf} from './heads.ts';
import {type Inference, type InferenceOptions, inferenceOf} from './inference.ts';
import {misfitOf, takesTensors} from './input-shape.ts';
import {checkClassifies} from './make-student.ts';
import type {RawInputs} from './raw-inputs.ts';
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

/** The kinds of `AsTeacherOptions`. */
export const AS_TEACHER_KINDS: Shape<AsTeacherOptions> = {
  name: kinds.text,
  maxBatch: kinds.number,
  compile: kinds.flag,
  onFallback: kinds.call,
};

/**
 * Presents a student, or any local model, as a white-box teacher. Each layer can be requested as a feature, by its
 * name. A student of several questions answers each of them, all about one input in one forward pass. Its identity is
 * that of the current weights, so don't train it further.
 */
export function asTeacher(student: Student, options: AsTeacherOptions = {}): Teacher<'white-box'> {
  checkOptions('asTeacher', options, AS_TEACHER_KINDS);
  checkClassifies(student, '`asTeacher`');
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
    ...questionsOf(student),
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

function questionsOf({heads, classes}: Student): Pick<Teacher, 'classes' | 'questions'> {
  if (heads === undefined) return {classes};
  const list = heads.map(({question}) => question);
  return {classes: [], questions: {list, perRequest: list.length, areNamesShown: false}};
}

/** The inputs of one form, each once, and the queries about them. */
interface InputBatch {
  /** The index of each input in the batch. */
  readonly inputs: Map<Input, number>;
  readonly queries: {readonly row: number; readonly index: number; readonly head: HeadColumns}[];
}

/** Answers the valid inputs. All texts go through one forward pass, and so do all queries of one shape. */
async function answerAll(
  student: Student,
  queries: readonly Query[],
  view: View,
  {name, signal}: {readonly name: string; readonly signal: AbortSignal | undefined},
): Promise<Outcome<'white-box'>[]> {
  const outcomes = new Array<Outcome<'white-box'>>(queries.length);
  const heads = headsOf(student);
  const batches = new Map<string, InputBatch>();
  for (const [row, {input, question}] of queries.entries()) {
    const head = headFor(heads, question);
    const problem = head ? problemWith(student, input) : problemWithQuestion(student, question);
    if (head === undefined || problem !== undefined) {
      outcomes[row] = {error: new TeacherError(name, problem!)};
      continue;
    }
    const form = input.kind === 'tensor' ? `${input.dtype} ${input.shape.join()}` : input.kind;
    const batch: InputBatch = batches.get(form) ?? {inputs: new Map(), queries: []};
    const index = batch.inputs.get(input) ?? batch.inputs.size;
    batch.inputs.set(input, index);
    batch.queries.push({row, index, head});
    batches.set(form, batch);
  }
  for (const {inputs, queries} of batches.values()) {
    const read = await outputsOf(student, [...inputs.keys()], view, signal);
    for (const {row, index, head} of queries) {
      const output = read[index]!;
      outcomes[row] =
        output instanceof Error
          ? {error: new TeacherError(name, output.message, {cause: output})}
          : {answer: answerIn(output, view.layers, head, student.classes.length)};
    }
  }
  return outcomes;
}

/** The head that answers a question; of a student of one question, its only one. */
function headFor(heads: readonly HeadColumns[], question: Question | undefined): HeadColumns | undefined {
  if (heads.length === 1 && question === undefined) return heads[0];
  return heads.find(head => head.question !== undefined && head.question.name === question?.name);
}

function problemWithQuestion({model, heads = []}: Student, question: Question | undefined): string {
  const known = heads.map(head => `\`${head.question.name}\``).join(', ') || 'no typed ones';
  const asked = question ? `no question \`${question.name}\`` : 'several questions, and the query names none';
  return `Student ${model.name} has ${asked}. Its questions: ${known}.`;
}

function problemWith(student: Student, input: Input): string | undefined {
  const {model, reading} = student;
  if (input.kind === 'tensor' && takesTensors(student)) return misfitOf(student, input);
  const wanted = kindRead(reading);
  if (input.kind !== wanted) {
    const verb = reading ? `reads ${inputsOfKinds(wanted)}` : 'takes numbers';
    return `Student ${model.name} ${verb}, got ${oneOfKind(input.kind)}.`;
  }
  return input.kind === 'record' ? recordProblem(input.fields, reading as RecordReading) : undefined;
}

/** The row of outputs of each input, or the error of an image that can't be decoded. */
async function outputsOf(
  student: Student,
  inputs: readonly Input[],
  view: View,
  signal: AbortSignal | undefined,
): Promise<readonly (Float32Array | Error)[]> {
  if (inputs[0]!.kind !== 'image') return outputsFor(await readInputs(student, stacked(inputs), signal), view);
  // Each alone, so that a bad one fails alone. Their pixels are kept for the pass over all that are good.
  const decoded = await Promise.allSettled(inputs.map(input => readInputs(student, stacked([input]))));
  const good = inputs.filter((_, index) => decoded[index]!.status === 'fulfilled');
  const outputs = good.length > 0 ? outputsFor(await readInputs(student, stacked(good), signal), view) : [];
  let next = 0;
  return decoded.map(one => (one.status === 'fulfilled' ? outputs[next++]! : (one.reason as Error)));
}

/** One forward pass over texts, or tensors of one shape. Gives the row of each input. */
function outputsFor(raw: RawInputs, {infer}: View): Float32Array[] {
  const values = infer(raw);
  const width = values.length / raw.count;
  return Array.from({length: raw.count}, (_, row) => values.subarray(row * width, (row + 1) * width));
}

/**
 * The answer of a head to one input, copied into its own arrays.
 *
 * @param width - how many logits the student has
 */
function answerIn(values: Float32Array, layers: View['layers'], head: HeadColumns, width: number): LogitsAnswer {
  let start = width;
  const features = layers.map(({name, shape}): [string, Feature] => {
    const end = start + sizeOf(shape);
    const feature = {shape, values: values.slice(start, end)};
    start = end;
    return [name, feature];
  });
  const logits = values.slice(head.start, head.start + head.classes.length);
  return {kind: 'logits', logits, features: Object.fromEntries(features)};
}
