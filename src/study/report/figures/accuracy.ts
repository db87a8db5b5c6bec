import type {MethodResult, Results} from '../../results.ts';
import {colourOf, figure} from '../figure.ts';
import {meanAndDeviation, percent, percentage} from '../format.ts';
import {type Html, html} from '../html.ts';
import {ceilingSentence} from '../sentences.ts';
import {ranked, rowsOf, spreadOf} from '../spread.ts';
import {dataTable} from '../table.ts';
import {type PlotRow, type RowPlotOptions, rowPlot} from './rows.ts';

/** Accuracy, if it is known, and agreement with the teacher by method: every seed, the mean, and its interval. */
export function accuracyFigure(results: Results): Html {
  const {teacher, truth, ceiling} = results;
  const agreement = plotOf(results, 'agreement', 'Agreement with the teacher', {
    axis: 'test inputs given the teacher’s class, %',
    reference: ceiling && {x: ceiling.share * 100, label: `teacher, asked again ${percentage(ceiling.share)}`},
  });
  if (truth === 'teacher') return figure('figure-accuracy', agreement, howToRead(results), data(results));
  const accuracy = plotOf(results, 'accuracy', 'Accuracy', {
    axis: 'right on the test set, %',
    reference: {x: teacher.accuracy * 100, label: `teacher ${percentage(teacher.accuracy)}`},
  });
  return figure(
    'figure-accuracy',
    html`<div class="pair">${accuracy}${agreement}</div>`,
    caption(results),
    data(results),
  );
}

function data({rows, truth}: Results): Html {
  const isKnown = truth === 'labels';
  return dataTable({
    name: 'accuracy',
    columns: ['method', 'seed', ...(isKnown ? ['accuracy, %'] : []), 'agreement, %'],
    rows: rows.map(({method, seed, accuracy, agreement}) => [
      ...[method, seed, ...(isKnown ? [100 * accuracy] : []), 100 * agreement],
    ]),
  });
}

function plotOf(
  results: Results,
  measure: 'accuracy' | 'agreement',
  title: string,
  options: Pick<RowPlotOptions, 'axis' | 'reference'>,
): Html {
  const rows = results.methods.map((method, index): PlotRow => {
    const spread = spreadOf(results, method, measure);
    return {
      name: method.method,
      colour: colourOf(index),
      dots: rowsOf(results, method).map(({seed}, row) => {
        const value = spread.values[row]!;
        return {x: value * 100, title: `${method.method}, seed ${seed}: ${percentage(value)}`};
      }),
      mean: spread.mean * 100,
      interval: spread.interval && [spread.interval[0] * 100, spread.interval[1] * 100],
      text: `${meanAndDeviation(spread, 2, 100)}\u00a0%`,
    };
  });
  const description = rows.map(({name, text}) => `${name}: ${text}.`).join(' ');
  const plot = rowPlot(rows, {label: `${title} by method`, description, ...options});
  return html`<div><p class="panel-title">${title}</p>${plot}</div>`;
}

function caption(results: Results): string {
  return `${bestSentence(results)}${howToRead(results)} Being right and agreeing with the teacher are two things: a student can copy mistakes.`;
}

function howToRead(results: Results): string {
  const count = results.seeds.length;
  const shown =
    count > 1
      ? `A dot is one seed, the upright bar the mean, the line the 95\u00a0% interval of that mean by Student’s t over ${count} seeds; the numbers are mean ± sample standard deviation.`
      : 'A dot is the one student that was trained; with one seed there is no interval.';
  const ceiling = ceilingSentence(results);
  const itself = ceiling === undefined ? '' : ` The dashed line is the teacher itself. ${ceiling}`;
  return `${shown}${itself} These intervals take each method alone; the comparison paired by seed and input, above, is the sharper one.`;
}

function bestSentence(results: Results): string {
  const mean = (method: MethodResult): number => spreadOf(results, method, 'accuracy').mean;
  const [best, second] = ranked(results.methods, mean);
  if (best === undefined || second === undefined) return '';
  const short = results.teacher.accuracy - mean(best);
  if (!Number.isFinite(short)) return '';
  const gap = `${percent(Math.abs(short))} points ${short < 0 ? 'more than' : 'short of'} the teacher`;
  return `On average “${best.method}” is right most often, ${gap}. `;
}
