import {setImmediate} from 'node:timers/promises';
import {tf} from '../engine/tf.ts';
import {TeacherError} from '../errors.ts';
import type {Feature, Input, LogitsAnswer, Outcome, Question, Teacher, TensorInput} from '../teacher.ts';
import {misfitOf} from './fit.ts';
import {type Forward, featureNames, featureShapes, outputsOf, type StudentOutputs} from './forward.ts';
import {preprocess} from './preprocessing.ts';
import type {Student} from './student.ts';
import {architectureHash, weightsHash} from './weights-hash.ts';

export interface AsTeacherOptions {
  /** @default `tfjs` and the name of the model */
  readonly name?: string;
  /**
   * The most questions one `ask` may carry.
   *
   * @default 256
   */
  readonly maxBatch?: number;
}

/**
 * A student, or any local model, as a white-box teacher. Each layer can be asked for as a feature, by its name. Its weights
 * are taken as they are now: train it no further.
 */
export function asTeacher(student: Student, options: AsTeacherOptions = {}): Teacher<'white-box'> {
  const {name = `tfjs ${student.model.name}`, maxBatch = 256} = options;
  const forwards = new Map<string, LayerValues>();
  const valuesOf = (layers: readonly string[]): LayerValues => {
    const key = JSON.stringify(layers);
    const values = forwards.get(key) ?? layerValues(student, layers);
    forwards.set(key, values);
    return values;
  };
  return {
    name,
    identity: identityOf(student),
    access: 'white-box',
    classes: student.classes,
    detail: {kind: 'logits', features: featureNames(student)},
    maxBatch,
    async ask(questions, {detail, signal} = {}) {
      // The engine computes without a pause: signals and other work of the process must have their turn.
      await setImmediate();
      signal?.throwIfAborted();
      const layers = detail?.kind === 'logits' ? (detail.features ?? []) : [];
      return answerAll(student, questions, valuesOf(layers), name);
    },
  };
}

/** The forward pass that gives logits and the named layers, with the layers' shapes. */
interface LayerValues {
  readonly forward: Forward;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}

function layerValues(student: Student, layers: readonly string[]): LayerValues {
  return {forward: outputsOf(student, layers), shapes: featureShapes(student, layers)};
}

function identityOf(student: Student): Teacher['identity'] {
  const {scale = 1, mean = 0, deviation = 1} = student.preprocessing;
  return {
    adapter: 'tfjs',
    weights: weightsHash(student),
    architecture: architectureHash(student.model),
    preprocessing: {scale, mean, deviation},
    output: student.output,
  };
}

/** Answers what can be answered, the questions of one shape in one forward pass. */
function answerAll(
  student: Student,
  questions: readonly Question[],
  values: LayerValues,
  name: string,
): Outcome<'white-box'>[] {
  const outcomes = new Array<Outcome<'white-box'>>(questions.length);
  const batches = new Map<string, {readonly rows: number[]; readonly inputs: TensorInput[]}>();
  for (const [row, {input}] of questions.entries()) {
    const problem = problemWith(student, input);
    if (problem !== undefined) {
      outcomes[row] = {error: new TeacherError(name, problem)};
      continue;
    }
    const tensor = input as TensorInput;
    const shape = tensor.shape.join();
    const batch = batches.get(shape) ?? {rows: [], inputs: []};
    batch.rows.push(row);
    batch.inputs.push(tensor);
    batches.set(shape, batch);
  }
  for (const {rows, inputs} of batches.values()) {
    const answers = answersTo(student, inputs, values);
    for (const [place, row] of rows.entries()) outcomes[row] = {answer: answers[place]!};
  }
  return outcomes;
}

function problemWith(student: Student, input: Input): string | undefined {
  return input.kind === 'text' ? `Student ${student.model.name} takes numbers, got a text.` : misfitOf(student, input);
}

/** One forward pass over inputs of one shape. */
function answersTo(student: Student, inputs: readonly TensorInput[], values: LayerValues): LogitsAnswer[] {
  const {logits, features} = tf.tidy(() => {
    const batch = preprocess(stacked(inputs), student.preprocessing);
    return readOut(values.forward(batch, {training: false}));
  });
  return inputs.map((_, row) => ({
    kind: 'logits',
    logits: rowOf(logits, row, inputs.length),
    features: Object.fromEntries(
      Object.entries(values.shapes).map(([layer, shape]): [string, Feature] => [
        layer,
        {shape, values: rowOf(features[layer]!, row, inputs.length)},
      ]),
    ),
  }));
}

function stacked(inputs: readonly TensorInput[]): tf.Tensor {
  const {shape, data} = inputs[0]!;
  const values = new Float32Array(inputs.length * data.length);
  for (const [row, input] of inputs.entries()) values.set(input.data, row * data.length);
  return tf.tensor(values, [inputs.length, ...shape], 'float32');
}

function readOut({logits, features}: StudentOutputs): {
  readonly logits: Float32Array;
  readonly features: Readonly<Record<string, Float32Array>>;
} {
  const values = Object.entries(features).map(([layer, value]) => [layer, value.dataSync<'float32'>()]);
  return {logits: logits.dataSync<'float32'>(), features: Object.fromEntries(values)};
}

function rowOf(values: Float32Array, row: number, rows: number): Float32Array {
  const size = values.length / rows;
  return values.slice(row * size, (row + 1) * size);
}
