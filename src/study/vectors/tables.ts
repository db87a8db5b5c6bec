import {createColors} from 'picocolors';
import {mean} from '../../evaluate/statistics.ts';
import type {PairVerdict} from '../budget-results.ts';
import {plainTable, printable} from '../plain-table.ts';
import {greaterFirst} from '../report/budgets.ts';
import {between, confidenceText, count, counted, decimal, duration, percent, points, pText} from '../report/format.ts';
import {missingSentences, writtenSentences} from '../report/sentences.ts';
import {vectorSentences} from '../report/vector-sentences.ts';
import type {Results} from '../results.ts';
import {ledgerCells, ledgerText, verdictText} from '../table-parts.ts';
import {measureName} from './measure-name.ts';
import type {MeasuredMean, VectorStudy} from './results.ts';

/** The longest name that a row shows in full. */
const METHOD_WIDTH = 22;

/** The results of a study whose teacher gives vectors, for a terminal. */
export function vectorsTable(results: Results, vectors: VectorStudy, colour: boolean): string {
  const {bold, dim} = createColors(colour);
  const {teacher, sizes, budgets} = results;
  const length = counted(vectors.teacherDimensions, 'number');
  return [
    `${bold(`Teacher ${printable(teacher.name, 60)}`)}: vectors of ${length} about ${counted(sizes.test, 'test input')}`,
    methodTable(results, vectors, colour),
    vectorSentences(results)
      .map(sentence => printable(sentence, 300))
      .join('\n'),
    ...(budgets ? [budgetTable(results, vectors, dim)] : []),
    ...verdictsText(results, colour),
    totals(results, dim),
  ].join('\n\n');
}

function methodTable(results: Results, {neighbours}: VectorStudy, colour: boolean): string {
  const {bold, dim} = createColors(colour);
  const rows = results.methods.map((method, index) => {
    const {meanCosine, recall, spearman} = method.vectors!;
    return [
      bold(printable(method.method, METHOD_WIDTH)),
      ...(meanCosine ? [decimal(meanCosine.mean, 4), dim(ends(meanCosine, value => decimal(value, 4)))] : ['', '']),
      percent(recall.mean),
      dim(ends(recall, value => percent(value))),
      decimal(spearman, 4),
      ...ledgerCells(results, method, index),
    ];
  });
  const head = ['method', 'mean cosine', '95 %', `recall@${neighbours}, %`, '95 %', 'Spearman', 'asked', 'bought'];
  return plainTable(
    head.map(text => dim(text)),
    rows,
    1,
  );
}

function ends({interval}: MeasuredMean, shown: (value: number) => string): string {
  return interval ? `${shown(interval[0])} to ${shown(interval[1])}` : '';
}

function budgetTable({budgets, methods}: Results, {neighbours}: VectorStudy, dim: (text: string) => string): string {
  const {sizes, rows, steps} = budgets!;
  const body = methods.map(({method}) => [
    printable(method, METHOD_WIDTH),
    ...sizes.map(size => {
      const own = rows.filter(row => row.method === method && row.budget === size);
      return percent(mean(own.map(row => row.vectors!.recall)));
    }),
  ]);
  return [
    `Recall of ${neighbours} neighbours in per cent by number of inputs, ${counted(steps, 'step')} for each student`,
    plainTable(
      ['', ...sizes.map(count)].map(text => dim(text)),
      body,
      1,
    ),
  ].join('\n');
}

/** Each pair of methods; of several budgets, over all of them. */
function verdictsText({verdicts = [], budgets}: Results, colour: boolean): readonly string[] {
  const {dim} = createColors(colour);
  const shown = verdicts.filter(({budget}) => budgets === undefined || budget === 'curve');
  if (shown.length === 0) return [];
  const rows = shown.map((pair: PairVerdict) => {
    const {a, b, measure, difference, low, high, confidence, adjustedP, verdict} = greaterFirst(pair);
    return [
      measureName(measure),
      printable(a, METHOD_WIDTH),
      verdictText(verdict, colour),
      printable(b, METHOD_WIDTH),
      points(difference),
      dim(`${between([low, high])} at ${confidenceText(confidence).replace('\u00a0', ' ')}`),
      pText(adjustedP),
    ];
  });
  const head = ['', '', 'verdict', 'than', 'points', 'interval', 'p'].map(text => dim(text));
  const aligns = ['left', 'left', 'left', 'left', 'right', 'right', 'right'] as const;
  const over = budgets ? ' over all budgets' : '';
  return [
    [
      `Each pair of methods${over}, in hundredths; all verdicts together hold at 95 %`,
      plainTable(head, rows, 4, aligns),
    ].join('\n'),
  ];
}

function totals(results: Results, dim: (text: string) => string): string {
  const {ledger, engine, seconds, seeds, failures} = results;
  const over = seeds.length > 1 ? `Means over ${counted(seeds.length, 'seed')}` : 'One seed';
  return [
    dim(`${over}; intervals at 95 %, Spearman's correlation is a point estimate.`),
    `Learned from: ${ledgerText(ledger)}`,
    `Measured by: ${ledgerText(ledger.evaluation)}`,
    ...writtenSentences(results),
    ...missingSentences(results),
    ...failures.map(
      ({method, seed, reason}) => `Failed: ${printable(method, 40)}, seed ${seed}: ${printable(reason, 200)}`,
    ),
    `Engine: ${printable(engine.name, 40)} ${printable(engine.version, 20)}; ${duration(seconds)}`,
  ].join('\n');
}
