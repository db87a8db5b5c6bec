import {existsSync} from 'node:fs';
import {rm} from 'node:fs/promises';
import {basename, join, resolve} from 'node:path';
import {InputError} from '../errors.ts';
import {mean, standardDeviation} from '../evaluate/statistics.ts';
import {loadRecipe} from '../recipe/load.ts';
import {digestOf} from '../train/fingerprint.ts';
import {compare} from './compare.ts';
import {compareQuestions} from './joint/compare.ts';
import {isOfSeveral, jointFiles, readQuestionsResults} from './joint/files.ts';
import type {QuestionsResults} from './joint/results.ts';
import {asMeasured} from './joint/results-of.ts';
import {differencesOf, type Manifest, type ManifestDifferences, readManifest, recipePath} from './manifest.ts';
import {readResults} from './read-results.ts';
import type {MethodResult, Results} from './results.ts';
import type {StudyOptions} from './study.ts';
import type {VectorMeasures} from './vectors/results.ts';

/** What a study that was run again came to. */
export interface Reproduction {
  /**
   * `same bits`: every number is the same. `within the seeds`: on another engine or version, each method's mean lies no
   * further from its earlier one than students of two seeds do. `different`: neither.
   */
  readonly outcome: 'same bits' | 'within the seeds' | 'different';
  /** What the study was made of that is not the same now, for people. */
  readonly changed: readonly string[];
  /** Numbers that differ, for people: a sentence each. */
  readonly differences: readonly string[];
  /** The folder of the new results. */
  readonly directory: string;
}

export interface ReproduceOptions extends Pick<StudyOptions, 'cache' | 'signal' | 'onProgress' | 'onNote'> {
  /**
   * Path of the recipe's module.
   *
   * @default as the manifest says
   */
  readonly recipe?: string | undefined;
}

/**
 * Runs a study again from its manifest and from kept answers, and compares the numbers. Asks nobody. All students are trained
 * again, in the folder `reproduced` of the study. Of a study of several questions, it compares each, and all together.
 *
 * @throws InputError if the folder has no manifest, its recipe is not there, or it is one question of a study of several; KnowledgeError if an answer is not kept
 */
export async function reproduce(directory: string, options: ReproduceOptions = {}): Promise<Reproduction> {
  if (await isOfSeveral(directory)) return reproduceQuestions(directory, options);
  const [folder, whole] = [join(directory, '..'), join(directory, '..', '..')];
  if (basename(resolve(folder)) === 'questions' && existsSync(jointFiles(whole).results))
    throw new InputError(notWhole(directory, `the folder of the study, ${whole}`));
  const then = await readStudied(directory);
  const {recipe, path, changes} = await recipeOf(then.manifest, directory, options);
  if (recipe.questions) throw new InputError(notWhole(directory, 'the folder of the whole study'));
  const again = await emptied(directory);
  const workers = {module: path, changes};
  await compare(recipe, {...studyOptions(options), directory: again, workers});
  return {...compared(then, await readStudied(again)), directory: again};
}

function notWhole(directory: string, whole: string): string {
  return `${directory} has the results of one question of a study that trains one student for all. Give ${whole}.`;
}

/** Every question and the agreement on all of them. The outcome is the worst of these. */
async function reproduceQuestions(directory: string, options: ReproduceOptions): Promise<Reproduction> {
  const before = await readQuestionsResults(directory);
  const then = await studiesOf(before);
  const {recipe, path, changes} = await recipeOf(then[0]!.manifest, before.questions[0]!.directory, options);
  const again = await emptied(directory);
  await compareQuestions(recipe, {...studyOptions(options), directory: again, workers: {module: path, changes}});
  const now = await readQuestionsResults(again);
  const later = await studiesOf(now);
  const found = then.map((study, index) => {
    const {name} = before.questions[index]!.question;
    const same = later[now.questions.findIndex(({question}) => question.name === name)];
    return {name, ...(same ? compared(study, same) : NOT_ASKED)};
  });
  const made = differencesOf(then[0]!.manifest, later[0]!.manifest);
  found.push({name: 'all questions', changed: [], ...outcomeOf(asMeasured(before), asMeasured(now), made)});
  return {
    outcome: OUTCOMES.findLast(outcome => found.some(one => one.outcome === outcome))!,
    changed: [...new Set(found.flatMap(({changed}) => changed))],
    differences: found.flatMap(({name, differences}) => differences.map(sentence => `${name}: ${sentence}`)),
    directory: again,
  };
}

const NOT_ASKED: Omit<Reproduction, 'directory'> = {
  outcome: 'different',
  changed: ['the questions'],
  differences: ['the recipe does not ask it now.'],
};

function studiesOf({questions}: QuestionsResults): Promise<readonly Studied[]> {
  return Promise.all(questions.map(({directory}) => readStudied(directory)));
}

