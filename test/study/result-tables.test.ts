import Papa from 'papaparse';
import {describe, expect, it} from 'vitest';
import type {BudgetFindings, PairVerdict} from '../../src/study/budget-results.ts';
import {resultsCsv, resultsMarkdown} from '../../src/study/result-tables.ts';
import type {Results} from '../../src/study/results.ts';
import {sampleResults} from './sample-results.ts';

const whole = sampleResults();

/** The same results at two budgets, the larger one as it was. */
function atBudgets(): Results {
  const rows = whole.rows.flatMap(({level, method, seed, accuracy, agreement, klToTeacher, nll, ece}) =>
    [500, 2_000].map(budget => ({
      ...{level, method, seed, accuracy, klToTeacher, nll, ece, budget},
      agreement: budget === 500 ? 0.5 : agreement,
      answers: budget - 1,
      seconds: 1,
    })),
  );
  const budgets: BudgetFindings = {sizes: [500, 2_000], steps: 1_000, rows, costs: [], exchangeRates: [], cheapest: []};
  const verdict: PairVerdict = {
    ...{a: 'top-3 with rest', b: 'labels', budget: 'curve', measure: 'agreement', difference: 0.0141},
    ...{low: 0.011, high: 0.0172, confidence: 0.95, p: 0.0001, adjustedP: 0.0002, verdict: 'better', detectable: 0.004},
  };
  return {...whole, budgets, verdicts: [verdict]};
}

const parsed = (csv: string) => Papa.parse<Record<string, string>>(csv, {header: true, skipEmptyLines: true}).data;

describe('results.csv', () => {
  it('has a line for each student with all of its numbers, as they are', () => {
    const lines = parsed(resultsCsv(whole));
    expect(lines).toHaveLength(whole.rows.length);
    for (const [index, {curve: _, ...row}] of whole.rows.entries()) {
      const strings = Object.entries({...row, answers: row.budget}).map(([key, value]) => [key, String(value)]);
      expect(lines[index]).toEqual(Object.fromEntries(strings));
    }
  });

  it('has a line for each budget, the largest with the measures that only it has', () => {
    const lines = parsed(resultsCsv(atBudgets()));
    expect(lines).toHaveLength(2 * whole.rows.length);
    expect(lines[0]).toMatchObject({seed: '1', budget: '500', answers: '499', agreement: '0.5', brier: ''});
    expect(lines[1]).toMatchObject({budget: '2000', answers: '1999', brier: String(whole.rows[0]!.brier)});
  });

  it('leaves cells empty for NaN, quotes names, and has no formula', () => {
    const row = {...whole.rows[0]!, accuracy: Number.NaN, method: '=1+1, "so"\nhere'};
    const csv = resultsCsv({...whole, rows: [row]});
    expect(parsed(csv)).toMatchObject([{method: '\'=1+1, "so"\nhere', accuracy: ''}]);
    expect(csv).not.toMatch(/(^|[,\n])"?=/);
  });
});

describe('results.md', () => {
  it('has a row for each method with mean and sample standard deviation', () => {
    const text = resultsMarkdown({...whole, verdicts: undefined});
    const [, , , , head, rule, first, ...rest] = text.trimEnd().split('\n');
    expect(head).toMatch(/^\| level \| method \| answers \| accuracy, % \| agreement, % \|/);
    expect(rule).toMatch(/^\| --- \| --- \| ---: \|/);
    expect(first).toMatch(/^\| none \| true labels \| 2,000 \| 91\.\d\d ± \d\.\d\d \| 91\.\d\d ± \d\.\d\d \|/);
    expect(rest).toHaveLength(whole.methods.length - 1);
  });

  it('has agreement by budget, and the verdicts', () => {
    const text = resultsMarkdown(atBudgets()).replaceAll('\u00a0', ' ');
    expect(text).toContain('| method | 500 | 2,000 |');
    expect(text).toMatch(/\| labels \| 50\.00 ± 0\.00 \| 9\d\.\d\d ± \d\.\d\d \|/);
    expect(text).toContain('| top-3 with rest | better | labels | all | +1.41 | +1.10 to +1.72 (95 %) | &lt;0.001 |');
  });

  it('leaves names as they are, whatever Markdown or HTML would make of them', () => {
    const name = 'a|b <img src=x> *c*\n`d`';
    const methods = [{...whole.methods[0]!, method: name}];
    const rows = whole.rows.slice(0, 3).map(row => ({...row, method: name}));
    const text = resultsMarkdown({...whole, methods, rows});
    expect(text).toContain('| a\\|b &lt;img src=x> \\*c\\* \\`d\\` |');
  });
});
