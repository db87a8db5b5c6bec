import {mean, standardDeviation} from '../../evaluate/statistics.ts';
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
  | 'agreement'
  | 'klToTeacher'
  | 'nll'
  | 'ece'
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
  // A results.json holds null for NaN; as 0 it would pass for a measurement.
  return spread(rowsOf(results, method).map(row => (Number.isFinite(row[measure]) ? row[measure] : Number.NaN)));
}

/** Mean, sample standard deviation and 95 % interval of the mean. */
export function spread(values: readonly number[]): Spread {
  const middle = mean(values);
  if (values.length < 2) return {values, mean: middle, deviation: undefined, interval: undefined};
  const deviation = standardDeviation(values);
  const reach = (studentQuantile(values.length - 1) * deviation) / Math.sqrt(values.length);
  return {values, mean: middle, deviation, interval: [middle - reach, middle + reach]};
}

/** 97.5 % quantiles of Student's t for 1 to 10 degrees of freedom. */
const QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/** Beyond the table by the Cornish-Fisher expansion, right to 0.001 (Abramowitz and Stegun, 26.7.5). */
function studentQuantile(freedom: number): number {
  const normal = 1.959964;
  const first = (normal ** 3 + normal) / 4 / freedom;
  const second = (5 * normal ** 5 + 16 * normal ** 3 + 3 * normal) / 96 / freedom ** 2;
  return QUANTILES[freedom - 1] ?? normal + first + second;
}

/** 95 % interval of a share by Wilson's score, which stays within 0 and 1. */
export function shareInterval(share: number, count: number): readonly [number, number] {
  const z2 = 1.959964 ** 2;
  const middle = (share + z2 / (2 * count)) / (1 + z2 / count);
  const reach = Math.sqrt((z2 * share * (1 - share)) / count + (z2 / (2 * count)) ** 2) / (1 + z2 / count);
  return [Math.max(0, middle - reach), Math.min(1, middle + reach)];
}

/** The methods that have a number, the one with the most first. */
export function ranked(
  methods: readonly MethodResult[],
  value: (method: MethodResult) => number,
): readonly MethodResult[] {
  return methods.filter(method => Number.isFinite(value(method))).toSorted((a, b) => value(b) - value(a));
}
