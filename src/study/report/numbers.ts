import {dollars} from '../../ask/budget/price.ts';
import type {Speed} from '../../evaluate/efficiency.ts';
import type {Comparison, MethodResult, ResultRow, Results} from '../results.ts';
import type {Samples} from '../samples.ts';
import {
  between,
  bytesText,
  confidenceText,
  count,
  counted,
  decimal,
  levelName,
  MISSING,
  percent,
  points,
  pText,
  significant,
} from './format.ts';
import {type Html, html} from './html.ts';
import {sampleLink} from './samples.ts';
import {type Measure, measureOf, rowsOf, spreadOf} from './spread.ts';
import {baselineName, comparedMethods} from './summary.ts';
import {cell, heading, methodHeading, table, teacherHeading, verdictCell, wordsHeading} from './table.ts';

/** A column of numbers: its measure, how it is called, its unit, and how it is written. */
interface Column {
  readonly measure: Measure;
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  readonly scale: number;
}

const ALL_COLUMNS: readonly Column[] = [
  {measure: 'accuracy', name: 'accuracy', unit: '%', digits: 2, scale: 100},
  {measure: 'balancedAccuracy', name: 'balanced accuracy', unit: '%', digits: 2, scale: 100},
  {measure: 'macroF1', name: 'macro F1', unit: '%', digits: 2, scale: 100},
  {measure: 'agreement', name: 'agreement', unit: '%', digits: 2, scale: 100},
  {measure: 'agreementWhereTeacherErrs', name: 'agreement', unit: '% where the teacher errs', digits: 2, scale: 100},
  {measure: 'klToTeacher', name: 'KL to teacher', unit: 'nats', digits: 3, scale: 1},
  {measure: 'nll', name: 'NLL', unit: 'nats', digits: 3, scale: 1},
  {measure: 'ece', name: 'ECE', unit: '%', digits: 2, scale: 100},
  {measure: 'adaptiveEce', name: 'adaptive ECE', unit: '%', digits: 2, scale: 100},
  {measure: 'brier', name: 'Brier', unit: '0 to 2', digits: 4, scale: 1},
  {measure: 'entropy', name: 'entropy', unit: 'nats', digits: 3, scale: 1},
  {measure: 'budget', name: 'answers', unit: 'each', digits: 0, scale: 1},
  {measure: 'seconds', name: 'training', unit: 's', digits: 1, scale: 1},
];

/** These are left out if no student has them: without true labels nobody knows who is right, and earlier versions did not measure all. */
const OPTIONAL: ReadonlySet<Measure> = new Set([
  'accuracy',
  'balancedAccuracy',
  'macroF1',
  'agreementWhereTeacherErrs',
  'adaptiveEce',
]);

function columnsOf({rows}: Results): readonly Column[] {
  return ALL_COLUMNS.filter(
    ({measure}) => !OPTIONAL.has(measure) || rows.some(row => Number.isFinite(measureOf(row, measure))),
  );
}

/** Every number of every method: mean and sample standard deviation over the seeds. */
export function numbersTable(results: Results, samples?: Samples): Html {
  const {seeds, methods} = results;
  const name =
    seeds.length > 1
      ? `On the test set: mean, and in small the sample standard deviation over ${counted(seeds.length, 'seed')}`
      : 'On the test set, one seed';
  const rows = methods.map(
    (method, index) =>
      html`<tr>${methodHeading(method, index, 1, sampleLink(samples, {method: index}))}${columnsOf(results).map(column => spreadCell(results, method, column))}</tr>`,
  );
  const head = [wordsHeading('method'), ...columnsOf(results).map(({name, unit}) => heading(name, unit))];
  return table(name, head, [teacherRow(results), ...rows]);
}

/** Every comparison with the baseline; undefined if nothing was compared. */
export function comparisonsTable(results: Results): Html | undefined {
  const baseline = baselineName(results);
  const compared = comparedMethods(results);
  if (baseline === undefined || compared.length === 0) return undefined;
  const head = [
    wordsHeading('method'),
    heading('difference', 'points'),
    heading('interval', 'points'),
    heading('confidence', 'of this interval'),
    heading('p', 'corrected'),
    heading('detectable', 'points, in 4 of 5 studies'),
    heading('seeds', 'of both'),
    wordsHeading('verdict'),
  ];
  const rows = results.methods.flatMap((method, index) => {
    const own = compared.find(entry => entry.method === method.method && entry.versusLabels === method.versusLabels);
    return own ? [html`<tr>${methodHeading(method, index)}${comparisonCells(own.versusLabels)}</tr>`] : [];
  });
  return table(`Agreement with the teacher against “${baseline}”`, head, rows);
}

