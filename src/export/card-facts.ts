import {existsSync} from 'node:fs';
import {readFile, stat} from 'node:fs/promises';
import {cpus} from 'node:os';
import {basename, dirname, join, resolve} from 'node:path';
import {z} from 'zod';
import {folderSize} from '../data/files.ts';
import {type Inputs, selectInputs} from '../data/inputs.ts';
import {kindRead, readsTexts} from '../data/reading.ts';
import {registeredEncoder} from '../encoder/registry.ts';
import {startEngine} from '../engine/engine.ts';
import {LimbeckError} from '../errors.ts';
import {quantile} from '../evaluate/statistics.ts';
import {exactInterval} from '../statistics/bounds.ts';
import {studentDescription} from '../student/description.ts';
import {loadHead, loadStudent} from '../student/files.ts';
import {type HeadColumns, headsOf} from '../student/head-columns.ts';
import {readJson} from '../student/model-files.ts';
import {predictLogits} from '../student/predict.ts';
import type {Student} from '../student/student.ts';
import {readQuestionsResults} from '../study/joint/files.ts';
import {readResults} from '../study/read-results.ts';
import type {ResultRow, Results} from '../study/results.ts';
import type {VectorMeasures} from '../study/vectors/results.ts';
import {samplesFor, TEXTS} from './onnx/test-vectors.ts';

/** What is known of a student that was saved. What is not known is undefined. */
export interface CardFacts {
  readonly student: Student;
  readonly origin: Origin;
  readonly heads: readonly MeasuredHead[];
  /** Size of its folder. */
  readonly bytes: number;
  readonly speed: Speed | undefined;
  readonly encoder: Encoder | undefined;
  /** Undefined if it has classes, or no study measured it. */
  readonly likeness: Likeness | undefined;
}

/** How like those of its teacher the vectors of this very student are, on the test split of its study. */
export interface Likeness extends VectorMeasures, Pick<Results, 'finishedAt'> {
  readonly teacher: string;
  readonly neighbours: number;
  readonly inputs: number;
}

/** A head, and what a study measured of it. */
export interface MeasuredHead extends HeadColumns {
  readonly agreement: Agreement | undefined;
}

/** Agreement of this very student with its teacher on the test split of its study. */
export interface Agreement {
  readonly teacher: string;
  /** From 0 to 1. */
  readonly share: number;
  /** Exact, at 95 %, over other inputs like these. */
  readonly interval: readonly [low: number, high: number];
  readonly inputs: number;
  /** Answers that it learned from, those set apart to calibrate included. */
  readonly answers: number;
  /** ISO 8601. */
  readonly finishedAt: string;
}

/** How long one input takes at a time, from raw input to logits. */
export interface Speed {
  /** Half of the inputs take so long at most, in milliseconds. */
  readonly p50: number;
  readonly inputs: number;
  /** The processor and engine. */
  readonly machine: string;
}

/** The embedding model of a student. */
export interface Encoder {
  readonly name: string;
  /** SHA-256 of its files. */
  readonly hash: string;
  /** As limbeck's list of encoders or its own `README.md` states it. */
  readonly licence: string | undefined;
}

/** The parts of `madeBy` that a card shows. Earlier versions wrote fewer, and programs write their own. */
export interface Origin {
  readonly recipe?: string | undefined;
  readonly level?: string | undefined;
  readonly method?: string | undefined;
  readonly seed?: number | undefined;
  readonly answers?: number | undefined;
  readonly teacher?: OriginTeacher | undefined;
}

interface OriginTeacher {
  readonly access: string;
  readonly adapters: readonly string[];
  readonly models: readonly string[];
  /** Whose terms were known when the student was trained. */
  readonly providers?: readonly string[] | undefined;
}

const [text, number] = [z.string().optional().catch(undefined), z.number().optional().catch(undefined)];
const teacher = z.object({
  ...{access: z.string(), adapters: z.array(z.string()), models: z.array(z.string())},
  providers: z.array(z.string()).optional().catch(undefined),
});
const originSchema: z.ZodType<Origin> = z.object({
  ...{recipe: text, level: text, method: text, seed: number, answers: number},
  teacher: teacher.optional().catch(undefined),
});

/**
 * Gathers what a student's folder and the results of its study tell, and measures its speed.
 *
 * @param directory - the folder of the student
 * @param question - name of the head; @default the whole student
 * @throws InputError if the student can't be read
 */
export async function cardFacts(directory: string, question: string | undefined): Promise<CardFacts> {
  const {name: engine} = await startEngine();
  const student = question === undefined ? await loadStudent(directory) : await loadHead(directory, question);
  const {madeBy} = studentDescription.parse(await readJson(join(directory, 'limbeck.json')));
  const origin = originSchema.parse(madeBy);
  const results = await resultsAbove(directory);
  const heads = headsOf(student).map(head => ({...head, agreement: agreementIn(results, head, origin, directory)}));
  const bytes = await folderSize(directory);
  const {reading} = student;
  const encoder = reading?.kind === 'embeddings' ? await encoderIn(reading.path, reading.model) : undefined;
  const likeness = likenessIn(results.get(undefined), origin, directory);
  return {student, origin, heads, bytes, speed: await speedOf(student, engine), encoder, likeness};
}

