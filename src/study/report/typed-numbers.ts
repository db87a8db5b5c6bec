import type {Question} from '../../question.ts';
import type {MeasuredStudent, QuestionResults} from '../joint/results.ts';
import type {MethodResult} from '../results.ts';
import {decimal, meanAndDeviation} from './format.ts';
import {spread} from './spread.ts';

/** A measure of a type of question: how it is called, and how it is written. */
export interface TypedColumn {
  readonly measure: string;
  readonly name: string;
  readonly unit: string;
  readonly digits: number;
  readonly scale: number;
}

const inPercent = (measure: string, name: string): TypedColumn => ({measure, name, unit: '%', digits: 2, scale: 100});
const asNumber = (measure: string, name: string, unit: string): TypedColumn => ({
  ...{measure, name, unit, digits: 3, scale: 1},
});

const COLUMNS: Readonly<Record<Question['type'], readonly TypedColumn[]>> = {
  choice: [inPercent('agreement', 'agreement'), inPercent('macroF1', 'macro F1')],
  predicate: [
    inPercent('agreement', 'agreement'),
    inPercent('precision', 'precision of yes'),
    inPercent('recall', 'recall of yes'),
    inPercent('f1', 'F1 of yes'),
    asNumber('auroc', 'AUROC', '0 to 1'),
    asNumber('averagePrecision', 'average precision', '0 to 1'),
  ],
  score: [
    inPercent('exact', 'exact level'),
    inPercent('withinOne', 'within one level'),
    asNumber('mae', 'mean absolute error', 'levels'),
    asNumber('bias', 'bias', 'levels'),
    asNumber('quadraticKappa', 'quadratic kappa', 'up to 1'),
    asNumber('spearman', 'Spearman', '−1 to 1'),
  ],
};

/** Of a score whose expected level alone is shown. */
const EXPECTED = [
  asNumber('expectedMae', 'error of the expected level', 'levels'),
  asNumber('expectedSpearman', 'Spearman of the expected level', '−1 to 1'),
];

/** The measures of a question's type, in the order in which they are shown. */
export function typedColumns({
  question,
  measures,
}: Pick<QuestionResults, 'question' | 'measures'>): readonly TypedColumn[] {
  const isExpected = measures.some(measured => 'expectedMae' in measured);
  return isExpected ? [...EXPECTED, ...COLUMNS[question.type]] : COLUMNS[question.type];
}

/** `92.81 ± 0.13` over the seeds of a method; the mean alone of one seed. */
export function typedText(
  {measures}: Pick<QuestionResults, 'measures'>,
  method: Pick<MethodResult, 'level' | 'method'>,
  {measure, digits, scale}: TypedColumn,
): string {
  return meanAndDeviation(spread(valuesOf(measures, method, measure)), digits, scale);
}

/** The same in two parts: the mean, and the deviation if there is one. */
export function typedCells(
  {measures}: Pick<QuestionResults, 'measures'>,
  method: Pick<MethodResult, 'level' | 'method'>,
  {measure, digits, scale}: TypedColumn,
): readonly [mean: string, deviation: string | undefined] {
  const {mean, deviation} = spread(valuesOf(measures, method, measure));
  const isKnown = deviation !== undefined && Number.isFinite(deviation);
  return [decimal(mean * scale, digits), isKnown ? `±\u00a0${decimal(deviation * scale, digits)}` : undefined];
}

function valuesOf(
  measures: readonly MeasuredStudent[],
  {level, method}: Pick<MethodResult, 'level' | 'method'>,
  measure: string,
): readonly number[] {
  return measures
    .filter(one => one.level === level && one.method === method)
    .map(one => (one as unknown as Readonly<Record<string, number>>)[measure]!);
}
