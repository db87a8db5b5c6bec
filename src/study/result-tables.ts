import Papa from 'papaparse';
import {mean} from '../evaluate/statistics.ts';
import type {BudgetRow} from './budget-results.ts';
import {
  between,
  confidenceText,
  count,
  counted,
  decimal,
  meanAndDeviation,
  percent,
  points,
  pText,
} from './report/format.ts';
import {earlierName} from './report/sentences.ts';
import {agreementAt, type Measure, spreadOf} from './report/spread.ts';
import type {ResultRow, Results} from './results.ts';
import {measureName} from './vectors/measure-name.ts';
import type {MeasuredMean} from './vectors/results.ts';

/** The columns that come first; the others are all numbers that rows have, by their names in `results.json`. */
const FIRST = ['level', 'method', 'seed', 'budget', 'answers'];

/**
 * The results as a table for other programs: a line a student, with all of its numbers. `budget` is the number of inputs
 * that was compared, `answers` what the student learned from. A number that is not finite is an empty cell. A name that a
 * spreadsheet would take for a formula begins with an apostrophe.
 */
export function resultsCsv({rows, budgets, sizes, vectors}: Results): string {
  const largest = budgets?.sizes.at(-1);
  const lines = (budgets?.rows ?? rows).map((row): Readonly<Record<string, unknown>> => {
    if (budgets === undefined) return {...numbersOf(row), answers: row.budget, budget: sizes.transfer};
    // The largest budget has more measures.
    const same = (other: ResultRow) =>
      other.method === row.method && other.level === row.level && other.seed === row.seed;
    const whole = row.budget === largest ? rows.find(same) : undefined;
    return {...(whole && numbersOf(whole)), ...numbersOf(row)};
  });
  const measures = new Set(lines.flatMap(line => Object.keys(line)).filter(key => !FIRST.includes(key)));
  // A study of vectors has no measure of classes.
  const isShown = (key: string) => vectors === undefined || lines.some(line => typeof line[key] === 'number');
  const columns = [...FIRST, ...[...measures].filter(isShown)];
  const cells = lines.map(line => columns.map(column => line[column] ?? ''));
  return `${Papa.unparse([columns, ...cells], {escapeFormulae: FORMULA, newline: '\n'})}\n`;
}

/** A spreadsheet runs a cell that begins so, whatever lines follow. */
export const FORMULA: RegExp = /^[=+\-@\t\r]/;

/** Level and method of a row, and its numbers. */
function numbersOf({vectors, ...row}: ResultRow | BudgetRow): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries({...row, ...vectors}).flatMap(([key, value]): (readonly [string, unknown])[] => {
      if (typeof value === 'string') return [[key, value]];
      return typeof value === 'number' ? [[key, Number.isFinite(value) ? value : '']] : [];
    }),
  );
}

/** The columns of a method's measures: name, measure, digits, scale. */
const COLUMNS: readonly (readonly [name: string, measure: Measure, digits: number, scale: number])[] = [
  ['accuracy, %', 'accuracy', 2, 100],
  ['agreement, %', 'agreement', 2, 100],
  ['KL, nats', 'klToTeacher', 3, 1],
  ['NLL, nats', 'nll', 3, 1],
  ['ECE, %', 'ece', 2, 100],
  ['Brier', 'brier', 3, 1],
];

/** The results as Markdown, for a README or a paper. */
export function resultsMarkdown(results: Results): string {
  if (results.vectors) return `${[headText(results), ...vectorsMarkdown(results)].join('\n\n')}\n`;
  return [
    headText(results),
    methodTable(results),
    ...budgetTable(results),
    ...verdictTable(results),
    ...earlierTable(results),
  ]
    .join('\n\n')
    .concat('\n');
}

function headText({name, teacher, sizes, seeds, truth}: Results): string {
  const accuracy = truth === 'labels' ? `, accuracy ${percent(teacher.accuracy)} %` : '';
  const what = seeds.length > 1 ? `mean ± sample standard deviation over ${counted(seeds.length, 'seed')}` : 'one seed';
  return `## ${cellText(name)}\n\nTeacher: ${cellText(teacher.name)}${accuracy}. Measured on ${counted(sizes.test, 'test input')}; ${what}.`;
}

function methodTable(results: Results): string {
  const columns = COLUMNS.filter(([, measure]) => measure !== 'accuracy' || results.truth === 'labels');
  const rows = results.methods.map(method => [
    method.level,
    method.method,
    count(spreadOf(results, method, 'budget').mean),
    ...columns.map(([, measure, digits, scale]) => meanAndDeviation(spreadOf(results, method, measure), digits, scale)),
  ]);
  return markdownTable(['level', 'method', 'answers', ...columns.map(([name]) => name)], rows, 2);
}

