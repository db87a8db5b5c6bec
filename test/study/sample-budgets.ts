import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {mean} from '../../src/evaluate/statistics.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import type {BudgetCost} from '../../src/study/budget-results.ts';
import {budgetFindings, judgeBudgets, type MethodRuns, verdictsOfPairs} from '../../src/study/budgets.ts';
import type {TunedMethod} from '../../src/study/methods.ts';
import type {MethodResult, Results} from '../../src/study/results.ts';

export interface SampleBudgetOptions {
  /** @default [250, 500, 1000, 2000] */
  readonly sizes?: readonly number[];
  /** Calls for each input, and the price of one; without it no service is asked. */
  readonly service?: {readonly callsAnInput: number; readonly usdACall?: number | undefined} | undefined;
}

/** Inputs that the verdicts go by. */
const TEST_INPUTS = 300;

/** Methods are twice as far from this agreement as without budgets, so that few inputs tell them apart. */
const MIDDLE = 0.925;

/** How much a method loses with each halving of its budget. */
const LOSS = 0.022;

/** The same results, with what was found at several budgets. Their students agree more often the more answers they saw. */
export function withBudgets(
  results: Results,
  {sizes = [250, 500, 1000, 2000], service}: SampleBudgetOptions = {},
): Results {
  const all = results.methods.map((method, index) => runsOf(results, method, index, sizes));
  const costs = results.methods.flatMap(({level, method}): readonly BudgetCost[] =>
    sizes.map(budget => {
      const calls = level === 'none' || service === undefined ? 0 : budget * service.callsAnInput;
      const price = level === 'none' ? 0 : service?.usdACall;
      const estimate = (value: number) => ({low: value, expected: value, worst: 2 * value});
      const usd = price === undefined ? {} : {usd: estimate(calls * price)};
      return {level, method, budget, calls: estimate(calls), ...usd};
    }),
  );
  const pairs = judgeBudgets(all);
  return {
    ...results,
    budgets: budgetFindings({sizes, steps: 2_048}, all, costs),
    verdicts: verdictsOfPairs(pairs, sizes),
  };
}

function runsOf(results: Results, {level, method}: MethodResult, index: number, sizes: readonly number[]): MethodRuns {
  const rows = results.rows.filter(row => row.method === method);
  const middle = mean(rows.map(({agreement}) => agreement));
  const runs = sizes.map(budget =>
    rows.map(row => {
      const halvings = Math.log2(sizes.at(-1)! / budget);
      const share = MIDDLE + 2 * (middle - MIDDLE) + 0.3 * (row.agreement - middle) - LOSS * halvings;
      const agreements = agreementsOf(share, row.seed, index);
      const tuned = {level, method} as TunedMethod<Knowledge>;
      return {method: tuned, budget, row: {...row, budget, agreement: mean(agreements)}, agreements};
    }),
  );
  return {method: {level, method}, runs};
}

/** Each input has its difficulty, which all students share for the most part. */
function agreementsOf(share: number, seed: number, index: number): Uint8Array {
  const random = seededRandom(seed * 31 + index, 'luck');
  return Uint8Array.from({length: TEST_INPUTS}, (_, input) => {
    const difficulty = 0.98 * ((input + 0.5) / TEST_INPUTS) + 0.02 * randomFraction(random);
    return difficulty < share ? 1 : 0;
  });
}
