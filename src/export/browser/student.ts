import {argmaxRows, softmaxRows} from '../../data/arrays.ts';
import {type Inputs, sizeOf} from '../../data/inputs.ts';
import {kindRead} from '../../data/reading.ts';
import {layers, tf} from '../../engine/tf.ts';
import {startWasmInBrowser} from '../../engine/wasm-browser.ts';
import {InputError} from '../../errors.ts';
import {fieldsOf} from '../../input-kinds.ts';
import type {StudentDescription} from '../../student/description.ts';
import type {Forward} from '../../student/forward.ts';
import {columnsOf, type HeadColumns, headsOf} from '../../student/head-columns.ts';
import {makeStudent} from '../../student/make-student.ts';
import {enter, forwardFrom, rawInputs} from '../../student/raw-inputs.ts';
import type {Student} from '../../student/student.ts';

/** A student that runs in a browser, by the same code as elsewhere. */
export interface BrowserStudent {
  readonly classes: readonly string[];
  /** Names of the questions of a student that answers several; empty for others. */
  readonly questions: readonly string[];
  /**
   * Answers about one text, or about one input as raw numbers, row-major.
   *
   * @throws InputError if the student takes another kind or shape of input, or answers several questions
   */
  classify(input: string | ArrayLike<number>): Promise<BrowserPrediction>;
  /**
   * Answers all questions about one input, as `classify` does: one answer for each question, in order. A student of one
   * question gives one.
   */
  classifyAll(input: string | ArrayLike<number>): Promise<readonly BrowserPrediction[]>;
}

/** An answer in the format of `limbeck predict --json`, with its time. */
export interface BrowserPrediction {
  readonly class: string;
  readonly label: number;
  /** The probability of the class, calibrated if the student is. */
  readonly confidence: number;
  /** True if the confidence is below the student's threshold. Absent without a threshold. */
  readonly abstains?: boolean;
  readonly probabilities: readonly number[];
  /** Time from the raw input to the probabilities of all questions. */
  readonly milliseconds: number;
}

/** The content of `student-data.js`. */
export interface StudentData {
  readonly description: StudentDescription;
  readonly model: tf.io.ModelJSON;
  /** `weights.bin` in base64. Weights that are too large for this are fetched instead. */
  readonly weights?: string | undefined;
  /** The engine's code in base64. */
  readonly wasm: string;
}

declare const document: {readonly currentScript: {readonly src: string} | null};
declare const fetch: (url: string) => Promise<{readonly ok: boolean; arrayBuffer(): Promise<ArrayBuffer>}>;

/** URL of this script, which the weights are beside. The browser tells it only while the script first runs. */
const location = document.currentScript?.src;

/**
 * Opens the student in `student-data.js`. Load that script first.
 *
 * @throws InputError if the student or its weights are missing
 */
export async function openStudent(): Promise<BrowserStudent> {
  const {limbeckStudent: data} = globalThis as {readonly limbeckStudent?: StudentData};
  if (data === undefined) throw new InputError('There is no student. Load student-data.js first.');
  await startWasmInBrowser(data.wasm);
  const student = await readStudent(data);
  const answer = classifierOf(student);
  const classifyAll: BrowserStudent['classifyAll'] = input => answer(inputsOf(student, input, data.description));
  const questions = (student.heads ?? []).map(({question}) => question.name);
  return {
    ...{classes: student.classes, questions, classifyAll},
    async classify(input) {
      if (questions.length > 0) {
        throw new InputError(`The student answers several questions: ${questions.join(', ')}. Call \`classifyAll\`.`);
      }
      return (await classifyAll(input))[0]!;
    },
  };
}

async function readStudent({description, model, weights}: StudentData): Promise<Student> {
  const {format: _, inputShape: __, madeBy: ___, gate: ____, ...described} = description;
  const bytes = weights === undefined ? await fetchWeights() : decode(weights);
  const artifacts = await tf.io.getModelArtifactsForJSON(model, async manifest => [
    tf.io.getWeightSpecs(manifest),
    bytes,
  ]);
  return makeStudent({...described, model: await layers.loadLayersModel(tf.io.fromMemory(artifacts))});
}

async function fetchWeights(): Promise<ArrayBuffer> {
  const url = new URL('weights.bin', location).href;
  const response = await fetch(url).catch(() => undefined);
  if (response?.ok) return response.arrayBuffer();
  throw new InputError(
    'The weights could not be fetched. They are too large for a script, so this folder needs a web server, such as ' +
      '`python3 -m http.server` started in it.',
  );
}

function decode(base64: string): ArrayBuffer {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes.buffer;
}

function inputsOf({reading}: Student, input: string | ArrayLike<number>, {inputShape}: StudentDescription): Inputs {
  const kind = kindRead(reading);
  if (typeof input === 'string') {
    if (kind === 'record') return {kind, count: 1, records: [fieldsOf(parsed(input), 'The input')]};
    return {kind: 'text', count: 1, texts: [input]};
  }
  if (kind === 'text') throw new InputError('The student reads texts, but the input is not a text.');
  if (kind === 'record') throw new InputError('The student reads records. Give one as JSON.');
  const shape = inputShape.map(length => length ?? 0);
  const data = Float32Array.from(input);
  if (data.length !== sizeOf(shape)) {
    throw new InputError(`The student takes ${sizeOf(shape)} numbers ([${shape.join(', ')}]), got ${data.length}.`);
  }
  const wrong = data.findIndex(value => !Number.isFinite(value));
  if (wrong >= 0) throw new InputError(`Value ${wrong + 1} of ${data.length} is not a number.`);
  return {kind: 'tensor', dtype: 'float32', shape, count: 1, data};
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new InputError('The input is not JSON. Give a record, such as {"name": "value"}.');
  }
}

function classifierOf(student: Student): (inputs: Inputs) => Promise<readonly BrowserPrediction[]> {
  const heads = headsOf(student);
  let forward: Forward | undefined;
  return async inputs => {
    const start = performance.now();
    const raw = rawInputs(student, inputs);
    forward ??= forwardFrom(student, raw.kind, []);
    const pass = forward;
    const logits = tf.tidy(() => pass(enter(student, raw), {training: false}).logits);
    const values = await logits.data<'float32'>();
    logits.dispose();
    const answers = heads.map(head => answerOf(head, columnsOf(values, 1, head)));
    const milliseconds = performance.now() - start;
    return answers.map(answer => ({...answer, milliseconds}));
  };
}

/** @param logits - [classes] */
function answerOf({classes, calibration}: HeadColumns, logits: Float32Array): Omit<BrowserPrediction, 'milliseconds'> {
  const {temperature, threshold} = calibration ?? {};
  const probabilities = softmaxRows(logits, classes.length, temperature);
  const label = argmaxRows(probabilities, classes.length)[0]!;
  const confidence = probabilities[label]!;
  return {
    class: classes[label]!,
    label,
    confidence,
    ...(threshold !== undefined && {abstains: confidence < threshold}),
    probabilities: Array.from(probabilities),
  };
}
