import {once} from 'node:events';
import {argmaxRows, softmaxRows} from '../data/arrays.ts';
import {readImages} from '../data/images.ts';
import type {Inputs} from '../data/inputs.ts';
import type {LogFormat} from '../data/logs/rows.ts';
import {recordsOf} from '../data/records.ts';
import {readTexts} from '../data/texts/read.ts';
import type {ReadTextsOptions} from '../data/texts/record.ts';
import {startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import {loadStudent} from '../student/files.ts';
import {gatekeeper} from '../student/gate.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {readInputs} from './read-inputs.ts';
import {noteFallback, openTerminal, type Terminal} from './terminal.ts';

/** The flags for reading texts. */
type TextFlags = Pick<ReadTextsOptions, 'format' | 'text' | 'id' | 'header' | 'quotes' | 'encoding'>;

interface PredictFlags extends TextFlags {
  readonly json?: boolean;
  readonly jsonl?: boolean;
}

export async function runPredict(
  folder: string,
  file: string,
  {json = false, jsonl = false, quotes = true, ...others}: PredictFlags,
): Promise<void> {
  const terminal = openTerminal({json: json || jsonl});
  // Commander sets a flag that can only be negated to true if it isn't given.
  const flags = {...others, ...(!quotes && {quotes})};
  await startEngine();
  const student = await loadStudent(folder);
  const form = json ? 'json' : jsonl ? 'jsonl' : 'text';
  const writer = openPredictions(form, {student: folder, classes: student.classes});
  const onFallback = noteFallback(terminal);
  const refuses = student.gate && gatekeeper(student.gate);
  let [count, abstained] = [0, 0];
  for await (const {inputs, ids} of inputsOf(student, file, flags, terminal)) {
    const isStrange = refuses && inputs.kind === 'text' ? inputs.texts.map(refuses) : undefined;
    const predictions = predictionsOf(student, await predictLogits(student, inputs, {onFallback}), ids, isStrange);
    await writer.write(predictions);
    count += predictions.length;
    abstained += predictions.filter(({abstains}) => abstains).length;
  }
  await writer.end();
  if (abstained > 0) terminal.note(`${abstained} of ${count} abstained: ${whyOf(student)}.`);
}

/** Why a student abstains. */
function whyOf({calibration, gate}: Student): string {
  const {threshold} = calibration ?? {};
  const unsure = threshold === undefined ? [] : [`less sure than ${threshold}`];
  return [...unsure, ...(gate ? ['unlike the training texts'] : [])].join(', or ');
}

/** Texts or records in a batch, and images, which take more memory. */
const [BATCH, IMAGE_BATCH] = [1000, 100];

interface NamedInputs {
  readonly inputs: Inputs;
  readonly ids?: readonly (string | undefined)[];
}

/** Yields texts as they are read, and numbers all at once. */
async function* inputsOf(
  student: Student,
  file: string,
  flags: TextFlags,
  {note}: Terminal,
): AsyncGenerator<NamedInputs> {
  const {reading} = student;
  if (reading?.kind === 'record') {
    const {format, id, ...others} = flags;
    refuseFlags(others, 'reads records');
    // A category such as 007 stays a text.
    const types = reading.columns.flatMap(({name, kind}) => (kind === 'number' ? [] : [[name, 'text'] as const]));
    if (format === 'lines' || format === 'files') refuseFlags({format}, 'reads records');
    const options = {format: format as LogFormat | undefined, id};
    const records = await recordsOf(file, options, Object.fromEntries(types));
    for (let start = 0; start < records.length; start += BATCH) {
      const some = records.slice(start, start + BATCH);
      const inputs = {kind: 'record', count: some.length, records: some.map(({value}) => value)} as const;
      yield {inputs, ids: some.map(one => one.id)};
    }
    return;
  }
  if (reading?.kind === 'image') {
    refuseFlags(flags, 'reads images');
    for await (const batch of inBatches(readImages(file, {folderLabels: false, onNote: note}), IMAGE_BATCH)) {
      const inputs = {kind: 'image', count: batch.length, images: batch.map(({value}) => value)} as const;
      yield {inputs, ids: batch.map(({id}) => id)};
    }
    return;
  }
  if (reading === undefined) {
    refuseFlags(flags, 'takes numbers');
    yield {inputs: await readInputs(file, student)};
    return;
  }
  // An empty text gets an answer too, so that each line has one.
  const records = readTexts(file, {...flags, label: false, empty: 'keep', onNote: note});
  for await (const batch of inBatches(records, BATCH)) {
    const inputs = {kind: 'text', count: batch.length, texts: batch.map(({text}) => text)} as const;
    yield {inputs, ids: batch.map(({id}) => id)};
  }
}

function refuseFlags(flags: TextFlags, verb: string): void {
  const [name, value] = Object.entries(flags)[0] ?? [];
  if (name === undefined) return;
  throw new InputError(
    `The student ${verb}, and \`--${value === false ? 'no-' : ''}${name}\` is for texts. Leave it out.`,
  );
}

/** Milliseconds that a batch waits to fill up, so that a client that writes line by line gets answers too. */
const PATIENCE = 200;

const LATE = Symbol('late');

/** Groups items into batches of a fixed size. A batch is smaller if no item comes for a while, or at the end. */
export async function* inBatches<T>(
  items: AsyncIterable<T>,
  size: number,
  patience: number = PATIENCE,
): AsyncGenerator<readonly T[]> {
  const iterator = items[Symbol.asyncIterator]();
  const ask = (): Promise<IteratorResult<T>> => {
    const next = iterator.next();
    // It can fail before it is awaited, and must not count as unhandled.
    next.catch(() => {});
    return next;
  };
  let clock = startClock(patience);
  let batch: T[] = [];
  try {
    for (let next = ask(); ; ) {
      const result = batch.length === 0 ? await next : await Promise.race([next, clock.late]);
      if (result !== LATE) {
        if (result.done) break;
        if (batch.length === 0) {
          clock.stop();
          clock = startClock(patience);
        }
        batch.push(result.value);
        next = ask();
        if (batch.length < size) continue;
      }
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  } finally {
    clock.stop();
    await iterator.return?.();
  }
}

function startClock(milliseconds: number): {readonly late: Promise<typeof LATE>; stop(): void} {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>(resolve => {
    timer = setTimeout(() => resolve(LATE), milliseconds);
  });
  return {late, stop: () => clearTimeout(timer)};
}

/** A student's answer to one input. */
interface Prediction {
  /** The input's name, if it has one. */
  readonly id?: string | undefined;
  readonly class: string;
  readonly label: number;
  /** The probability of the class, calibrated if the student is. */
  readonly confidence: number;
  /**
   * True if the confidence is too low for the answer to stand, or a gate refuses the input. Only for a student with a
   * threshold or gate.
   */
  readonly abstains?: boolean | undefined;
  readonly probabilities: readonly number[];
}

/**
 * Makes predictions from logits [count, classes], with the student's calibration.
 *
 * @param isStrange - for each input, true if it is unlike those that the student was trained on; only for a student
 * with a gate
 */
export function predictionsOf(
  {classes, calibration}: Pick<Student, 'classes' | 'calibration'>,
  logits: Float32Array,
  ids: readonly (string | undefined)[] = [],
  isStrange?: readonly boolean[],
): Prediction[] {
  const width = classes.length;
  const {temperature, threshold} = calibration ?? {};
  const probabilities = softmaxRows(logits, width, temperature);
  return Array.from(argmaxRows(logits, width), (label, row) => {
    const id = ids[row];
    const confidence = probabilities[row * width + label]!;
    return {
      ...(id !== undefined && {id}),
      class: classes[label]!,
      label,
      confidence,
      ...((threshold !== undefined || isStrange) && {
        abstains: confidence < (threshold ?? 0) || isStrange?.[row] === true,
      }),
      probabilities: Array.from(probabilities.subarray(row * width, (row + 1) * width)),
    };
  });
}

/** The form of printed predictions: lines for people, one JSON document, or JSON lines. */
export type PredictionForm = 'text' | 'json' | 'jsonl';

/** Prints predictions as they arrive. */
interface PredictionWriter {
  /** Resolves when it is ready for more. */
  write(predictions: readonly Prediction[]): Promise<void>;
  /** Ends the document. */
  end(): Promise<void>;
}

/** @param head - fields of the JSON document before the predictions */
export function openPredictions(
  form: PredictionForm,
  head: Readonly<Record<string, unknown>>,
  stdout: NodeJS.WritableStream = process.stdout,
): PredictionWriter {
  let written = 0;
  const print = async (text: string): Promise<void> => {
    if (text !== '' && !stdout.write(text)) await once(stdout, 'drain');
  };
  const start = `${JSON.stringify(head).slice(0, -1)},"predictions":[`;
  return {
    async write(predictions) {
      if (predictions.length === 0) return;
      const before = form !== 'json' ? '' : written === 0 ? start : ',';
      written += predictions.length;
      await print(before + predictions.map(FORMS[form]).join(form === 'json' ? ',' : ''));
    },
    async end() {
      if (form === 'json') await print(`${written === 0 ? start : ''}]}\n`);
    },
  };
}

const FORMS: Readonly<Record<PredictionForm, (prediction: Prediction) => string>> = {
  json: prediction => JSON.stringify(prediction),
  jsonl: prediction => `${JSON.stringify(prediction)}\n`,
  text: ({id, class: name, abstains, confidence}) => {
    const cells = [abstains ? 'abstains' : name, confidence.toFixed(4), ...(id === undefined ? [] : [id])];
    return `${cells.map(cell => cell.replace(/[\t\r\n]+/g, ' ')).join('\t')}\n`;
  },
};
