import {existsSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import {replaceDirectory} from '../data/files.ts';
import {checkNgrams} from '../data/hashed-reading.ts';
import {fromAnyFolder} from '../encoder/registry.ts';
import {startEngine} from '../engine/engine.ts';
import type {layers} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../options.ts';
import type {Json} from '../teacher.ts';
import {describeStudent, type GateDescription, type StudentDescription, studentDescription} from './description.ts';
import {endsInSoftmax} from './forward.ts';
import {type Gate, gateBytes, gateTexts} from './gate.ts';
import {headOf} from './heads.ts';
import {inputShapeOf, shown} from './input-shape.ts';
import {checkClassifies, makeStudent} from './make-student.ts';
import {readJson, readModel, readWhole, writeModel} from './model-files.ts';
import type {Student} from './student.ts';

export {weightsHash} from './weights-hash.ts';

/**
 * Saves a student as a layers model of TensorFlow.js (`model.json`, `weights.bin`), with `limbeck.json` beside it, and
 * `gate.bin` if it has a gate. The directory appears whole or not at all, and replaces a student that was saved there
 * before.
 *
 * @param madeBy - how the student was made, kept in `limbeck.json` for people
 * @throws InputError if the directory holds other files, or can't be written
 */
export async function saveStudent(
  directory: string,
  student: Student,
  madeBy: {readonly [key: string]: Json} = {},
): Promise<void> {
  const description = describeStudent(student, madeBy);
  await replaceDirectory(directory, ['model.json', 'weights.bin', 'limbeck.json', 'gate.bin'], async temporary => {
    await writeModel(temporary, student.model);
    await writeFile(join(temporary, 'limbeck.json'), `${JSON.stringify(description, undefined, 2)}\n`);
    if (student.gate) await writeFile(join(temporary, 'gate.bin'), gateBytes(student.gate));
  });
}

/** The content of `limbeck.json`, for models saved without one. Values given here override those of the file. */
export interface LoadOptions extends Partial<Omit<Student, 'model'>> {
  /**
   * The folder or name of the encoder of a student on embeddings.
   *
   * @default the folder in which the student found it when it was made
   */
  readonly embeddingModel?: string;
}

const KINDS = {
  embeddingModel: kinds.text,
  classes: kinds.texts,
  preprocessing: kinds.object,
  output: oneOf('logits', 'probabilities', 'vector'),
  dtype: oneOf('float32', 'int32', 'uint8'),
  reading: kinds.object,
  calibration: kinds.object,
  question: kinds.object,
  heads: kinds.list,
  gate: kinds.object,
} satisfies Shape<LoadOptions>;

/**
 * Loads a student, or any layers model of TensorFlow.js if its `classes` are given.
 *
 * @throws InputError that names the file, if one is missing, damaged or does not fit the others
 */
export async function loadStudent(directory: string, options: LoadOptions = {}): Promise<Student> {
  checkOptions('loadStudent', options, KINDS);
  await startEngine();
  const path = join(directory, 'limbeck.json');
  const model = await readModel(directory);
  const described = existsSync(path) ? await readDescription(path, model) : undefined;
  const {classes = described?.classes} = options;
  if (classes === undefined) {
    throw new InputError(
      `${directory} has no limbeck.json, so its classes are unknown. Give \`classes\`, and \`preprocessing\` if the model doesn't take raw inputs.`,
    );
  }
  const {output = described?.output ?? (endsInSoftmax(model) ? 'probabilities' : 'logits')} = options;
  const {preprocessing = described?.preprocessing ?? {}} = options;
  const {dtype = described?.dtype, calibration = described?.calibration} = options;
  const {question = described?.question, heads = described?.heads} = options;
  const {gate = described?.gate && (await readGate(join(directory, 'gate.bin'), described.gate))} = options;
  const reading = located(options.reading ?? described?.reading, options.embeddingModel);
  return makeStudent({
    ...{model, classes, preprocessing, output},
    ...(dtype && {dtype}),
    ...(reading && {reading}),
    ...(calibration && {calibration}),
    ...(question && {question}),
    ...(heads && {heads}),
    ...(gate && {gate}),
  });
}

/**
 * Loads a student, or one of its heads.
 *
 * @param question - name of the head's question; @default the whole student
 * @throws InputError as `loadStudent` does, or if the student has no such question, or gives vectors
 */
export async function loadHead(directory: string, question: string | undefined): Promise<Student> {
  const student = await loadStudent(directory);
  checkClassifies(student, 'this');
  return question === undefined ? student : headOf(student, question);
}

/**
 * Loads a student of one question, or one head of a student of several.
 *
 * @throws InputError as `loadHead` does, or if the student answers several questions and none is named
 */
export async function loadOneHead(directory: string, question: string | undefined): Promise<Student> {
  const student = await loadHead(directory, question);
  if (student.heads === undefined) return student;
  const names = student.heads.map(head => `\`${head.question.name}\``).join(', ');
  throw new InputError(`${directory} answers several questions: ${names}. Name one with --question.`);
}

async function readGate(path: string, {texts, ...gate}: GateDescription): Promise<Gate> {
  checkNgrams(gate.reading);
  return {...gate, texts: gateTexts(await readWhole(path), texts, gate.reading, path)};
}

function located(reading: Student['reading'], path: string | undefined): Student['reading'] {
  if (path === undefined) return reading;
  if (reading?.kind === 'embeddings') return {...reading, path: fromAnyFolder(path)};
  throw new InputError('`embeddingModel` is for students on embeddings only. Leave it out.');
}

async function readDescription(path: string, model: layers.LayersModel): Promise<StudentDescription> {
  const read = studentDescription.safeParse(await readJson(path));
  if (!read.success) {
    throw new InputError(`${path} can't be used:\n${z.prettifyError(read.error)}\nSave the student again.`);
  }
  const {inputShape} = read.data;
  if (shown(inputShape) !== shown(inputShapeOf(model))) {
    throw new InputError(
      `${path} describes inputs ${shown(inputShape)}, but the model beside it takes ${shown(inputShapeOf(model))}. Save the student again.`,
    );
  }
  return read.data;
}
