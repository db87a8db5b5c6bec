import {createHash} from 'node:crypto';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll} from 'vitest';
import {degrade} from '../../src/ask/compose/degrade.ts';
import {type Inputs, inputAt, type TensorInputs} from '../../src/data/inputs.ts';
import {randomFraction, randomInteger, seededRandom} from '../../src/data/random.ts';
import {asSplit, type Dataset, type Examples} from '../../src/data/split.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {calibrationSize} from '../../src/evaluate/guarantee.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {featureHint} from '../../src/losses/feature-hint.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {topKLabels} from '../../src/losses/top-k.ts';
import {methodFolder} from '../../src/recipe/methods.ts';
import type {Method, Recipe} from '../../src/recipe/recipe.ts';
import {cascadeTarget, type ResolvedRecipe, resolveRecipe} from '../../src/recipe/resolve.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Student, Task} from '../../src/student/student.ts';
import {withAnswers} from '../../src/study/divide.ts';
import type {AnsweredMethod, OpenMethod} from '../../src/study/methods.ts';
import {studentPath} from '../../src/study/run.ts';
import {openStudy, type Study, type StudyOptions} from '../../src/study/study.ts';
import type {Access, Input, Query, Teacher} from '../../src/teacher.ts';
import {adam} from '../../src/train/optimizer.ts';
import {train} from '../../src/train/train.ts';

/** A task so small that a whole study of it takes a moment. */
export const classes: readonly string[] = ['left', 'middle', 'right'];
export const transferSize = 40;
const preprocessing = {scale: 1 / 255};

/** Images of 4 x 4 bytes, one of the first three columns brighter than the others. */
function examples(count: number, seed: number): Examples {
  const random = seededRandom(seed, 'examples');
  const labels = Int32Array.from({length: count}, (_, index) => index % 3);
  const data = Uint8Array.from({length: count * 16}, (_, place) => {
    const bright = place % 4 === labels[Math.floor(place / 16)] ? 90 : 0;
    return bright + Math.floor(randomFraction(random) * 160);
  });
  return {inputs: {kind: 'tensor', dtype: 'uint8', shape: [4, 4, 1], count, data}, labels};
}

/** 60 examples to train on, 20 to validate, 30 to test. */
export function tinyData(): Dataset {
  return {
    classes,
    train: asSplit('train', examples(60, 1)),
    validation: asSplit('validation', examples(20, 2)),
    test: asSplit('test', examples(30, 3)),
  };
}

/** The same inputs, every true label drawn anew. */
export function withOtherLabels({train, validation, test}: Dataset): Dataset {
  const random = seededRandom(9, 'labels');
  const redrawn = ({inputs, labels}: Examples): Examples => ({
    inputs,
    labels: labels.map(() => randomInteger(random, 0, 2)),
  });
  return {
    classes,
    train: asSplit('train', redrawn(train)),
    validation: asSplit('validation', redrawn(validation)),
    test: asSplit('test', redrawn(test)),
  };
}

const task: Task = {classes, inputShape: [4, 4, 1], preprocessing, dtype: 'uint8'};

/** A model that learned the task from labels of which some are wrong, so that it is not always right itself. */
export async function tinyModel(): Promise<Student> {
  const student = mlp({units: [12]})(task, 7);
  const {inputs, labels} = examples(150, 4);
  const taught = labels.map((label, index) => (index % 5 === 0 ? (label + 1) % 3 : label));
  const knowledge = trueLabels({inputs, labels: taught}, classes);
  const training = {losses: [hardLabels()], seed: 1, epochs: 6, batchSize: 16, optimizer: adam({learningRate: 0.02})};
  for await (const _epoch of train(student, knowledge, training));
  return student;
}

/** The same, in a test file that has started no engine yet. */
export async function startedTinyModel(): Promise<Student> {
  await startEngine();
  return tinyModel();
}

/** One teacher of each level of access, all of one model, with what they were asked. */
export interface TinyTeachers {
  readonly 'black-box': Spied<'black-box'>;
  readonly 'gray-box': Spied<'gray-box'>;
  readonly 'white-box': Spied<'white-box'>;
}

export interface Spied<A extends Access> extends Teacher<A> {
  /** Every query so far, by the hash of its input. */
  readonly queried: string[];
  /** How many times it was asked. */
  readonly calls: {count: number};
}

/**
 * A teacher that remembers what it is asked.
 *
 * @param then - called after each call was answered, with how many there were
 */