/** The levels above a student's folder in which the results of its study can lie. */
const LEVELS_ABOVE = 4;
/** The seconds that a student's folder can be newer than its results: copies are made one after the other. */
const COPY_TIME = 60;

/** The results of each question of a student's study. Empty if there are none, or if the student is newer. */
async function resultsAbove(directory: string): Promise<ReadonlyMap<string | undefined, Results>> {
  let folder = resolve(directory);
  for (let level = 0; level < LEVELS_ABOVE; level++) {
    folder = dirname(folder);
    const [single, joint] = [join(folder, 'results.json'), join(folder, 'joint.json')];
    const file = existsSync(single) ? single : joint;
    if (!existsSync(file)) continue;
    const [{mtimeMs: trained}, {mtimeMs: written}] = await Promise.all([
      stat(join(directory, 'limbeck.json')),
      stat(file),
    ]);
    if (trained > written + 1000 * COPY_TIME) return new Map();
    if (file === single) return new Map([[undefined, await readResults(file)]]);
    const {questions} = await readQuestionsResults(file);
    return new Map(questions.map(({question, results}) => [question.name, results]));
  }
  return new Map();
}

function agreementIn(
  found: ReadonlyMap<string | undefined, Results>,
  {question}: HeadColumns,
  origin: Origin,
  directory: string,
): Agreement | undefined {
  const results = found.get(question?.name) ?? found.get(undefined);
  const row = results && rowIn(results, origin, directory);
  if (results === undefined || row === undefined || !Number.isFinite(row.agreement)) return undefined;
  const {teacher, sizes, missing, finishedAt} = results;
  const inputs = sizes.test - (missing?.test.count ?? 0);
  const interval = exactInterval(Math.round(row.agreement * inputs), inputs);
  return {teacher: teacher.name, share: row.agreement, interval, inputs, answers: row.budget, finishedAt};
}

/** The row of this very student. */
function rowIn({rows}: Results, {level, method, seed}: Origin, directory: string): ResultRow | undefined {
  const own = rows.filter(row => row.level === level && row.method === method && row.seed === seed);
  const [, budget] = /^(\d+)-inputs$/.exec(basename(dirname(resolve(directory)))) ?? [];
  const most = Math.max(...own.map(row => row.budget));
  return own.find(each => each.budget === (budget === undefined ? most : Number(budget)));
}

function likenessIn(results: Results | undefined, origin: Origin, directory: string): Likeness | undefined {
  const measures = results && rowIn(results, origin, directory)?.vectors;
  if (results?.vectors === undefined || measures === undefined) return undefined;
  const {teacher, sizes, missing, finishedAt, vectors} = results;
  const inputs = sizes.test - (missing?.test.count ?? 0);
  return {...measures, teacher: teacher.name, neighbours: vectors.neighbours, inputs, finishedAt};
}

/** The longest that speed is measured, in milliseconds. */
const MOST_TIME = 500;

/** Undefined if there are no inputs to time it with, or its encoder does not run here. */
async function speedOf(student: Student, engine: string): Promise<Speed | undefined> {
  const inputs = timedInputs(student);
  if (inputs === undefined) return undefined;
  const machine = `${cpus()[0]?.model.trim() ?? 'an unknown processor'}, ${engine} engine`;
  const timed = async (row: number): Promise<number> => {
    const one = selectInputs(inputs, [row % inputs.count]);
    const begun = performance.now();
    await predictLogits(student, one);
    return performance.now() - begun;
  };
  try {
    // Whatever is compiled or allocated once counts for no input.
    for (let row = 0; row < inputs.count; row++) await timed(row);
    const times: number[] = [];
    const end = performance.now() + MOST_TIME;
    while (times.length < inputs.count || performance.now() < end) times.push(await timed(times.length));
    times.sort((one, other) => one - other);
    return {p50: quantile(times, 0.5), inputs: times.length, machine};
  } catch (error) {
    if (error instanceof LimbeckError) return undefined;
    throw error;
  }
}

function timedInputs(student: Student): Inputs | undefined {
  const {reading} = student;
  if (readsTexts(reading)) return {kind: 'text', count: TEXTS.length, texts: TEXTS};
  return kindRead(reading) === 'record' ? undefined : samplesFor(student).raw;
}

/** Names an encoder by the registry; else by its folder, with the licence in the head of its `README.md`, as Hugging Face has it. */
async function encoderIn(path: string, hash: string): Promise<Encoder> {
  const registered = registeredEncoder(path);
  if (registered) return {name: path, hash, licence: registered.licence};
  const readme = await readFile(join(path, 'README.md'), 'utf8').catch(() => '');
  const [, head = ''] = /^---\r?\n(.*?)\r?\n---/s.exec(readme) ?? [];
  const [, licence] = /^license:\s*["']?([\w.-]+)/m.exec(head) ?? [];
  return {name: basename(path), hash, licence};
}
