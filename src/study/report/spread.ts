import {mean, standardDeviation} from '../../evaluate/statistics.ts';
import {criticalT} from '../../statistics/distributions.ts';
import type {BudgetRow} from '../budget-results.ts';
import type {MethodResult, ResultRow, Results} from '../results.ts';

/** Several seeds' values of one number. */
export interface Spread {
  readonly values: readonly number[];
  readonly mean: number;
  /** Sample standard deviation (n - 1); undefined for fewer than two values. */
  readonly deviation: number | undefined;
  /** 95 % interval of the mean over seeds by Student's t; undefined for fewer than two values. */
  readonly interval: readonly [number, number] | undefined;
}

/** The numbers of a row that a mean over seeds is taken of. */
export type Measure =
  | 'accuracy'
  | 'balancedAccuracy'
  | 'macroF1'
  | 'agreement'
  | 'agreementWhereTeacherErrs'
  | 'klToTeacher'
  | 'nll'
  | 'ece'
  | 'adaptiveEce'
  | 'brier'
  | 'entropy'
  | 'seconds'
  | 'budget';

/** The rows of one method, a row a seed. */
export function rowsOf(
  results: Results,
  {level, method}: Pick<MethodResult, 'level' | 'method'>,
): readonly ResultRow[] {
  return results.rows.filter(row => row.level === level && row.method === method);
}

/** One number of one method over its seeds. One value that is not finite makes the mean so: a lost seed must show. */
export function spreadOf(results: Results, method: Pick<MethodResult, 'level' | 'method'>, measure: Measure): Spread {
  return spread(rowsOf(results, method).map(row => measureOf(row, measure)));
}

/** One number of one student; NaN if it is not known. A results.json holds null for NaN; as 0 it would pass for a measurement. */
export function measureOf(row: ResultRow, measure: Measure): number {
  const value = row[measure];
  return Number.isFinite(value) ? value! : Number.NaN;
}

/** The agreement of one method at one budget, over its seeds; NaN if no run succeeded. */
export function agreementAt({budgets}: Results, {method}: Pick<MethodResult, 'method'>, budget: number): Spread {
  const isOwn = (row: BudgetRow) => row.method === method && row.budget === budget;
  return spread((budgets?.rows ?? []).filter(isOwn).map(({agreement}) => agreement));
}

/** Mean, sample standard deviation and 95 % interval of the mean. */
export function spread(values: readonly number[]): Spread {
  const middle = mean(values);
  if (values.length < 2) return {values, mean: middle, deviation: undefined, interval: undefined};
  const deviation = standardDeviation(values);
  const reach = (criticalT(0.05, values.length - 1) * deviation) / Math.sqrt(values.length);
  return {values, mean: middle, deviation, interval: [middle - reach, middle + reach]};
}

/** The methods that have a number, the one with the most first. */
export function ranked<M>(methods: readonly M[], value: (method: M) => number): readonly M[] {
  return methods.filter(method => Number.isFinite(value(method))).toSorted((a, b) => value(b) - value(a));
}
