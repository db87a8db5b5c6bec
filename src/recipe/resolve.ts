import {isLabelled, transferSet} from '../data/split.ts';
import {versionsOf} from '../data/versions.ts';
import {startEngine} from '../engine/engine.ts';
import {InputError} from '../errors.ts';
import {type CascadeTarget, calibrationSize} from '../evaluate/guarantee.ts';
import {LEVELS} from '../levels.ts';
import {hardLabels} from '../losses/hard-labels.ts';
import {scaleNote} from '../student/standardise-columns.ts';
import type {Access} from '../teacher.ts';
import {BATCH_SIZE, epochsOf} from '../train/defaults.ts';
import {methodAbout} from './by-question.ts';
import {checkResolved, checkStudents} from './checks.ts';
import {checkMethod, detailOf, methodFolder, planMethods, type QueryPlan} from './methods.ts';
import type {Method, Recipe} from './recipe.ts';
import type {Budgets, ResolvedRecipe} from './resolved.ts';
import {studentsOf} from './students.ts';
import {taskOf} from './task.ts';
import {drawTransfer, type Held, partOf, type RowRange} from './transfer.ts';
import {learnsVectors, withoutLabels} from './vectors.ts';

export type {Budgets, Drawn, ResolvedRecipe} from './resolved.ts';

/** In how many parts the answers are divided if a recipe says nothing else. */
export const FOLDS = 5;
/** The same if an assistant teaches: it does so by all texts, so that a student with fewer answers is much like the kept one. */
const ASSISTED_FOLDS = 3;
/** The most answers that students are tried on, if a recipe says nothing of parts. Whole parts are tried. */
const MOST_TRIED = 1000;

/** When the numeric engine starts: now, or only if something is computed besides students. */
export type EngineStart = 'now' | 'if needed';

/**
 * Reads the data of a recipe, and works out once what every stage of a study needs to know.
 *
 * @param held - what is held of inputs that are in shards: with a sample, `partOf` reads the others when they are needed
 * @param engine - when the engine starts. If it doesn't start now, no student is made to be checked: whoever began the work
 *   has done that
 * @throws InputError if a method or a student can't learn what it is to learn
 */
export async function resolveRecipe(
  recipe: Recipe,
  held: Held = 'all',
  engine: EngineStart = 'now',
): Promise<ResolvedRecipe> {
  const {questions, student: _, preprocessing, images, records, training = {}, budgets: sizes, ...others} = recipe;
  if (questions) {
    throw new InputError(
      `Recipe ${recipe.name} has \`questions\`, and one is needed here. Choose it with \`--question\`.`,
    );
  }
  // Before the data, which may take long to read.
  const given = recipe.methods.map(method => methodAbout(method));
  for (const method of planMethods(given, recipe.teachers).methods) checkMethod(method);
  if (engine === 'now') await startEngine();
  const givesVectors = given.some(learnsVectors);
  const all = await recipe.data();
  const read = givesVectors ? withoutLabels(all) : all;
  const methods = sizes && !givesVectors ? withBaselines(given, isLabelled(read)) : given;
  const planned = planMethods(methods, recipe.teachers);
  const {folds = FOLDS} = recipe.calibration ?? {};
  const target = cascadeTarget(recipe);
  const budgets = sizes && budgetsOf(recipe, sizes);
  const transfer = budgets ? {...recipe.transfer, size: budgets.sizes.at(-1)!} : recipe.transfer;
  const {data, drawn, shards} = await drawTransfer(read, {...recipe, transfer}, held);
  const students = studentsOf(recipe, data.train.inputs);
  const inputs = transferSet(drawn);
  const transferOf = ({views}: QueryPlan) => (views ? {...inputs, ...versionsOf(drawn.inputs, views)} : inputs);
  const task = await taskOf(data, {preprocessing, images, records});
  const resolved = {
    ...others,
    ...planned,
    data,
    givesVectors,
    transfer,
    training: budgets ? {...training, epochs: undefined, steps: budgets.steps} : training,
    budgets,
    students,
    task,
    scaleNote: () => scaleNote(data.train.inputs, task.preprocessing),
    folds,
    assistedFolds: recipe.calibration?.folds ?? ASSISTED_FOLDS,
    mostTried: recipe.calibration?.folds === undefined ? MOST_TRIED : undefined,
    trials: students.length > 1 || recipe.calibration ? students.length * folds : 0,
    calibrationSizeOf: (answers: number) => calibrationSize(answers, target, recipe.calibration?.share),
    levels: LEVELS.filter(access => planned.queryPlans.some(({level}) => level === access)),
    reference: referenceLevel(recipe),
    drawn,
    shards,
    transferOf(plan: QueryPlan) {
      if (shards?.held === 'sample') throw new TypeError('The transfer set is not in memory. Read a part of it.');
      return transferOf(plan);
    },
    partOf: async (plan: QueryPlan, rows: RowRange) =>
      shards ? {...inputs, inputs: await shards.read(rows)} : partOf(transferOf(plan), rows),
  };
  checkResolved(resolved);
  if (engine === 'now') checkStudents(resolved);
  return resolved;
}

/** The budgets of a recipe, with the steps that its training takes for as many inputs as it draws without them. */
function budgetsOf({training = {}, transfer}: Recipe, given: readonly number[]): Budgets {
  const sizes = [...given].sort((one, other) => one - other);
  const {batchSize = BATCH_SIZE, epochs, steps} = training;
  if (steps !== undefined) return {sizes, steps};
  const inputs = epochs === undefined ? sizes.at(-1)! : transfer.size;
  return {sizes, steps: epochsOf(training, inputs) * Math.ceil(inputs / batchSize)};
}

/** Adds the methods that every budget is held against, after those of the recipe. */
function withBaselines(methods: readonly Method[], isTruthKnown: boolean): readonly Method[] {
  const names = new Set(methods.map(({method}) => methodFolder(method).toLowerCase()));
  const nameOf = (name: string) => (names.has(methodFolder(name)) ? `${name} (baseline)` : name);
  const losses = [hardLabels()];
  const truth: Method = {level: 'none', method: nameOf('true labels'), losses};
  const labels: Method = {level: 'black-box', method: nameOf('labels'), losses};
  return [
    ...methods,
    ...(isTruthKnown && !methods.some(({level}) => level === 'none') ? [truth] : []),
    ...(methods.some(isLabelsAlone) ? [] : [labels]),
  ];
}

/** Whether a method learns from the teacher's labels as they are. */
function isLabelsAlone({level, asks, select, views, ...method}: Method): boolean {
  const isPlain = asks === undefined && select === undefined && views === undefined;
  return isPlain && level !== 'none' && detailOf({level, ...method}).kind === 'label';
}

/** The level that shows most of those that the recipe has a teacher for: students are measured against it. */
export function referenceLevel({teachers}: Pick<Recipe, 'teachers'>): Access {
  return LEVELS.findLast(level => teachers[level] !== undefined)!;
}

/** The promise that a recipe's cascades are to keep; undefined if nothing is promised. */
export function cascadeTarget({calibration}: Pick<Recipe, 'calibration'>): CascadeTarget | undefined {
  const {agreement, confidence = 0.95} = calibration ?? {};
  return agreement === undefined ? undefined : {agreement, confidence};
}