/** Vectors by method; by budget too, if several were compared; and the verdicts by each measure. */
function vectorsMarkdown({methods, budgets, verdicts = [], vectors}: Results): readonly string[] {
  const measured = ({mean, interval}: MeasuredMean, digits: number, scale = 1) => {
    const shown = (value: number) => decimal(scale * value, digits);
    return interval ? `${shown(mean)} (${shown(interval[0])} to ${shown(interval[1])})` : shown(mean);
  };
  const rows = methods.map(({level, method, vectors: own}) => [
    level,
    method,
    own!.meanCosine ? measured(own!.meanCosine, 3) : '',
    measured(own!.recall, 2, 100),
    decimal(own!.spearman, 3),
  ]);
  const head = ['level', 'method', 'mean cosine (95 %)', `recall@${vectors!.neighbours}, % (95 %)`, 'Spearman'];
  const recallAt = (method: string, size: number) =>
    mean(
      (budgets?.rows ?? []).flatMap(row => (row.method === method && row.budget === size ? row.vectors!.recall : [])),
    );
  const sizes = budgets?.sizes ?? [];
  const byBudget = methods.map(({method}) => [method, ...sizes.map(size => percent(recallAt(method, size)))]);
  return [
    markdownTable(head, rows, 2),
    ...(budgets
      ? ['Recall in %, by the number of inputs:', markdownTable(['method', ...sizes.map(count)], byBudget, 1)]
      : []),
    ...(['cosine', 'recall'] as const).flatMap(measure =>
      verdictTable(
        {verdicts: verdicts.filter(one => one.measure === measure)},
        `Verdicts on the ${measureName(measure)}, in hundredths; those on both measures together hold at 95 %:`,
      ),
    ),
  ];
}

/** Agreement by method and budget, if several budgets were compared. */
function budgetTable(results: Results): readonly string[] {
  const {budgets, methods} = results;
  if (budgets === undefined) return [];
  const rows = methods.map(method => [
    method.method,
    ...budgets.sizes.map(size => meanAndDeviation(agreementAt(results, method, size), 2, 100)),
  ]);
  return [
    'Agreement with the teacher in %, by the number of inputs:',
    markdownTable(['method', ...budgets.sizes.map(count)], rows, 1),
  ];
}

/** @param title - stands above the table */
export function verdictTable(
  {verdicts = []}: Pick<Results, 'verdicts'>,
  title = 'Verdicts on agreement; together they hold at 95 %:',
): readonly string[] {
  if (verdicts.length === 0) return [];
  const rows = verdicts.map(({a, b, budget, difference, low, high, confidence, adjustedP, verdict}) => [
    a,
    verdict,
    b,
    budget === 'curve' ? 'all' : count(budget),
    points(difference),
    `${between([low, high])} (${confidenceText(confidence)})`,
    pText(adjustedP),
  ]);
  const head = ['method', 'verdict', 'against', 'inputs', 'points', 'interval', 'p (corrected)'];
  return [title, markdownTable(head, rows, 3)];
}

/** Every number that an earlier study has, too. */
export function earlierTable({earlier}: Pick<Results, 'earlier'>): readonly string[] {
  if (earlier === undefined) return [];
  const rows = earlier.changes.map(
    ({measure, method, budget, before, after, difference, interval, confidence, p, verdict}) => [
      measure,
      method,
      verdict,
      count(budget),
      percent(before.mean),
      percent(after.mean),
      points(difference),
      `${between(interval)} (${confidenceText(confidence)})`,
      pText(p),
    ],
  );
  const head = ['in %', 'method', 'verdict', 'inputs', 'then', 'now', 'points', 'interval', 'p (corrected)'];
  return [
    cellText(`Beside ${earlierName(earlier)}; the verdicts on one measure together hold at 95 %:`),
    ...(rows.length > 0 ? [markdownTable(head, rows, 3)] : []),
    ...earlier.differences.map(cellText),
  ];
}

/** @param words - the number of columns of words, which come first; numbers stand to the right */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[], words: number): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cellText).join(' | ')} |`;
  const rule = `| ${head.map((_, column) => (column < words ? '---' : '---:')).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** A text on one line that Markdown and HTML leave as it is. */
export function cellText(text: string): string {
  return text
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll(/[\\`*_[\]|~#]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;');
}
