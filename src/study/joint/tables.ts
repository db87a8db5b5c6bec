import {join} from 'node:path';
import Papa from 'papaparse';
import {plainTable, printable} from '../plain-table.ts';
import {greaterFirst} from '../report/budgets.ts';
import {between, confidenceText, count, counted, meanAndDeviation, percent, points, pText} from '../report/format.ts';
import {jointMissingSentences} from '../report/sentences.ts';
import {spread, spreadOf} from '../report/spread.ts';
import {typedColumns, typedText} from '../report/typed-numbers.ts';
import {cellText, earlierTable, FORMULA, markdownTable, verdictTable} from '../result-tables.ts';
import {earlierText, resultsTable, type TableOptions} from '../table.ts';
import {verdictText} from '../table-parts.ts';
import type {JointBudgets, JointMethodResult, QuestionResults, QuestionsResults} from './results.ts';

/**
 * The results as a table for other programs: a line a student, with its agreement on all questions and on each. `budget` is
 * the number of inputs that was compared. A name that a spreadsheet would take for a formula begins with an apostrophe.
 */
export function jointCsv({joint, budgets, sizes, questions}: QuestionsResults): string {
  const rows =
    budgets?.rows ??
    joint.flatMap(({level, method, seeds}) => seeds.map(one => ({level, method, ...one, budget: sizes.transfer})));
  const lines = rows.map(({level, method, seed, budget, agreement}) => {
    const own = questions.map(({results}) =>
      (results.budgets?.rows.filter(row => row.budget === budget) ?? results.rows).find(
        row => row.level === level && row.method === method && row.seed === seed,
      ),
    );
    return [level, method, seed, budget, agreement, ...own.map(row => row?.agreement ?? '')];
  });
  const head = ['level', 'method', 'seed', 'budget', 'jointAgreement', ...questions.map(({question}) => question.name)];
  return `${Papa.unparse([head, ...lines], {escapeFormulae: FORMULA, newline: '\n'})}\n`;
}

/** The results as Markdown, for a README or a paper. */
export function jointMarkdown(results: QuestionsResults): string {
  const {name, seeds, sizes, questions, budgets} = results;
  const what = seeds.length > 1 ? `mean ± sample standard deviation over ${counted(seeds.length, 'seed')}` : 'one seed';
  return [
    `## ${cellText(name)}`,
    `${counted(questions.length, 'question')}, answered by one student. Measured on ${counted(sizes.test, 'test input')}; ${what}.`,
    'Agreement with the teacher in %, on all questions of an input and on each:',
    agreementTable(results),
    ...(budgets ? ['On all questions, by the number of inputs:', budgetTable(results, budgets)] : []),
    ...jointMissingSentences(results).map(cellText),
    ...verdictTable(results, 'Verdicts on agreement on all questions; together they hold at 95 %:'),
    ...questions.flatMap(questionTable(results)),
    ...earlierTable(results),
  ]
    .join('\n\n')
    .concat('\n');
}

function agreementTable({joint, questions}: QuestionsResults): string {
  const head = ['level', 'method', 'all questions', '95 % interval', ...questions.map(({question}) => question.name)];
  const rows = joint.map(method => [method.level, method.method, ...agreementCells(method, questions)]);
  return markdownTable(head, rows, 2);
}

/** Agreement of a method on all questions with its interval, then that on each question. */
function agreementCells(method: JointMethodResult, questions: readonly QuestionResults[]): readonly string[] {
  const [low, high] = method.interval;
  return [
    meanAndDeviation(spread(method.seeds.map(({agreement}) => agreement)), 2, 100),
    `${percent(low)} to ${percent(high)}`,
    ...questions.map(({results}) => meanAndDeviation(spreadOf(results, method, 'agreement'), 2, 100)),
  ];
}

function budgetTable({joint}: QuestionsResults, {sizes, rows}: JointBudgets): string {
  const lines = joint.map(({method}) => [
    method,
    ...sizes.map(size => {
      const own = rows.filter(row => row.method === method && row.budget === size);
      return meanAndDeviation(spread(own.map(({agreement}) => agreement)), 2, 100);
    }),
  ]);
  return markdownTable(['method', ...sizes.map(count)], lines, 1);
}

function questionTable({joint}: QuestionsResults) {
  return (one: QuestionResults): readonly string[] => {
    const {question} = one;
    const columns = typedColumns(one);
    const head = ['level', 'method', ...columns.map(({name, unit}) => `${name}, ${unit}`)];
    const rows = joint.map(method => [
      ...[method.level, method.method],
      ...columns.map(column => typedText(one, method, column)),
    ]);
    return [`Question ${cellText(question.name)} (${question.type}):`, markdownTable(head, rows, 2)];
  };
}

/** The results of each question, for a terminal: a text a question. */
export function questionTexts({questions}: QuestionsResults, options: TableOptions = {}): readonly string[] {
  return questions.map(({question, directory, results}) => {
    const report = join(directory, 'report.html');
    return `Question ${question.name} (${question.type})\n\n${resultsTable(results, options)}\n\nReport: ${report}`;
  });
}

/** The results about all questions together, for a terminal. */
export function jointText(results: QuestionsResults, {colour = false}: TableOptions = {}): string {
  const {joint, questions, verdicts} = results;
  const head = ['level', 'method', 'all', 'interval', ...questions.map(({question}) => printable(question.name, 16))];
  const rows = joint.map(method => [
    method.level.replace('-box', ''),
    printable(method.method, 22),
    ...agreementCells(method, questions).map(text => text.replaceAll(' ± ', '±')),
  ]);
  // Of several budgets, the files have the verdicts at each.
  const over = verdicts.filter(({budget}) => budget === 'curve');
  const judged = (over.length > 0 ? over : verdicts)
    .map(greaterFirst)
    .map(({a, b, budget, difference, low, high, confidence, ...pair}) => [
      printable(a, 22),
      verdictText(pair.verdict, colour),
      printable(b, 22),
      budget === 'curve' ? 'all' : count(budget),
      points(difference),
      between([low, high]),
      confidenceText(confidence).replace('\u00a0', ' '),
      pText(pair.adjustedP),
      percent(pair.detectable),
    ]);
  const verdictHead = ['', 'verdict', 'against', 'inputs', 'points', 'interval', 'at', 'p', 'detectable'];
  return [
    `All questions of an input together\n\nAgreement with the teacher in per cent: on all questions, and on each\n${plainTable(head, rows, 2)}`,
    ...(judged.length > 0
      ? [
          `Agreement on all questions in percentage points; these verdicts together hold at 95 %\n${plainTable(verdictHead, judged, 3)}`,
        ]
      : []),
    ...jointMissingSentences(results),
    ...(results.earlier ? [earlierText(results, colour)] : []),
  ].join('\n\n');
}
