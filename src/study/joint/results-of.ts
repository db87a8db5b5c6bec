import {intervalOfShares} from '../../evaluate/compare-shares.ts';
import {mean} from '../../evaluate/statistics.ts';
import {packageVersion} from '../../version.ts';
import type {Measured} from '../against.ts';
import {exchangeRates, judgeBudgets, type MethodRuns, type ScoredRun, verdictsOfPairs} from '../budgets.ts';
import type {PartRun, Run} from '../measure.ts';
import type {Reference} from '../reference.ts';
import type {Study} from '../study.ts';
import type {TrainedRun} from '../train-methods.ts';
import type {JointBudgets, JointMethodResult, JointMissing, JointResults, QuestionsResults} from './results.ts';

/** The runs of a study about one of its questions, and what they were measured against. */
export interface QuestionRuns {
  readonly reference: Reference;
  /** By method, budget and seed, the same for all questions. */
  readonly trained: readonly TrainedRun<Run | PartRun>[];
}

/** The findings about all questions together that follow from the answers to each. */
export type JointFindings = Pick<
  JointResults,
  'finishedAt' | 'versions' | 'seeds' | 'sizes' | 'missing' | 'joint' | 'verdicts' | 'budgets'
>;

/**
 * Measures agreement on all questions of an input, and judges every pair of methods by it, as `compare` judges agreement on
 * one question: a student is right about an input or not.
 *
 * @param sizes - of the study about any of the questions
 */
export function jointFindings(
  {recipe}: Pick<Study, 'recipe'>,
  questions: readonly QuestionRuns[],
  sizes: JointResults['sizes'],
): JointFindings {
  const counts = answerCounts(questions, sizes.test);
  const budgets = recipe.budgets?.sizes ?? [sizes.transfer];
  const all = jointRuns(questions, counts, budgets);
  return {
    finishedAt: new Date().toISOString(),
    versions: {limbeck: packageVersion(), node: process.versions.node},
    seeds: recipe.seeds,
    sizes,
    missing: missingOf(counts, questions.length),
    joint: all.flatMap(one => methodResult(one, counts) ?? []),
    verdicts: verdictsOfPairs(judgeBudgets(all), budgets),
    budgets: recipe.budgets && budgetsOf(budgets, all),
  };
}

/** [test split], the number of questions that were answered about each input. */
function answerCounts(questions: readonly QuestionRuns[], inputs: number): Int32Array {
  const counts = new Int32Array(inputs);
  for (const {reference} of questions) for (const row of reference.rows) counts[row]!++;
  return counts;
}

function missingOf(counts: Int32Array, questions: number): JointMissing | undefined {
  const none = counts.filter(count => count === 0).length;
  const some = counts.filter(count => count > 0 && count < questions).length;
  return none + some === 0 ? undefined : {none, some, total: counts.length};
}

/** The runs of every method at every budget, by what they answer to all questions. Runs that failed are left out. */
function jointRuns(
  questions: readonly QuestionRuns[],
  counts: Int32Array,
  budgets: readonly number[],
): readonly MethodRuns<ScoredRun>[] {
  const [{trained}] = questions as readonly [QuestionRuns];
  const found = new Map<string, MethodRuns<ScoredRun> & {readonly runs: ScoredRun[][]}>();
  for (const [index, {job}] of trained.entries()) {
    const {level, method} = job.method;
    const known = found.get(method) ?? {
      method: {level, method},
      runs: budgets.map(() => []),
    };
    found.set(method, known);
    const agreements = agreedOnAll(questions, index, counts);
    if (agreements === undefined) continue;
    const at = job.budget === undefined ? budgets.length - 1 : budgets.indexOf(job.budget);
    known.runs[at]!.push({row: {seed: job.seed, agreement: mean(agreements)}, agreements});
  }
  return [...found.values()];
}

/**
 * [inputs with an answer], 1 for each on which one run agrees with all answers of the teacher; undefined if the run failed.
 *
 * @param index - of the run
 */
function agreedOnAll(questions: readonly QuestionRuns[], index: number, counts: Int32Array): Uint8Array | undefined {
  const agreed = new Uint8Array(counts.length).fill(1);
  for (const {trained, reference} of questions) {
    const {outcome} = trained[index]!;
    if ('failure' in outcome) return undefined;
    for (const [position, row] of reference.rows.entries()) if (outcome.agreements[position] === 0) agreed[row] = 0;
  }
  return agreed.filter((_, row) => counts[row]! > 0);
}

/** Of the largest budget; undefined if every run failed. */
function methodResult({method, runs}: MethodRuns<ScoredRun>, counts: Int32Array): JointMethodResult | undefined {
  const seeds = runs.at(-1)!.map(({row}) => row);
  if (seeds.length === 0) return undefined;
  const shares = seeds.map(({agreement}) => agreement);
  const inputs = counts.filter(count => count > 0).length;
  return {...method, agreement: mean(shares), interval: intervalOfShares({shares, inputs}), seeds, inputs};
}

function budgetsOf(sizes: readonly number[], all: readonly MethodRuns<ScoredRun>[]): JointBudgets {
  const rows = all.flatMap(({method, runs}) =>
    runs.flatMap((own, at) => own.map(({row}) => ({...method, ...row, budget: sizes[at]!}))),
  );
  return {sizes, rows, exchangeRates: exchangeRates(sizes, all)};
}

/** Joint agreement in the form in which studies of one question are compared. */
export function asMeasured({joint, budgets, sizes, missing}: QuestionsResults): Measured {
  const accuracy = Number.NaN;
  return {
    methods: joint,
    rows: joint.flatMap(({level, method, seeds}) =>
      seeds.map(one => ({level, method, ...one, budget: sizes.transfer, accuracy})),
    ),
    budgets: budgets && {rows: budgets.rows.map(row => ({...row, accuracy}))},
    sizes,
    missing: missing && {test: {count: missing.none}},
  };
}
