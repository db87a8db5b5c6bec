import {createColors} from 'picocolors';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {plainTable, printable} from './plain-table.ts';
import {curveVerdicts, exchangeSentences, verdictSentence} from './report/budgets.ts';
import {cascadeSentences} from './report/cascades.ts';
import {
  between,
  confidenceText,
  count,
  counted,
  decimal,
  duration,
  MISSING,
  percent,
  points,
  pText,
} from './report/format.ts';
import {
  assistantSentences,
  choiceSentences,
  earlierName,
  missingSentences,
  nextSentences,
  repeatabilitySentences,
  tuningSentences,
  underfittedMethods,
  underfittedSentences,
  writtenSentences,
} from './report/sentences.ts';
import {agreementAt, type Measure, spreadOf} from './report/spread.ts';
import {baselineName, comparedMethods} from './report/summary.ts';
import type {MethodResult, Results} from './results.ts';
import {ledgerCells, ledgerText, verdictText} from './table-parts.ts';
import {vectorsTable} from './vectors/tables.ts';

export interface TableOptions {
  /**
   * Whether to mark up with ANSI colours. Nothing is said by colour alone.
   *
   * @default false
   */
  readonly colour?: boolean;
}

type Colours = ReturnType<typeof createColors>;

const HOW_TO_READ =
  'At: the confidence of that interval. Detectable: a difference that is found in 4 of 5 such studies.';

/** The longest name that a row shows in full. */
const METHOD_WIDTH = 22;

/**
 * The results as a table for a terminal: the teacher, a row a method with means and sample standard deviations over the
 * seeds, the comparisons, and what was asked. The usual study fits 100 columns.
 */
export function resultsTable(results: Results, options: TableOptions = {}): string {
  checkOptions('resultsTable', options, {colour: kinds.flag} satisfies Shape<TableOptions>);
  const {colour = false} = options;
  const colours = createColors(colour);
  if (results.vectors) return vectorsTable(results, results.vectors, colour);
  return [
    teacherLine(results, colours),
    methodTable(results, colours),
    comparisonTable(results, colour),
    budgetTable(results, colours),
    underfittedText(results, colours),
    earlierText(results, colour),
    totals(results, colours),
  ]
    .filter(part => part !== '')
    .join('\n\n');
}

function teacherLine({teacher, sizes, truth}: Results, colours: Colours): string {
  const name = colours.bold(`Teacher ${printable(teacher.name, 60)}`);
  const inputs = counted(sizes.test, 'test input');
  if (truth === 'teacher') return `${name}: its own answers stand for the truth on ${inputs}`;
  const {accuracy, nll, ece} = teacher;
  const numbers = `accuracy ${percent(accuracy)} %, NLL ${decimal(nll, 3)}, ECE ${percent(ece)} %`;
  return `${name}: ${numbers} on ${inputs}`;
}

function methodTable(results: Results, colours: Colours): string {
  const accuracy = results.truth === 'labels' ? ['accuracy'] : [];
  const head = ['level', 'method', ...accuracy, 'agreement', 'KL', 'NLL', 'ECE', 'asked', 'bought'];
  return plainTable(
    head.map(text => colours.dim(text)),
    results.methods.map((method, index) => [
      method.level.replace('-box', ''),
      colours.bold(printable(method.method, METHOD_WIDTH)),
      ...(results.truth === 'labels' ? [spreadCell(results, method, 'accuracy', colours)] : []),
      spreadCell(results, method, 'agreement', colours),
      spreadCell(results, method, 'klToTeacher', colours),
      spreadCell(results, method, 'nll', colours),
      spreadCell(results, method, 'ece', colours),
      ...ledgerCells(results, method, index),
    ]),
    2,
  );
}

/** `91.44±.21`: rates in per cent with two decimals, divergences in nats with three. */
function spreadCell(results: Results, method: MethodResult, measure: Measure, {dim}: Colours): string {
  const [scale, digits] = measure === 'klToTeacher' || measure === 'nll' ? [1, 3] : [100, 2];
  const {mean, deviation} = spreadOf(results, method, measure);
  const middle = decimal(mean * scale, digits);
  if (deviation === undefined || middle === MISSING) return middle;
  return middle + dim(`±${decimal(deviation * scale, digits).replace(/^0\./, '.')}`);
}

