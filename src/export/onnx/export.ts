import {basename, dirname, join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {argmaxRows, unitRows} from '../../data/arrays.ts';
import {identityOfReading, readsPlainTexts} from '../../data/reading.ts';
import {InputError} from '../../errors.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import {outputWidth} from '../../student/forward.ts';
import {columnsOf, headsOf} from '../../student/head-columns.ts';
import {inferenceOf} from '../../student/inference.ts';
import type {Student} from '../../student/student.ts';
import {leastPadding} from '../../student/subword-cnn.ts';
import {weightsHash} from '../../student/weights-hash.ts';
import type {Json} from '../../teacher.ts';
import {packageVersion} from '../../version.ts';
import {type StudentGraph, studentGraph} from './student-graph.ts';
import {type Samples, samplesFor, testVectors} from './test-vectors.ts';
import {textFunctions} from './text-functions.ts';
import {withQuantisedWeights} from './weights.ts';

export interface ExportOnnxOptions {
  /**
   * Keeps the weights of dense layers, convolutions and embeddings in 8 bits, with a scale for each output. The graph
   * computes in 32-bit floats all the same.
   *
   * @default false
   */
  readonly int8?: boolean | undefined;
  /** The origin of the student, kept in the metadata for people. */
  readonly madeBy?: {readonly [key: string]: Json};
}

const KINDS = {int8: kinds.flag, madeBy: kinds.object} satisfies Shape<ExportOnnxOptions>;

/** A student that was written as ONNX. */
export interface ExportedOnnx {
  /** The model first. */
  readonly files: readonly string[];
  /** Size of the model. */
  readonly bytes: number;
  /** Present if the weights are kept in 8 bits. */
  readonly int8?: Int8Effect;
}

/** The effect of weights in 8 bits. */
export interface Int8Effect {
  /** Size of the model with weights in 32-bit floats. */
  readonly bytesBefore: number;
  /** The greatest difference of a logit, or of a number of a vector, on the inputs of the test vectors. */
  readonly greatestDifference: number;
  /** Number of these inputs. */
  readonly inputs: number;
  /** Number of them with the same most probable class, for every question; absent for vectors. */
  readonly sameClass?: number;
}

/**
 * Writes a student as an ONNX model (operators of version 18) that takes raw inputs and gives `logits` and
 * `probabilities`, or `embedding`: vectors of length 1. Beside `NAME.onnx` it writes `NAME.test-vectors.json`, and for students that read texts without an encoder
 * `NAME_texts.py` and `NAME_texts.mjs`, which turn texts into the model's input.
 *
 * @param path - ends in `.onnx`
 * @throws InputError that names the layer, if one can't be written, or if a file can't be written
 */
export async function exportOnnx(
  path: string,
  student: Student,
  options: ExportOnnxOptions = {},
): Promise<ExportedOnnx> {
  checkOptions('exportOnnx', options, KINDS);
  const {int8 = false, madeBy = {}} = options;
  if (!path.endsWith('.onnx')) throw new InputError(`Can't write ${path} as ONNX. End its name in .onnx.`);
  const name = basename(path, '.onnx');
  const written = studentGraph(student, {int8});
  const bytes = bytesOf(written, student, {int8, madeBy});
  const samples = samplesFor(student);
  const logits = int8
    ? withQuantisedWeights(student.model, () => logitsFor(student, samples))
    : logitsFor(student, samples);
  const files: [name: string, content: string | Uint8Array][] = [
    [`${name}.onnx`, bytes],
    [`${name}.test-vectors.json`, testVectors(`${name}.onnx`, written, {student, samples, logits})],
  ];
  const {reading} = student;
  if (readsPlainTexts(reading)) {
    const program = `${name.replace(/\W/g, '_').replace(/^(?=\d)/, '_')}_texts`;
    const names = {model: `${name}.onnx`, program, input: written.input.name, outputs: written.outputs};
    const {python, javascript} = await textFunctions({reading, leastPadding: leastPadding(student)}, names);
    files.push([`${program}.py`, python], [`${program}.mjs`, javascript]);
  }
  for (const [file, content] of files) await writeExport(join(dirname(path), file), content);
  const plain = {files: files.map(([file]) => join(dirname(path), file)), bytes: bytes.length};
  if (!int8) return plain;
  const bytesBefore = bytesOf(studentGraph(student, {int8: false}), student, {int8: false, madeBy}).length;
  return {...plain, int8: {bytesBefore, ...compared(student, samples, logits)}};
}

/**
 * Writes a file of an export whole or not at all.
 *
 * @throws InputError if it can't be written
 */
export async function writeExport(path: string, content: string | Uint8Array): Promise<void> {
  await writeFileAtomic(path, typeof content === 'string' ? content : Buffer.from(content)).catch((cause: Error) => {
    throw new InputError(`${path} can't be written: ${cause.message}. Check that its folder exists and is yours.`, {
      cause,
    });
  });
}

function bytesOf(
  {graph, heads: ports}: StudentGraph,
  student: Student,
  {int8, madeBy}: Required<Pick<ExportOnnxOptions, 'int8' | 'madeBy'>>,
): Uint8Array {
  const {model, reading} = student;
  const version = packageVersion();
  const columns = headsOf(student);
  const heads = ports.map((names, index) => {
    const {start: _, calibration, ...head} = columns[index]!;
    return {...head, temperature: 1, ...calibration, ...names};
  });
  const facts = {
    ...(student.output === 'vector' ? {output: 'vector'} : {heads}),
    weights: weightsHash(student),
    weightBits: int8 ? 8 : 32,
    ...(reading && {reading: identityOfReading(reading)}),
    madeBy,
  };
  const metadata = Object.entries(facts).map(([key, value]) => [
    `limbeck.${key}`,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return graph.bytes({name: model.name, producer: 'limbeck', version, metadata: Object.fromEntries(metadata)});
}

/** The logits of all heads, [samples, columns], or vectors of length 1. */
function logitsFor(student: Student, {raw}: Samples): Float32Array {
  const values = inferenceOf(student, [])(raw).slice();
  return student.output === 'vector' ? unitRows(values, outputWidth(student)) : values;
}

function compared(student: Student, samples: Samples, logits: Float32Array): Omit<Int8Effect, 'bytesBefore'> {
  const {count} = samples.raw;
  const exact = logitsFor(student, samples);
  const greatestDifference = exact.reduce((most, value, index) => Math.max(most, Math.abs(value - logits[index]!)), 0);
  if (student.output === 'vector') return {greatestDifference, inputs: count};
  const isSame = new Array<boolean>(count).fill(true);
  for (const head of headsOf(student)) {
    const [before, after] = [exact, logits].map(all => argmaxRows(columnsOf(all, count, head), head.classes.length));
    for (let row = 0; row < count; row++) if (before![row] !== after![row]) isSame[row] = false;
  }
  return {greatestDifference, inputs: count, sameClass: isSame.filter(Boolean).length};
}
