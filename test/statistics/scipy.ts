import {readFileSync} from 'node:fs';
import {expect} from 'vitest';

type Rows = readonly (readonly number[])[];

/** The results of SciPy, see `test/fixtures/statistics/make-statistics.py`. */
export const scipy = JSON.parse(
  readFileSync(new URL('../fixtures/statistics/statistics.json', import.meta.url), 'utf8'),
) as Readonly<Record<'incompleteBeta' | 'betaQuantile' | 'bounds' | 'twoSidedT' | 'criticalT', Rows>>;

export function expectClose(got: number, wanted: number): void {
  expect(Math.abs(got - wanted)).toBeLessThanOrEqual(1e-10 * Math.max(Math.abs(wanted), 1e-12));
}
