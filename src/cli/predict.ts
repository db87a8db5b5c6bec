import {readImages} from '../data/images.ts';
import type {Inputs} from '../data/inputs.ts';
import type {LogFormat} from '../data/logs/rows.ts';
import {recordsOf} from '../data/records.ts';
import {readTexts} from '../data/texts/read.ts';
import type {ReadTextsOptions} from '../data/texts/record.ts';
import {InputError} from '../errors.ts';
import {loadHead} from '../student/files.ts';
import {gatekeeper} from '../student/gate.ts';
import {columnsOf, type HeadColumns, headsOf} from '../student/heads.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {joined, openPredictions, predictionsOf} from './predictions.ts';
import {readInputs} from './read-inputs.ts';
import {noteFallback, openTerminal, type Terminal} from './terminal.ts';

/** The flags for reading texts. */
type TextFlags = Pick<ReadTextsOptions, 'format' | 'text' | 'id' | 'header' | 'quotes' | 'encoding'>;

interface PredictFlags extends TextFlags {
  readonly json?: boolean;
  readonly jsonl?: boolean;
  readonly question?: string;
}

export async function runPredict(
  folder: string,
  file: string,
  {json = false, jsonl = false, quotes = true, question, ...others}: PredictFlags,
): Promise<void> {
  const terminal = openTerminal({json: json || jsonl});
  // Commander sets a flag that can only be negated to true if it isn't given.
  const flags = {...others, ...(!quotes && {quotes})};
  const student = await loadHead(folder, question);
  const form = json ? 'json' : jsonl ? 'jsonl' : 'text';
  const heads = headsOf(student);
  const writer = openPredictions(form, {student: folder, ...describedBy(student, heads)});
  const onFallback = noteFallback(terminal);
  const refuses = student.gate && gatekeeper(student.gate);
  let count = 0;
  const abstained = heads.map(() => 0);
  for await (const {inputs, ids} of inputsOf(student, file, flags, terminal)) {
    const isStrange = refuses && inputs.kind === 'text' ? inputs.texts.map(refuses) : undefined;
    const logits = await predictLogits(student, inputs, {onFallback});
    const byHead = heads.map(head => predictionsOf(head, columnsOf(logits, inputs.count, head), ids, isStrange));
    await writer.write(student.heads ? joined(heads, byHead) : byHead[0]!);
    count += inputs.count;
    for (const [index, own] of byHead.entries()) abstained[index]! += own.filter(({abstains}) => abstains).length;
  }
  await writer.end();
  for (const [index, head] of heads.entries()) {
    const about = student.heads ? `${head.question!.name}: ` : '';
    if (abstained[index]! > 0)
      terminal.note(`${about}${abstained[index]} of ${count} abstained: ${whyOf(head, student)}.`);
  }
}

/** The fields of a JSON document that say what is predicted. */
function describedBy({heads, classes}: Student, columns: readonly HeadColumns[]): Readonly<Record<string, unknown>> {
  if (heads === undefined) return {classes};
  return {
    questions: columns.map(({question, classes: own}) => ({name: question!.name, type: question!.type, classes: own})),
  };
}

/** Why a student abstains. */
function whyOf({calibration}: HeadColumns, {gate}: Student): string {
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
