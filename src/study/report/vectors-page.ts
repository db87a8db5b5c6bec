import type {MethodResult, Results} from '../results.ts';
import {measureName} from '../vectors/measure-name.ts';
import type {MeasuredMean, VectorStudy} from '../vectors/results.ts';
import {verdictsTable} from './budgets.ts';
import {type Section, section} from './document.ts';
import {colourOf, figure} from './figure.ts';
import {curvePlot, dotOf, type MethodCurve} from './figures/budgets.ts';
import {learningFigure} from './figures/learning.ts';
import {count, counted, decimal, percent} from './format.ts';
import {type Html, html} from './html.ts';
import {efficiencyTable} from './numbers.ts';
import {missingSentences, writtenSentences} from './sentences.ts';
import {efficiencyContent, methodsTable} from './shared.ts';
import {spread} from './spread.ts';
import {cell, dataTable, heading, methodHeading, table, wordsHeading} from './table.ts';
import {vectorSentences} from './vector-sentences.ts';

/**
 * The sections of the report of a study whose teacher gives vectors.
 *
 * @param making - how it was made
 */
export function vectorSections(results: Results, vectors: VectorStudy, making: Html): readonly Section[] {
  const verdicts = verdictsContent(results);
  const efficiency = efficiencyTable(results);
  return [
    {id: 'answer', title: 'What was found', content: answer(results, vectors)},
    ...section('verdicts', 'Verdicts', verdicts),
    ...section('learning', 'Learning', learningFigure(results)),
    ...section('efficiency', 'Speed and size', efficiency && efficiencyContent(efficiency)),
    {id: 'numbers', title: 'All numbers', content: seedsTable(results)},
    {id: 'making', title: 'How it was made', content: making},
  ];
}

/** How long the vectors are. */
export function vectorsText({teacherDimensions, studentDimensions}: VectorStudy): string {
  if (teacherDimensions === studentDimensions) return counted(teacherDimensions, 'number');
  return `${counted(teacherDimensions, 'number')}, students’ ${count(studentDimensions)}`;
}

function answer(results: Results, vectors: VectorStudy): Html {
  const [first, ...others] = vectorSentences(results);
  const cautions = [...cautionsOf(results), ...missingSentences(results), ...writtenSentences(results)];
  return html`<p class="headline">${first}</p>
<div class="answer">
<div>
${others.map(sentence => html`<p>${sentence}</p>`)}
<div class="cautions"><ul>${cautions.map(caution => html`<li>${caution}</li>`)}</ul></div>
</div>
${budgetsFigure(results)}
</div>
${measuresTable(results, vectors)}
${methodsTable(results)}`;
}

function cautionsOf({seeds}: Results): readonly string[] {
  return [
    'Neighbours are looked for among the other inputs of the test split: in a larger index there are more inputs to be mistaken for them.',
    'Spearman’s correlations are point estimates.',
    ...(seeds.length === 1 ? ['There is one seed: the intervals are about this one student of each method.'] : []),
  ];
}

/** The measures of every method, with their intervals. */
function measuresTable({methods, seeds}: Results, {neighbours}: VectorStudy): Html {
  const hasCosine = methods.some(({vectors}) => vectors?.meanCosine);
  const rows = methods.map((method, index) => {
    const {meanCosine, recall, spearman} = method.vectors!;
    const cells = [
      ...(hasCosine ? [measureCell(meanCosine!, value => decimal(value, 3))] : []),
      measureCell(recall, value => percent(value)),
      cell(decimal(spearman, 3)),
    ];
    return html`<tr>${methodHeading(method, index)}${cells}</tr>`;
  });
  const head = [
    wordsHeading('method'),
    ...(hasCosine ? [heading('mean cosine', 'with the teacher’s vector')] : []),
    heading('recall, %', `of ${neighbours} neighbours`),
    heading('Spearman', 'of the cosines of pairs'),
  ];
  const of = seeds.length > 1 ? `means over ${counted(seeds.length, 'seed')}` : 'one seed';
  return table(`Vectors against the teacher’s on the test set: ${of}, and in small the 95 % interval`, head, rows);
}

function measureCell({mean, interval}: MeasuredMean, shown: (value: number) => string): Html {
  return cell(shown(mean), interval && `${shown(interval[0])} to ${shown(interval[1])}`);
}

/** The recall by the number of inputs; undefined if there was one budget. */
function budgetsFigure({budgets, methods, vectors}: Results): Html | undefined {
  if (budgets === undefined) return undefined;
  const curves = methods.map(({method}, index): MethodCurve => {
    const dots = budgets.sizes.flatMap(size => {
      const own = budgets.rows.filter(row => row.method === method && row.budget === size);
      const recalls = own.map(row => row.vectors!.recall);
      return dotOf(method, size, recalls, size) ?? [];
    });
    return {name: method, colour: colourOf(index), dots};
  });
  const plot = curvePlot(curves, {
    axis: 'inputs that a student learned from, logarithmic',
    ...{measure: `recall of ${vectors!.neighbours} neighbours, %`, ticks: budgets.sizes, tickText: count},
    label: 'Recall of the teacher’s neighbours by number of inputs, for each method',
    description: curves.flatMap(({dots}) => dots.map(({title}) => `${title}.`)).join(' '),
  });
  const data = dataTable({
    name: 'budgets',
    columns: ['method', 'inputs', 'seed', 'mean cosine', 'recall, %', 'Spearman'],
    rows: budgets.rows.map(({method, budget, seed, vectors: own}) => [
      ...[method, budget, seed, own!.meanCosine ?? Number.NaN, 100 * own!.recall, own!.spearman],
    ]),
  });
  const text =
    'How many of the teacher’s nearest neighbours students find, by the number of inputs that they learned from. A line is the mean over the seeds, its band goes from the lowest to the highest.';
  return figure('figure-budgets', html`<div class="single">${plot}</div>`, text, data);
}

function verdictsContent({verdicts = []}: Results): Html | undefined {
  const measures = [...new Set(verdicts.map(({measure}) => measure))];
  if (measures.length === 0) return undefined;
  return html`<p>Methods are compared over seeds and test inputs, paired by both. A point is a hundredth. All verdicts of this section together hold at 95 %.</p>
${measures.map(measure => html`<h3>By the ${measureName(measure)}</h3>${verdictsTable({verdicts: verdicts.filter(one => one.measure === measure)})}`)}`;
}

/** Every student. */
function seedsTable({methods, rows}: Results): Html {
  const body = rows.map(({level, method, seed, budget, vectors, seconds}) => {
    const index = methods.findIndex((one: MethodResult) => one.method === method && one.level === level);
    const {meanCosine = Number.NaN, recall, spearman} = vectors!;
    const figures = [count(budget), decimal(meanCosine, 4), percent(recall), decimal(spearman, 4), decimal(seconds, 1)];
    return html`<tr>${methodHeading(methods[index]!, index)}${cell(String(seed))}${figures.map(text => cell(text))}</tr>`;
  });
  const head = [
    wordsHeading('method'),
    ...[heading('seed'), heading('answers'), heading('mean cosine'), heading('recall', '%')],
    ...[heading('Spearman'), heading('training', 's')],
  ];
  const {mean: all} = spread(rows.map(({seconds}) => seconds));
  return table(`Every student by seed; training took ${decimal(all, 1)} s on the mean`, head, body);
}