/** From the best to the worst. */
const OUTCOMES: readonly Reproduction['outcome'][] = ['same bits', 'within the seeds', 'different'];

interface Studied {
  readonly results: Results;
  readonly manifest: Manifest;
}

async function readStudied(directory: string): Promise<Studied> {
  return {manifest: await readManifest(directory), results: await readResults(directory)};
}

/** The recipe of a study, with the seeds and budgets that it had. */
async function recipeOf(then: Manifest, directory: string, {recipe: given}: ReproduceOptions) {
  const path = given ?? recipePath(then, directory);
  if (path === undefined) {
    throw new InputError(
      `The manifest of ${directory} names no recipe: a program passed it. Give it with \`--recipe\`.`,
    );
  }
  const changes = {seeds: then.seeds, ...(then.budgets && {budgets: then.budgets})};
  return {recipe: {...(await loadRecipe(path)), ...changes}, path: resolve(path), changes};
}

function studyOptions({recipe: _, ...others}: ReproduceOptions): StudyOptions {
  return {...others, record: 'none'};
}

/** The folder of the new results, without earlier ones. */
async function emptied(directory: string): Promise<string> {
  const again = join(directory, 'reproduced');
  await rm(again, {recursive: true, force: true});
  return again;
}

function compared(then: Studied, now: Studied): Omit<Reproduction, 'directory'> {
  const made = differencesOf(then.manifest, now.manifest);
  return {changed: [...made.inputs, ...made.program], ...outcomeOf(then.results, now.results, made)};
}

function outcomeOf(
  before: Numbers,
  now: Numbers,
  {inputs, program}: ManifestDifferences,
): Pick<Reproduction, 'outcome' | 'differences'> {
  const lost = rowsThatDiffer(before, now);
  if (lost.length === 0) return {outcome: 'same bits', differences: []};
  const far = meansFarApart(before, now);
  if (far.length > 0) return {outcome: 'different', differences: far};
  // Another engine rounds in another way; other inputs or the same engine don't.
  const isRounding = inputs.length === 0 && program.length > 0;
  return {outcome: isRounding ? 'within the seeds' : 'different', differences: lost};
}

/** What is compared of a study. */
interface Numbers {
  readonly methods: readonly Pick<MethodResult, 'method'>[];
  readonly rows: readonly AnyRow[];
  readonly budgets?: {readonly rows: readonly AnyRow[]} | undefined;
}

/** A student, with all of its numbers. */
interface AnyRow {
  readonly method: string;
  readonly budget: number;
  readonly seed: number;
  readonly agreement: number;
  readonly vectors?: VectorMeasures | undefined;
  readonly seconds?: number;
}

/** Names the runs whose numbers are not the same. Times are left out. */
function rowsThatDiffer(before: Numbers, now: Numbers): readonly string[] {
  const named = [
    ...differing(before.rows, now.rows),
    ...differing(before.budgets?.rows ?? [], now.budgets?.rows ?? []),
  ];
  // A run at the largest budget stands in both lists.
  return [...new Set(named)];
}

function differing(before: readonly AnyRow[], now: readonly AnyRow[]): readonly string[] {
  const runs = new Map(now.map(row => [nameOf(row), row]));
  return before.flatMap(row => {
    const [name, found] = [nameOf(row), runs.get(nameOf(row))];
    if (found === undefined) return [`${name}: no such run now.`];
    return numbersOf(found, row) === numbersOf(row, row) ? [] : [`${name}: other numbers.`];
  });
}

function nameOf({method, budget, seed}: AnyRow): string {
  return `${method}, ${budget} inputs, seed ${seed}`;
}

/** What a row has of the fields of another one, which an earlier version may have written. */
function numbersOf({seconds: _, ...row}: AnyRow, fields: AnyRow): string {
  return digestOf(Object.fromEntries(Object.entries(row).filter(([name]) => name in fields)));
}

/** The methods whose mean agreement, or recall, has moved by more than the standard deviation over the earlier seeds. */
function meansFarApart(before: Numbers, now: Numbers): readonly string[] {
  return before.methods.flatMap(({method}) => {
    const [then, later] = [before, now].map(({rows}) =>
      rows.filter(row => row.method === method).map(({agreement, vectors}) => vectors?.recall ?? agreement),
    ) as [number[], number[]];
    const moved = Math.abs(mean(later) - mean(then));
    const allowed = then.length > 1 ? standardDeviation(then) : 0;
    if (moved <= allowed) return [];
    const [by, spread] = [moved, allowed].map(share => `${(100 * share).toFixed(2)} points`) as [string, string];
    const measure = before.rows.some(({vectors}) => vectors) ? 'recall' : 'agreement';
    return [`${method}: mean ${measure} has moved by ${by}; its seeds differ by ${spread} (standard deviation).`];
  });
}
