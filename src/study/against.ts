import {existsSync} from 'node:fs';
import {dirname} from 'node:path';
import {compareShares, intervalOfShares, type SeedShares} from '../evaluate/compare-shares.ts';
import {judge} from '../evaluate/judge.ts';
import {mean} from '../evaluate/statistics.ts';
import type {Level} from '../levels.ts';
import {differencesOf, type Manifest, manifestPath, readManifest} from './manifest.ts';
import {readResults, resultsPath} from './read-results.ts';
import {list} from './report/format.ts';
import {missingSentences} from './report/sentences.ts';
import type {EarlierStudy, MethodResult, MissingInputs, ResultRow, Results, StudyChange} from './results.ts';

/** A study that has ended. */
export interface EndedStudy {
  readonly results: Results;
  /** Undefined if there is none of these results. */
  readonly manifest: Manifest | undefined;
}

/**
 * Reads an earlier study.
 *
 * @param path - its `results.json`, or the folder that holds it
 * @throws InputError if there are no results that this version can read
 */
export async function readStudy(path: string): Promise<EndedStudy> {
  const file = await resultsPath(path);
  const results = await readResults(file);
  const folder = dirname(file);
  if (!existsSync(manifestPath(folder))) return {results, manifest: undefined};
  const manifest = await readManifest(folder);
  // A study that was killed while it wrote its files can leave the manifest of the one before.
  return {results, manifest: manifest.finishedAt === results.finishedAt ? manifest : undefined};
}

/** Lays an earlier study beside a later one. */
export function besideEarlier(now: EndedStudy, then: EndedStudy): EarlierStudy {
  const {name, finishedAt, versions} = then.results;
  return {
    name,
    finishedAt,
    limbeck: versions.limbeck,
    differences: [
      ...madeOfOtherThings(now, then),
      ...otherClasses(now.results, then.results),
      ...otherMethods(now.results, then.results),
      ...(now.results.vectors || then.results.vectors ? ['Measures of vectors are not compared.'] : []),
      ...missingSentences(then.results).map(sentence => `In the earlier study, ${sentence}`),
    ],
    changes: isSameSet(now.results.classes, then.results.classes) ? changesOf(now.results, then.results) : [],
  };
}

/** The parts that both studies were made of and that differ; from the results alone, as far as they tell. */
function madeOfOtherThings(now: EndedStudy, then: EndedStudy): readonly string[] {
  if (now.manifest && then.manifest) {
    const {inputs, program} = differencesOf(then.manifest, now.manifest);
    const differing = [...inputs, ...program];
    return [
      ...(differing.length > 0 ? [`Not the same in both studies: ${list(differing)}.`] : []),
      ...(inputs.includes('the test split') ? [OTHER_INPUTS] : []),
      ...(inputs.includes('the teachers') ? [OTHER_TEACHER] : []),
    ];
  }
  const which = then.manifest ? 'this study' : 'the earlier study';
  const unknown = `There is no manifest of ${which}: whether both have the same test split, training inputs and teachers is not known.`;
  const [after, before] = [now.results, then.results];
  return [
    unknown,
    ...(after.sizes.test === before.sizes.test ? [] : [OTHER_INPUTS]),
    ...(after.teacher.name === before.teacher.name ? [] : [OTHER_TEACHER]),
  ];
}

const OTHER_INPUTS = 'The studies were measured on other test inputs, which are part of every difference.';
const OTHER_TEACHER = 'Agreement is that with another teacher than in the earlier study.';

function otherClasses({classes: now, truth}: Results, {classes: then, truth: truthThen}: Results): readonly string[] {
  if (isSameSet(now, then)) {
    return truth === truthThen ? [] : ['Accuracy is not compared: one of the studies has no true labels.'];
  }
  const [added, gone] = [now.filter(one => !then.includes(one)), then.filter(one => !now.includes(one))];
  return [
    `The studies have other classes, so nothing is compared.${some('Only this study has', added)}${some('Only the earlier one has', gone)}`,
  ];
}

export function some(start: string, names: readonly string[]): string {
  if (names.length === 0) return '';
  const shown = names.slice(0, 5).map(name => `“${name}”`);
  return ` ${start} ${list(names.length > 5 ? [...shown, `${names.length - 5} more`] : shown)}.`;
}

