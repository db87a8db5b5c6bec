import {type Inputs, selectInputs} from '../data/inputs.ts';
import {versionsOf} from '../data/versions.ts';
import type {SeedScores} from '../evaluate/compare-scores.ts';
import {cheapest, exchangeRate} from '../evaluate/exchange-rate.ts';
import type {Judgement} from '../evaluate/judge.ts';
import {judgePairs, type PairJudgement, turned} from '../evaluate/judge-pairs.ts';
import {mean} from '../evaluate/statistics.ts';
import type {
  BudgetCost,
  BudgetFindings,
  BudgetRow,
  CheapestMethod,
  ExchangeRate,
  PairVerdict,
} from './budget-results.ts';
import type {MeasuredRuns, PartRun, Run} from './measure.ts';
import type {OpenMethod, TunedMethod} from './methods.ts';
import type {Study} from './study.ts';

/** A student, and on which test inputs it is right. */
export interface ScoredRun {
  readonly row: Pick<Run['row'], 'seed' | 'agreement'>;
  /** [answered], 1 for each test input on which it agrees with the teacher. */
  readonly agreements: Uint8Array;
}

/** The runs of one method at every budget. */
export interface MethodRuns<R extends ScoredRun = Run | PartRun> {
  readonly method: Pick<TunedMethod, 'level' | 'method'>;
  /** [budget] */
  readonly runs: readonly (readonly R[])[];
}

/**
 * Sorts the runs of a study by method and budget.
 *
 * @param sizes - ascending
 * @param methods - those to sort by, in that order
 */
export function runsByBudget(
  sizes: readonly number[],
  methods: readonly TunedMethod[],
  {runs, partRuns}: Pick<MeasuredRuns, 'runs' | 'partRuns'>,
): readonly MethodRuns[] {
  return methods.map(method => ({
    method,
    runs: [
      ...sizes.slice(0, -1).map(size => partRuns.filter(run => run.method === method && run.budget === size)),
      runs.filter(run => run.method === method),
    ],
  }));
}

/** Every pair of methods, at every budget and over all of them, judged together. */
export function judgeBudgets(all: readonly MethodRuns<ScoredRun>[]): readonly PairJudgement[] {
  return judgePairs(all.map(({method, runs}) => ({name: method.method, scores: runs.map(scoresOf)})));
}

/** The verdicts of a study with budgets, as in `results.json`. */
export function verdictsOfPairs(pairs: readonly PairJudgement[], sizes: readonly number[]): readonly PairVerdict[] {
  return pairs.map(({budget, ...pair}) => ({
    ...pair,
    budget: budget === 'curve' ? budget : sizes[budget]!,
    measure: 'agreement',
  }));
}

/**
 * The judgement on a method against another one at the largest budget.
 *
 * @param pairs - as `judgeBudgets` gives them
 */
export function againstLargest(
  pairs: readonly PairJudgement[],
  {method, baseline}: {readonly method: string; readonly baseline: string},
): Judgement | undefined {
  const names = [method, baseline];
  const largest = Math.max(...pairs.map(({budget}) => (budget === 'curve' ? 0 : budget)));
  const found = pairs.find(({a, b, budget}) => budget === largest && names.includes(a) && names.includes(b));
  if (found === undefined) return undefined;
  const {low, high, adjustedP: p, confidence, verdict, detectable} = found.a === method ? found : turned(found);
  return {verdict, p, interval: [low, high], confidence, detectable};
}

/** The findings about budgets, without the verdicts. */
export function budgetFindings(
  {sizes, steps}: Pick<BudgetFindings, 'sizes' | 'steps'>,
  all: readonly MethodRuns[],
  costs: readonly BudgetCost[],
): BudgetFindings {
  return {
    sizes,
    steps,
    rows: all.flatMap(({runs}) =>
      runs.flatMap((ofBudget, index) => ofBudget.map(run => budgetRow(run, sizes[index]!))),
    ),
    costs,
    exchangeRates: exchangeRates(sizes, all),
    cheapest: cheapestMethods(sizes, all, costs),
  };
}

