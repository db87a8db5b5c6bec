import {InputError} from '../errors.ts';
import {openQueueServer, type QueueServer} from '../queue/server.ts';
import {queueRunner} from '../queue/study-runner.ts';
import type {Condition} from '../recipe/conditions.ts';
import {loadRecipe} from '../recipe/load.ts';
import type {Recipe} from '../recipe/recipe.ts';
import {type Check, checkResults, checkText} from '../study/check.ts';
import {type CompareOptions, compare, resultFiles} from '../study/compare.ts';
import {checkQuestions} from '../study/joint/check.ts';
import {compareQuestions} from '../study/joint/compare.ts';
import {jointFiles} from '../study/joint/files.ts';
import {jointText, questionTexts} from '../study/joint/tables.ts';
import type {Results} from '../study/results.ts';
import {directoryOf, type StudyOptions} from '../study/study.ts';
import {resultsTable} from '../study/table.ts';
import {trainTeacher} from '../study/train-teacher.ts';
import {engineLine} from './engine.ts';
import {type BudgetFlags, recipeChanges, type StudyFlags, studyOptions} from './study-options.ts';
import {openTerminal, type Terminal} from './terminal.ts';

interface CompareFlags extends StudyFlags, BudgetFlags {
  readonly retrainTeacher?: boolean;
  readonly workers?: number;
  /** The Redis of a queue. */
  readonly queue?: string;
  readonly against?: string;
}

export async function runCompare(path: string, flags: CompareFlags): Promise<void> {
  const terminal = openTerminal({json: flags.json ?? false});
  const options = studyOptions(flags, terminal);
  if (flags.queue === undefined) return compareWith(path, flags, {terminal, options});
  if (flags.workers !== undefined) {
    throw new InputError('`--workers` are processes here, and `--queue` trains on those of a queue. Leave one out.');
  }
  const server = await openQueueServer(flags.queue, terminal.note, options.signal);
  try {
    await compareWith(path, flags, {terminal, options, server});
  } finally {
    server.close();
  }
}

interface Surroundings {
  readonly terminal: Terminal;
  readonly options: StudyOptions;
  readonly server?: QueueServer;
}

async function compareWith(
  path: string,
  {retrainTeacher = false, workers: count, against, ...flags}: CompareFlags,
  {terminal, options: given, server}: Surroundings,
): Promise<void> {
  const loaded = await loadRecipe(path);
  const changes = recipeChanges(loaded, flags);
  const recipe = {...loaded, ...changes};
  const workers = {module: path, count, changes};
  const openRunner = server && queueRunner(server, workers);
  const shared = {...given, workers};
  const options = {...shared, against, openRunner};
  terminal.note(await engineLine());
  if (retrainTeacher) await trainTeacher(recipe, shared);
  if (recipe.questions) return compareAll(recipe, options, terminal);
  const results = await compare(recipe, options);
  const files = resultFiles(directoryOf(recipe, options));
  const colour = process.stdout.isTTY === true;
  const parts = [
    resultsTable(results, {colour}),
    conditionsText(results, conditions => checkResults(results, conditions)),
    `Report: ${files.report}\nNumbers: ${files.results}`,
  ];
  terminal.result(results, parts.filter(part => part !== '').join('\n\n'));
  if (results.failures.length > 0) process.exitCode = 1;
}

/** Compares each question of a recipe, with one student for all. */
async function compareAll(recipe: Recipe, options: CompareOptions, terminal: Terminal): Promise<void> {
  const results = await compareQuestions(recipe, options);
  const colour = process.stdout.isTTY === true;
  const files = jointFiles(directoryOf(recipe, options));
  const joint = [
    jointText(results, {colour}),
    conditionsText(results, conditions => checkQuestions(results, conditions)),
    `Report: ${files.report}\nNumbers: ${files.results}`,
  ].filter(part => part !== '');
  terminal.result(results, [...questionTexts(results, {colour}), ...joint].join('\n\n'));
  if (results.questions.some(({results: own}) => own.failures.length > 0)) process.exitCode = 1;
}

/** How the recipe's conditions came out. A study that was measured has not failed, whatever they say. */
function conditionsText(
  {conditions = []}: Pick<Results, 'conditions'>,
  check: (conditions: readonly Condition[]) => Check,
): string {
  if (conditions.length === 0) return '';
  try {
    return checkText(check(conditions));
  } catch (error) {
    if (error instanceof InputError) return `The conditions of the recipe can't be checked. ${error.message}`;
    throw error;
  }
}
