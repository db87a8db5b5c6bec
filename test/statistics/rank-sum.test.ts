import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {type MarkedRow, rankSumTest} from '../../src/statistics/rank-sum.ts';

/** By SciPy and by enumeration, see `test/fixtures/statistics/make-rank-sum.py`. */
const cases = JSON.parse(readFileSync(new URL('../fixtures/statistics/rank-sum.json', import.meta.url), 'utf8')) as {
  readonly rows: readonly MarkedRow[];
  readonly p: number;
}[];

/** All ways to mark so many of so many items. */
function arrangements(count: number, marked: number): readonly MarkedRow[] {
  if (count === 0) return marked === 0 ? [[]] : [];
  const [without, within] = [arrangements(count - 1, marked), marked > 0 ? arrangements(count - 1, marked - 1) : []];
  return [...without.map(row => [...row, false]), ...within.map(row => [...row, true])];
}

describe('rankSumTest', () => {
  it('gives the p of the exact test of Mann and Whitney for one row, and of all arrangements for several', () => {
    for (const {rows, p} of cases) expect(rankSumTest(rows).p).toBeCloseTo(p, 12);
  });

  it('is wrong no more often than it says, counted over all arrangements', () => {
    const rows = arrangements(6, 2).flatMap(one => arrangements(7, 3).map(other => [one, other]));
    const ps = rows.map(row => rankSumTest(row).p);
    for (const error of [0.01, 0.05, 0.2, 0.5]) {
      expect(ps.filter(p => p <= error).length / ps.length).toBeLessThanOrEqual(error);
    }
    expect(ps.filter(p => p <= 0.05).length / ps.length).toBeGreaterThan(0.03);
  });

  it('says on which side the marks stand, and nothing of rows that are all alike', () => {
    expect(rankSumTest([[false, false, false, true]])).toEqual({p: 0.5, isLate: true});
    expect(rankSumTest([[true, false, false, false]])).toEqual({p: 0.5, isLate: false});
    expect(rankSumTest([[true, true], [false], []])).toEqual({p: 1, isLate: false});
  });
});