/** A student that learned from so many inputs, as `results.json` has it. */
export function budgetRow({row}: Run | PartRun, budget: number): BudgetRow {
  const {level, method, seed, budget: answers, accuracy, agreement, klToTeacher, nll, ece, vectors, seconds} = row;
  const measures = {accuracy, agreement, klToTeacher, nll, ece, ...(vectors && {vectors})};
  return {level, method, seed, budget, answers, ...measures, seconds};
}

/** The rates of every method at every budget, in the answers of every other one. */
export function exchangeRates(
  sizes: readonly number[],
  all: readonly MethodRuns<ScoredRun>[],
): readonly ExchangeRate[] {
  return all.flatMap(one =>
    sizes.flatMap((budget, index) =>
      all.flatMap((other): readonly ExchangeRate[] => {
        if (other === one) return [];
        const scores = other.runs.map(scoresOf);
        const found = exchangeRate(scoresOf(one.runs[index]!), {budgets: sizes, scores});
        if (found === undefined) return [];
        return [{method: one.method.method, budget, inAnswersOf: other.method.method, ...found}];
      }),
    ),
  );
}

/** True labels are of no teacher, so their method is left out. A method without a run at some budget is, too. */
function cheapestMethods(
  sizes: readonly number[],
  all: readonly MethodRuns[],
  costs: readonly BudgetCost[],
): readonly CheapestMethod[] {
  const asking = all.filter(({method, runs}) => method.level !== 'none' && runs.every(({length}) => length > 0));
  const curves = asking.map(({method: {method: name}, runs}) => {
    const own = costs.filter(({method}) => method === name);
    const isPriced = own.every(({usd}) => usd !== undefined);
    return {
      name,
      budgets: sizes,
      agreement: runs.map(ofBudget => mean(ofBudget.map(({row}) => row.agreement))),
      calls: own.map(({calls}) => calls.expected),
      usd: isPriced ? own.map(({usd}) => usd!.expected) : undefined,
    };
  });
  return cheapest(curves).map(({name: method, ...found}) => {
    const {level} = asking.find(one => one.method.method === method)!.method;
    return {level, method, ...found};
  });
}

/** Per seed, whether student and teacher name the same class of each test example. */
export function scoresOf(runs: readonly ScoredRun[]): SeedScores {
  return {seeds: runs.map(({row}) => row.seed), scores: runs.map(({agreements}) => agreements)};
}

/** The cost if nobody is asked. */
const NOTHING = {low: 0, expected: 0, worst: 0};

/** The cost of each method's answers at each budget by themselves, as if no answer were kept. */
export async function costsOf(
  study: Pick<Study, 'recipe' | 'asking'>,
  sizes: readonly number[],
): Promise<readonly BudgetCost[]> {
  const {methods, drawn} = study.recipe;
  const parts = sizes.map(budget => {
    const first = Array.from({length: budget}, (_, index) => index);
    return {budget, inputs: selectInputs(drawn.inputs, first)};
  });
  const costs: BudgetCost[] = [];
  for (const method of methods) {
    for (const {budget, inputs} of parts) {
      const {level, method: name} = method;
      costs.push({level, method: name, budget, ...(await costOf(study, method, inputs))});
    }
  }
  return costs;
}

/** A method that chooses its inputs is asked about others, as many. */
async function costOf(
  {asking}: Pick<Study, 'asking'>,
  {asked, detail, countedViews}: OpenMethod,
  inputs: Inputs,
): Promise<Pick<BudgetCost, 'calls' | 'tokens' | 'usd'>> {
  if (asked === undefined) return {calls: NOTHING, usd: NOTHING};
  const {views, ...versions} = countedViews ? versionsOf(inputs, countedViews) : {inputs, views: undefined};
  const options = {detail, ...(views && {views})};
  const {isService, calls, tokens, usd} = await asking.planFromNothing(asked, versions.inputs, options);
  return isService ? {calls, tokens, usd} : {calls: NOTHING, usd: NOTHING};
}