/** The methods that only one study has, and those without a budget that both have. */
export function otherMethods(now: Measured, then: Measured): readonly string[] {
  const [after, before] = [now, then].map(({methods}) => methods.map(nameOf)) as [string[], string[]];
  const compared = new Set(cellsOf(then).map(cellName));
  const cells = cellsOf(now);
  const apart = now.methods.filter(method => {
    const own = cells.filter(cell => nameOf(cell) === nameOf(method));
    return before.includes(nameOf(method)) && !own.some(cell => compared.has(cellName(cell)));
  });
  return [
    some(
      'Only this study has',
      after.filter(name => !before.includes(name)),
    ),
    some(
      'Only the earlier study has',
      before.filter(name => !after.includes(name)),
    ),
    some('The studies have no number of inputs in common for', apart.map(nameOf)),
  ].flatMap(sentence => (sentence === '' ? [] : [sentence.trim()]));
}

/** What is compared of a study. */
export interface Measured {
  readonly methods: readonly Pick<MethodResult, 'level' | 'method'>[];
  readonly rows: readonly MeasuredRow[];
  readonly budgets?: {readonly rows: readonly MeasuredRow[]} | undefined;
  readonly sizes: Pick<Results['sizes'], 'test' | 'transfer'>;
  /** Of the test split, the inputs that nothing is measured on. */
  readonly missing?: {readonly test: Pick<MissingInputs, 'count'>} | undefined;
}

/** One student. */
export type MeasuredRow = Pick<ResultRow, 'level' | 'method' | 'seed' | 'budget' | 'agreement' | 'accuracy'>;

/** The students of a method at a number of inputs. */
interface Cell {
  readonly level: Level;
  readonly method: string;
  readonly budget: number;
  readonly rows: readonly {readonly seed: number; readonly agreement: number; readonly accuracy: number}[];
}

/** In the order of the results. */
function cellsOf({rows, budgets, sizes}: Measured): readonly Cell[] {
  const all = budgets?.rows ?? rows.map(row => ({...row, budget: sizes.transfer}));
  const cells = new Map<string, Cell & {readonly rows: (typeof all)[number][]}>();
  for (const row of all) {
    const {level, method, budget} = row;
    const known = cells.get(cellName(row));
    if (known) known.rows.push(row);
    else cells.set(cellName(row), {level, method, budget, rows: [row]});
  }
  return [...cells.values()];
}

function nameOf({level, method}: Pick<Cell, 'level' | 'method'>): string {
  return level === 'none' ? method : `${method} (${level})`;
}

function cellName(cell: Omit<Cell, 'rows'>): string {
  return `${nameOf(cell)}, ${cell.budget}`;
}

/** Every number that both studies have, judged together. */
export function changesOf(now: Measured, then: Measured): readonly StudyChange[] {
  const before = new Map(cellsOf(then).map(cell => [cellName(cell), cell]));
  const cells = cellsOf(now);
  return (['agreement', 'accuracy'] as const).flatMap(measure => {
    const pairs = cells.flatMap(cell => {
      const earlier = before.get(cellName(cell));
      if (earlier === undefined) return [];
      const [one, other] = [sharesOf(cell, now, measure), sharesOf(earlier, then, measure)];
      return [...one.shares, ...other.shares].every(Number.isFinite) ? [{cell, one, other}] : [];
    });
    const differences = pairs.map(({one, other}) => compareShares(one, other));
    const judgements = judge(differences);
    return pairs.map(({cell: {level, method, budget}, one, other}, index): StudyChange => {
      const {variance: _, ...found} = differences[index]!;
      const means = {before: meanShare(other), after: meanShare(one)};
      return {level, method, budget, measure, ...means, ...found, ...judgements[index]!};
    });
  });
}

function sharesOf({rows}: Cell, {sizes, missing}: Measured, measure: StudyChange['measure']): SeedShares {
  const inputs = sizes.test - (missing?.test.count ?? 0);
  return {seeds: rows.map(({seed}) => seed), shares: rows.map(row => row[measure]), inputs};
}

function meanShare(shares: SeedShares): StudyChange['after'] {
  return {mean: mean(shares.shares), interval: intervalOfShares(shares)};
}

export function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every(name => other.includes(name));
}
