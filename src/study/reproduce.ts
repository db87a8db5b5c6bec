import {rm} from 'node:fs/promises';
import {join, resolve} from 'node:path';
import {InputError} from '../errors.ts';
import {mean, standardDeviation} from '../evaluate/statistics.ts';
import {loadRecipe} from '../recipe/load.ts';
import {digestOf} from '../train/fingerprint.ts';
import type {BudgetRow} from './budget-results.ts';
import {compare} from './compare.ts';
import {differencesOf, readManifest, recipePath} from './manifest.ts';
import {readResults} from './read-results.ts';
import type {ResultRow, Results} from './results.ts';
import type {StudyOptions} from './study.ts';

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
 * again, in the folder `reproduced` of the study.
 *
 * @throws InputError if the folder has no manifest, or its recipe is not there; KnowledgeError if an answer is not kept
 */
export async function reproduce(directory: string, options: ReproduceOptions = {}): Promise<Reproduction> {
  const {recipe: given, ...others} = options;
  const [then, before] = [await readManifest(directory), await readResults(directory)];
  const path = given ?? recipePath(then, directory);
  if (path === undefined) {
    throw new InputError(
      `The manifest of ${directory} names no recipe: a program passed it. Give it with \`--recipe\`.`,
    );
  }
  const changes = {seeds: then.seeds, ...(then.budgets && {budgets: then.budgets})};
  const recipe = {...(await loadRecipe(path)), ...changes};
  const again = join(directory, 'reproduced');
  await rm(again, {recursive: true, force: true});
  const workers = {module: resolve(path), changes};
  await compare(recipe, {...others, record: 'none', directory: again, workers});
  const now = await readResults(again);
  const {inputs, program} = differencesOf(then, await readManifest(again));
  const found = {changed: [...inputs, ...program], directory: again};
  const lost = rowsThatDiffer(before, now);
  if (lost.length === 0) return {...found, outcome: 'same bits', differences: []};
  const far = meansFarApart(before, now);
  if (far.length > 0) return {...found, outcome: 'different', differences: far};
  // Another engine rounds in another way; other inputs or the same engine don't.
  const isRounding = inputs.length === 0 && program.length > 0;
  return {...found, outcome: isRounding ? 'within the seeds' : 'different', differences: lost};
}

/** Names the runs whose numbers are not the same. Times are left out. */
function rowsThatDiffer(before: Results, now: Results): readonly string[] {
  const named = [
    ...differing(before.rows, now.rows),
    ...differing(before.budgets?.rows ?? [], now.budgets?.rows ?? []),
  ];
  // A run at the largest budget stands in both lists.
  return [...new Set(named)];
}

type AnyRow = ResultRow | BudgetRow;

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

/** The methods whose mean agreement has moved by more than the standard deviation over the earlier seeds. */
function meansFarApart(before: Results, now: Results): readonly string[] {
  return before.methods.flatMap(({method}) => {
    const [then, later] = [before, now].map(({rows}) =>
      rows.filter(row => row.method === method).map(({agreement}) => agreement),
    ) as [number[], number[]];
    const moved = Math.abs(mean(later) - mean(then));
    const allowed = then.length > 1 ? standardDeviation(then) : 0;
    if (moved <= allowed) return [];
    const [by, spread] = [moved, allowed].map(share => `${(100 * share).toFixed(2)} points`) as [string, string];
    return [`${method}: mean agreement has moved by ${by}; its seeds differ by ${spread} (standard deviation).`];
  });
}