function comparisonTable(results: Results, colour: boolean): string {
  const compared = comparedMethods(results);
  if (compared.length === 0) return '';
  const {dim} = createColors(colour);
  const underfitted = new Set(underfittedMethods(results).map(({method}) => method));
  const rows = compared.map(
    ({method, versusLabels: {baseline, difference, interval, confidence, p, detectable, verdict}}) => [
      printable(method, METHOD_WIDTH),
      points(difference),
      dim(between(interval)),
      dim(confidenceText(confidence).replace('\u00a0', ' ')),
      pText(p),
      percent(detectable),
      verdictText(verdict, colour, underfitted.has(method) || underfitted.has(baseline) ? ', underfitted?' : ''),
    ],
  );
  const head = ['', 'points', 'interval', 'at', 'p', 'detectable', 'verdict'].map(text => dim(text));
  const baseline = printable(baselineName(results) ?? '', METHOD_WIDTH);
  const correction = results.budgets ? '' : ' (Holm)';
  const title = `Agreement against ${baseline} in percentage points; all verdicts together hold at 95 %${correction}`;
  const table = plainTable(head, rows, 1, ['left', 'right', 'right', 'right', 'right', 'right', 'left']);
  return [title, table, dim(HOW_TO_READ)].join('\n');
}

/** Agreement by method and budget, and what the budgets are worth in each other. */
function budgetTable(results: Results, colours: Colours): string {
  const {budgets, methods} = results;
  if (budgets === undefined) return '';
  const {dim} = colours;
  const rows = methods.map(method => [
    printable(method.method, METHOD_WIDTH),
    ...budgets.sizes.map(size => {
      const {mean, deviation} = agreementAt(results, method, size);
      const middle = percent(mean);
      return deviation === undefined ? middle : middle + dim(`±${percent(deviation).replace(/^0\./, '.')}`);
    }),
  ]);
  const head = ['', ...budgets.sizes.map(count)].map(text => dim(text));
  const sentences = [...exchangeSentences(results), ...curveVerdicts(results).map(verdictSentence)];
  return [
    `Agreement in per cent by number of inputs, ${counted(budgets.steps, 'step')} for each student`,
    plainTable(head, rows, 1),
    ...sentences.map(sentence => printable(sentence, 300)),
  ].join('\n');
}

/** Stands right below the verdicts, which it puts in doubt. */
function underfittedText(results: Results, {yellow}: Colours): string {
  return underfittedSentences(results)
    .map(sentence => yellow(printable(sentence, 300)))
    .join('\n');
}

/** The earlier study: each method's agreement in both, at each number of inputs. */
export function earlierText({earlier}: Pick<Results, 'earlier'>, colour: boolean): string {
  const {dim} = createColors(colour);
  if (earlier === undefined) return '';
  const changes = earlier.changes.filter(({measure}) => measure === 'agreement');
  const rows = changes.map(({method, budget, before, after, difference, interval, confidence, verdict}) => [
    printable(method, METHOD_WIDTH),
    count(budget),
    percent(before.mean),
    percent(after.mean),
    points(difference),
    dim(`${between(interval)} at ${confidenceText(confidence).replace('\u00a0', ' ')}`),
    verdictText(verdict, colour),
  ]);
  const head = ['', 'inputs', 'then', 'now', 'points', 'interval', 'verdict'].map(text => dim(text));
  const aligns = ['left', 'right', 'right', 'right', 'right', 'right', 'left'] as const;
  return [
    `Agreement in per cent beside ${printable(earlierName(earlier), 100)}`,
    ...(rows.length > 0
      ? [plainTable(head, rows, 1, aligns), dim('All of these verdicts together hold at 95 % (Holm).')]
      : []),
    ...earlier.differences.map(sentence => printable(sentence, 300)),
  ].join('\n');
}

function totals(results: Results, {dim}: Colours): string {
  const {ledger, engine, seconds, seeds, failures, truth} = results;
  const spread =
    seeds.length > 1 ? `Mean ± sample standard deviation over ${counted(seeds.length, 'seed')}` : 'One seed';
  return [
    dim(`${spread}; ${truth === 'labels' ? 'accuracy, ' : ''}agreement, ECE in %; KL, NLL in nats.`),
    ...(truth === 'teacher' ? [dim('There are no true labels: NLL and ECE are against those of the teacher.')] : []),
    dim(`KL is KL(teacher ‖ student). ${whereLedgersStand(ledger)}`),
    `Learned from: ${ledgerText(ledger)}`,
    `Measured by: ${ledgerText(ledger.evaluation)}`,
    ...writtenSentences(results),
    ...missingSentences(results),
    ...[
      ...repeatabilitySentences(results),
      ...tuningSentences(results),
      ...choiceSentences(results),
      ...assistantSentences(results),
      ...nextSentences(results),
      ...cascadeSentences(results),
    ].map(sentence => printable(sentence, 500)),
    ...failures.map(
      ({method, seed, reason}) => `Failed: ${printable(method, 40)}, seed ${seed}: ${printable(reason, 200)}`,
    ),
    `Engine: ${printable(engine.name, 40)} ${printable(engine.version, 20)}; ${duration(seconds)}`,
  ].join('\n');
}

function whereLedgersStand({byMethod}: Results['ledger']): string {
  if (Object.keys(byMethod).length === 0) return 'Answers asked and bought stand on the first row of their level.';
  return 'Answers asked and bought stand on the first row that learns from them.';
}