export function spied<A extends Access>(teacher: Teacher<A>, then: (call: number) => void = () => {}): Spied<A> {
  const queried: string[] = [];
  const calls = {count: 0};
  // With its parts it would be asked by way of them.
  const {parts: _, ...whole} = teacher;
  return {
    ...whole,
    queried,
    calls,
    async ask(asked: readonly Query[], options) {
      calls.count++;
      queried.push(...asked.map(({input}) => hashOf(input)));
      const outcomes = await teacher.ask(asked, options);
      then(calls.count);
      return outcomes;
    },
  };
}

/** Teachers that were not asked anything yet. */
export function tinyTeachers(model: Student): TinyTeachers {
  const white = asTeacher(model, {maxBatch: 8});
  return {
    'black-box': spied(degrade(white, {access: 'black-box', detail: {kind: 'label'}})),
    'gray-box': spied(degrade(white, {access: 'gray-box', detail: {kind: 'log-probabilities'}})),
    'white-box': spied(white),
  };
}

/** How often any of them was asked. */
export function callsOf(teachers: TinyTeachers): number {
  return Object.values(teachers).reduce((sum, {calls}) => sum + calls.count, 0);
}

export const methods: readonly Method[] = [
  {level: 'none', method: 'truth', losses: [hardLabels()]},
  {level: 'black-box', method: 'labels', losses: [hardLabels()]},
  {level: 'gray-box', method: 'top 2', detail: {kind: 'top-k', k: 2}, losses: [topKLabels()]},
  {level: 'gray-box', method: 'all, T=2', losses: [softLabels({temperature: 2})]},
  {
    level: 'white-box',
    method: 'hint',
    losses: [softLabels(), featureHint({teacher: 'dense_1', student: 'dense_1', weight: 1})],
  },
];

/** A recipe over the tiny task. */
export function tinyRecipe(teachers: Partial<TinyTeachers>, changes: Partial<Recipe> = {}): Recipe {
  const sources = Object.entries(teachers).map(([access, teacher]) => [access, () => teacher]);
  return {
    name: 'tiny',
    data: tinyData,
    transfer: {size: transferSize},
    teachers: Object.fromEntries(sources) as Recipe['teachers'],
    student: mlp({units: [6]}),
    preprocessing,
    methods,
    seeds: [1, 2],
    training: {epochs: 3, batchSize: 16, validateEvery: 2, optimizer: adam({learningRate: 0.02})},
    ...changes,
  };
}

/** Identifies an input by its bytes. */
export function hashOf(input: Input): string {
  return createHash('sha256')
    .update(Uint8Array.from((input as {data: Uint8Array}).data))
    .digest('hex');
}

export function hashesOf(inputs: Inputs): string[] {
  return Array.from({length: inputs.count}, (_, index) => hashOf(inputAt(inputs as TensorInputs, index)));
}

/** Makes folders that go when the tests of the file are done. */
export function folders(): (name?: string) => Promise<string> {
  const made: string[] = [];
  afterAll(async () => {
    for (const folder of made) await rm(folder, {recursive: true, force: true});
  });
  return async (name = 'study') => {
    const folder = await mkdtemp(join(tmpdir(), `limbeck-${name}-`));
    made.push(folder);
    return folder;
  };
}

/** Makes the options of studies, each in a folder of its own. */
export function studyPlaces(): () => Promise<{readonly directory: string; readonly cache: string}> {
  const newFolder = folders();
  return async () => {
    const root = await newFolder();
    return {directory: join(root, 'out'), cache: join(root, 'answers')};
  };
}

/** Opens a study of a recipe. */
export async function openRecipe(recipe: Recipe, levels: readonly Access[], options?: StudyOptions): Promise<Study> {
  return openStudy(await resolveRecipe(recipe), levels, options);
}

/** A method of an open study. */
export function methodOf({recipe}: Study, name: string): OpenMethod {
  return recipe.methods.find(({method}) => method === name)!;
}

/** The part of a resolved recipe that says how many answers calibrate. */
export function settingApart(calibration: Recipe['calibration'] = {}): Pick<ResolvedRecipe, 'calibrationSizeOf'> {
  const target = cascadeTarget({calibration});
  return {calibrationSizeOf: answers => calibrationSize(answers, target, calibration.share)};
}

/** A method of an open study with what it learns from. */
export function answered(study: Study, name: string, knowledge: AnsweredMethod['knowledge']): AnsweredMethod {
  return withAnswers(study.recipe, methodOf(study, name), knowledge);
}

/** The folder of a method's student. */
export function studentFolder(directory: string, method: string, seed: number): string {
  return studentPath(directory, {folder: methodFolder(method)}, seed);
}
