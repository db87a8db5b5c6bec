import type {Inputs} from '../data/inputs.ts';
import {readTexts} from '../data/texts/read.ts';
import type {ReadTextsOptions} from '../data/texts/record.ts';
import {startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import {loadStudent} from '../student/files.ts';
import {gatekeeper} from '../student/gate.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {inBatches} from './in-batches.ts';
import {openPredictions, predictionsOf} from './predictions.ts';
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

/** Texts in a batch. */
const BATCH = 1000;

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
  if (student.reading === undefined) {
    const [name, value] = Object.entries(flags)[0] ?? [];
    if (name !== undefined)
      throw new InputError(
        `The student takes numbers, and \`--${value === false ? 'no-' : ''}${name}\` is for texts. Leave it out.`,
      );
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
