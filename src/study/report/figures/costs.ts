import {dollars} from '../../../ask/budget/price.ts';
import type {BudgetCost} from '../../budget-results.ts';
import type {Results} from '../../results.ts';
import {colourOf, figure} from '../figure.ts';
import {count, counted, list} from '../format.ts';
import {type Html, html} from '../html.ts';
import {logTicks} from '../plot.ts';
import {dataTable} from '../table.ts';
import {type CurveDot, ceilingOf, curvePlot, dotAt, type MethodCurve} from './budgets.ts';

/** Agreement with the teacher by expected cost; undefined if nothing costs anything. */
export function costsFigure(results: Results): Html | undefined {
  const {budgets, methods} = results;
  if (budgets === undefined) return undefined;
  // True labels are of no teacher: their price is not known.
  const asking = methods.filter(({level}) => level !== 'none');
  const costs = budgets.costs.filter(({level}) => level !== 'none');
  const isPriced = costs.every(({usd}) => usd !== undefined) && costs.some(({usd}) => usd!.expected > 0);
  const costOf = ({usd, calls}: BudgetCost) => (isPriced ? usd! : calls).expected;
  const write = isPriced ? dollars : (calls: number) => counted(calls, 'call');
  const curves = asking.map((method): MethodCurve => {
    const own = costs.filter(cost => cost.level === method.level && cost.method === method.method);
    const dots = own.flatMap(cost => {
      const dot = costOf(cost) > 0 ? dotAt(results, method, cost.budget, costOf(cost)) : undefined;
      return dot === undefined ? [] : [{...dot, title: `${dot.title}, ${write(dot.x)}`}];
    });
    return {name: method.method, colour: colourOf(methods.indexOf(method)), dots};
  });
  const all = curves.flatMap(({dots}) => dots);
  if (all.length === 0) return undefined;
  const frontier = frontierOf(all);
  const plot = curvePlot(curves, {
    axis: isPriced ? 'expected cost in US dollars, logarithmic' : 'expected calls, logarithmic',
    ticks: logTicks(all.map(({x}) => x)),
    tickText: isPriced ? dollars : count,
    frontier,
    reference: ceilingOf(results),
    label: `Agreement with the teacher by ${isPriced ? 'cost' : 'calls'}, for each method`,
    description: `At the frontier: ${frontier.map(({title}) => title).join('; ')}.`,
  });
  const free = curves.filter(({dots}) => dots.length === 0).map(({name}) => `“${name}”`);
  return figure('figure-costs', html`<div class="single">${plot}</div>`, caption(isPriced, free), data(results));
}

/** The dots that no dot beats which costs as much or less, from the cheapest on. */
function frontierOf(dots: readonly CurveDot[]): readonly CurveDot[] {
  const frontier: CurveDot[] = [];
  for (const dot of dots.toSorted((a, b) => a.x - b.x || b.y - a.y)) {
    if (frontier.length === 0 || dot.y > frontier.at(-1)!.y) frontier.push(dot);
  }
  return frontier;
}

function data(results: Results): Html {
  const rows = results.budgets!.costs.flatMap(({method, budget, calls, tokens, usd}) => {
    const dot = dotAt(results, {method}, budget, budget);
    const costs = [calls, tokens, usd].map(estimate => estimate?.expected ?? Number.NaN);
    return [[method, budget, dot?.y ?? Number.NaN, ...costs]];
  });
  return dataTable({
    name: 'costs',
    columns: ['method', 'inputs', 'agreement, %', 'calls', 'tokens', 'US dollars'],
    rows,
  });
}

function caption(isPriced: boolean, free: readonly string[]): string {
  const left =
    free.length === 0
      ? ''
      : ` ${list(free)} ${free.length === 1 ? 'costs' : 'cost'} nothing here and can’t stand on this axis.`;
  return `Agreement against ${isPriced ? 'what the answers would cost' : 'the calls that the answers would take'} by themselves, with none kept: an estimate. A line is a method, its dots are the budgets. Ringed, with the grey steps: the frontier, the dots that nothing at the same cost or less agrees more often than.${left}`;
}
