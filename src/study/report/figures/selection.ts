import {describeStop} from '../../../select/round.ts';
import type {MethodSelection, RoundResult} from '../../methods.ts';
import type {Results} from '../../results.ts';
import {colourOf, figure} from '../figure.ts';
import {between, count, counted, list, percentage, points} from '../format.ts';
import {type Html, html} from '../html.ts';
import {dataTable} from '../table.ts';
import {curvePlot, type MethodCurve} from './budgets.ts';

/**
 * How methods chose their inputs, and agreement on held-out inputs after each round that was measured; undefined if no
 * method chose its inputs.
 */
export function selectionFigure({methods}: Results): Html | undefined {
  const curves = methods.flatMap(({method, selection}, index) =>
    selection ? [curveOf(method, selection, colourOf(index))] : [],
  );
  if (curves.length === 0) return undefined;
  const sentences = methods.flatMap(({method, selection}) => (selection ? sentenceOf(method, selection) : []));
  const said = html`${sentences.map(sentence => html`<p>${sentence}</p>`)}`;
  const dots = curves.flatMap(curve => curve.dots);
  if (dots.length === 0) return said;
  const measured = curves.filter(curve => curve.dots.length > 0);
  const plot = curvePlot(measured, {
    axis: 'answers so far, logarithmic',
    ticks: [...new Set(dots.map(({x}) => x))].toSorted((one, other) => one - other),
    tickText: count,
    label: 'Agreement on held-out inputs by number of answers, for each method that chose its inputs',
    description: dots.map(({title}) => `${title}.`).join(' '),
  });
  return html`${said}
${figure('figure-selection', html`<div class="single">${plot}</div>`, caption(methods), data(methods))}`;
}

function curveOf(name: string, {rounds}: MethodSelection, colour: string): MethodCurve {
  const dots = rounds.flatMap(({round, answers, agreement}) => {
    if (agreement === undefined) return [];
    const {share, interval} = agreement;
    const [low, high] = interval;
    const range = `${percentage(low)} to ${percentage(high)}`;
    const title = `${name}, round ${round}: ${counted(answers, 'answer')}, ${percentage(share)} (${range})`;
    return {x: answers, y: 100 * share, low: 100 * low, high: 100 * high, title};
  });
  return {name, colour, dots};
}

function sentenceOf(method: string, {by, rounds}: MethodSelection): string {
  const last = rounds.at(-1)!;
  const end = last.stopped === undefined ? '' : `: ${describeStop(last.stopped)}`;
  return `${method} chose its inputs by ${by}. It ended after ${counted(rounds.length, 'round')} with ${counted(last.answers, 'answer')}${end}.${gainText(last)}`;
}

function gainText({gain}: RoundResult): string {
  if (gain === undefined) return '';
  return ` The next ${counted(gain.calls, 'call')} were expected to buy ${points(gain.gain)} points (95\u00a0% interval ${between(gain.interval)}).`;
}

function data(methods: Results['methods']): Html {
  const rows = methods.flatMap(({method, selection}) =>
    (selection?.rounds ?? []).map(({round, answers, held, agreement, gain}) => [
      ...[method, round, answers, held],
      ...[agreement?.share, ...(agreement?.interval ?? UNKNOWN), gain?.gain, ...(gain?.interval ?? UNKNOWN)].map(
        (value = Number.NaN) => 100 * value,
      ),
    ]),
  );
  return dataTable({
    name: 'selection',
    columns: [
      ...['method', 'round', 'answers', 'held out', 'agreement, %', 'low', 'high'],
      ...['expected gain, points', 'gain, low', 'gain, high'],
    ],
    rows,
  });
}

const UNKNOWN = [undefined, undefined];

function caption(methods: Results['methods']): string {
  const held = new Set(methods.flatMap(({selection}) => selection?.rounds.map(round => count(round.held)) ?? []));
  return `How often the student of each round agrees with the teacher on answers that were held out from all rounds (${list([...held])} of them), by the number of answers so far. The band is the 95\u00a0% interval over such inputs. These students only chose the next inputs: those that are compared learned from all answers, and are measured on the test split.`;
}