function comparisonCells({difference, interval, confidence, p, detectable, seeds, paired, verdict}: Comparison) {
  return [
    cell(points(difference)),
    cell(between(interval)),
    cell(confidenceText(confidence)),
    cell(pText(p)),
    cell(percent(detectable)),
    cell(paired ? `${seeds[0]} pairs` : seeds.join(', ')),
    verdictCell(verdict),
  ];
}

/** Every number of every trained student. */
export function seedsTable(results: Results): Html {
  const rows = results.methods.flatMap((method, index) => {
    const own = rowsOf(results, method);
    return own.map((row, at) => {
      const head = at === 0 ? methodHeading(method, index, own.length) : undefined;
      return html`<tr>${head}${cell(String(row.seed))}${columnsOf(results).map(column => valueCell(row, column))}</tr>`;
    });
  });
  const head = [
    wordsHeading('method'),
    heading('seed'),
    ...columnsOf(results).map(({name, unit}) => heading(name, unit)),
  ];
  return table('Every student by seed', head, rows);
}

function teacherRow(results: Results): Html {
  const {teacher} = results;
  const known: Partial<Record<Measure, number>> = {accuracy: teacher.accuracy, nll: teacher.nll, ece: teacher.ece};
  const cells = columnsOf(results).map(({measure, digits, scale}) => {
    const value = known[measure];
    return cell(value === undefined ? '' : decimal(value * scale, digits));
  });
  return html`<tr>${teacherHeading('teacher')}${cells}</tr>`;
}

function spreadCell(results: Results, method: MethodResult, {measure, digits, scale}: Column): Html {
  const {mean, deviation} = spreadOf(results, method, measure);
  // Every seed of a method has the same budget: a spread of nought says nothing.
  if (measure === 'budget') return cell(count(mean));
  const spread = Number.isFinite(deviation) ? `±\u00a0${decimal((deviation ?? 0) * scale, digits)}` : undefined;
  return cell(decimal(mean * scale, digits), spread);
}

function valueCell(row: ResultRow, {measure, digits, scale}: Column): Html {
  if (measure === 'budget') return cell(count(row.budget));
  return cell(decimal(measureOf(row, measure) * scale, digits));
}

/** Size, speed and price of every method's student and of every level's teacher; undefined if nothing was measured. */
export function efficiencyTable({methods, teacherEfficiency = []}: Results): Html | undefined {
  const teachers = teacherEfficiency.map(
    ({level, teacher, usdPerThousand, ...speed}) =>
      html`<tr>${teacherHeading(teacher, levelName(level))}${cell(MISSING)}${cell(MISSING)}${speedCells(speed)}${cell(moneyText(usdPerThousand))}</tr>`,
  );
  const students = methods.flatMap((method, index) => {
    const {efficiency} = method;
    if (efficiency === undefined) return [];
    const {bytes, parameters, ...speed} = efficiency;
    return [
      html`<tr>${methodHeading(method, index)}${cell(bytesText(bytes))}${cell(count(parameters))}${speedCells(speed)}${cell(moneyText(0))}</tr>`,
    ];
  });
  if (students.length === 0) return undefined;
  const head = [
    wordsHeading('method'),
    heading('on disk'),
    heading('parameters'),
    heading('latency p50', 'ms'),
    heading('latency p99', 'ms'),
    heading('throughput', 'answers a second'),
    heading('money', '1,000 answers'),
  ];
  return table('The teachers, and the first seed’s student of each method', head, [...teachers, ...students]);
}

function speedCells({latency, answersPerSecond = Number.NaN}: Speed): readonly Html[] {
  if (latency === undefined) return [cell(MISSING), cell(MISSING), cell(count(answersPerSecond))];
  const {p50, p99, requests, inputsEach} = latency;
  const of = inputsEach > 1 ? `${decimal(inputsEach, 1)} inputs each` : undefined;
  return [cell(significant(p50), of), cell(significant(p99), `of ${count(requests)}`), cell(count(answersPerSecond))];
}

function moneyText(usd: number | undefined): string {
  return usd === undefined ? MISSING : dollars(usd);
}
