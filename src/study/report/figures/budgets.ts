import * as Plot from '@observablehq/plot';
import {mean} from '../../../evaluate/statistics.ts';
import type {BudgetFindings} from '../../budget-results.ts';
import type {MethodResult, Results} from '../../results.ts';
import {colourOf, figure, TEACHER_COLOUR} from '../figure.ts';
import {count, counted, percent, percentage, shortened} from '../format.ts';
import {type Html, html} from '../html.ts';
import {type Description, drawn} from '../plot.ts';
import {agreementAt} from '../spread.ts';
import {dataTable} from '../table.ts';

/** A method at one budget. */
export interface CurveDot {
  readonly x: number;
  /** Mean agreement over the seeds, in per cent. */
  readonly y: number;
  /** The seeds with the least and the greatest agreement, in per cent. */
  readonly low: number;
  readonly high: number;
  readonly title: string;
}

export interface MethodCurve {
  readonly name: string;
  readonly colour: string;
  /** From the smallest to the largest budget. */
  readonly dots: readonly CurveDot[];
}

interface CurveOptions extends Description {
  /** Label of the horizontal axis. */
  readonly axis: string;
  /** Label of the vertical axis. @default agreement with the teacher, % */
  readonly measure?: string;
  /** Positions on the horizontal axis that may be marked. */
  readonly ticks: readonly number[];
  readonly tickText: (x: number) => string;
  /** A dashed line across, with its name. */
  readonly reference?: {readonly y: number; readonly label: string} | undefined;
  /** Dots that nothing beats, with a line through them; none if left out. */
  readonly frontier?: readonly CurveDot[];
}

const WIDTH = 490;
const TOP = 26;
const BOTTOM = 46;
const LEFT = 42;
/** Holds the names of the methods. */
const RIGHT = 170;
/** Height of a line of text. */
const LINE = 17;
/** The least distance between two ticks. */
const TICK = 44;
const LONGEST_NAME = 23;

/** Agreement with the teacher by the number of inputs; undefined if there was one budget. */
export function budgetsFigure(results: Results): Html | undefined {
  const {budgets, methods} = results;
  if (budgets === undefined) return undefined;
  const curves = methods.map((method, index): MethodCurve => {
    const dots = budgets.sizes.flatMap(size => dotAt(results, method, size, size) ?? []);
    return {name: method.method, colour: colourOf(index), dots};
  });
  const plot = curvePlot(curves, {
    axis: 'inputs that a student learned from, logarithmic',
    ticks: budgets.sizes,
    tickText: count,
    reference: ceilingOf(results),
    label: 'Agreement with the teacher by number of inputs, for each method',
    description: curves.flatMap(({dots}) => dots.map(({title}) => `${title}.`)).join(' '),
  });
  return figure('figure-budgets', html`<div class="single">${plot}</div>`, caption(results), data(budgets));
}

function data({rows}: BudgetFindings): Html {
  return dataTable({
    name: 'budgets',
    columns: ['method', 'inputs', 'seed', 'answers', 'agreement, %', 'accuracy, %'],
    rows: rows.map(({method, budget, seed, answers, agreement, accuracy}) => [
      ...[method, budget, seed, answers, 100 * agreement, 100 * accuracy],
    ]),
  });
}

/** How often the teacher agrees with itself, if it was asked twice: more than that can't be expected of a student. */
export function ceilingOf({ceiling}: Results): CurveOptions['reference'] {
  return ceiling && {y: 100 * ceiling.share, label: `teacher, asked again ${percentage(ceiling.share)}`};
}

/** A method at one budget, drawn at `x`; undefined if no run succeeded. */
export function dotAt(
  results: Results,
  method: Pick<MethodResult, 'method'>,
  budget: number,
  x: number,
): CurveDot | undefined {
  return dotOf(method.method, budget, agreementAt(results, method, budget).values, x);
}

/**
 * A method at one budget, drawn at `x`; undefined if no run succeeded.
 *
 * @param shares - agreement by seed
 */
export function dotOf(method: string, budget: number, shares: readonly number[], x: number): CurveDot | undefined {
  if (shares.length === 0) return undefined;
  const middle = mean(shares);
  const [low, high] = [Math.min(...shares), Math.max(...shares)];
  const range =
    shares.length === 1 ? '' : `, ${percent(low)} to ${percent(high)} over ${counted(shares.length, 'seed')}`;
  const title = `${method}, ${counted(budget, 'input')}: ${percentage(middle)}${range}`;
  return {x, y: 100 * middle, low: 100 * low, high: 100 * high, title};
}

/** Lines over a logarithmic axis, each with its band over the seeds and its name at its end. */
export function curvePlot(
  all: readonly MethodCurve[],
  {
    axis,
    measure = 'agreement with the teacher, %',
    ticks,
    tickText,
    reference,
    frontier = [],
    ...description
  }: CurveOptions,
): Html {
  const curves = all.filter(({dots}) => dots.length > 0);
  const height = Math.max(340, TOP + BOTTOM + LINE * curves.length);
  const {x, y} = domainsOf(curves, reference?.y);
  const centred = {label: axis, labelAnchor: 'center', labelArrow: 'none', labelOffset: 38} as const;
  return drawn(
    {
      ...{width: WIDTH, height, marginTop: TOP, marginBottom: BOTTOM, marginLeft: LEFT, marginRight: RIGHT},
      x: {type: 'log', domain: x},
      y: {domain: y},
      marks: [
        Plot.gridY({stroke: 'var(--rule)', strokeOpacity: 1, ticks: 6}),
        Plot.axisY({ticks: 6, tickSize: 0, fontSize: 12, label: measure, labelArrow: 'none'}),
        Plot.axisX({...centred, ticks: readable(ticks, x), tickFormat: tickText, tickSize: 4, fontSize: 12}),
        ...referenceMarks(reference),
        ...frontierMarks(frontier),
        ...curves.flatMap(curveMarks),
        ...nameMarks(curves, y, height - TOP - BOTTOM),
      ],
    },
    description,
  );
}

function referenceMarks(reference: CurveOptions['reference']): readonly Plot.Markish[] {
  if (reference === undefined) return [];
  const {y, label} = reference;
  const text = {y, frameAnchor: 'left', textAnchor: 'start', dy: -9, fontSize: 12, fill: TEACHER_COLOUR} as const;
  return [Plot.ruleY([y], {stroke: TEACHER_COLOUR, strokeDasharray: '4 3'}), Plot.text([label], text)];
}

/** A wide pale staircase behind the curves. */
function frontierMarks(dots: readonly CurveDot[]): readonly Plot.Markish[] {
  const line = {x: 'x', y: 'y', z: null, stroke: 'var(--faint)', strokeWidth: 8, curve: 'step-after'} as const;
  return dots.length === 0
    ? []
    : [Plot.line(dots, line), Plot.dot(dots, {x: 'x', y: 'y', r: 8, fill: 'none', stroke: 'currentColor'})];
}

function curveMarks({dots, colour}: MethodCurve): readonly Plot.Markish[] {
  const position = {x: 'x', y: 'y', z: null} as const;
  return [
    Plot.areaY(dots, {x: 'x', y1: 'low', y2: 'high', z: null, fill: colour, fillOpacity: 0.14}),
    Plot.line(dots, {...position, stroke: colour, strokeWidth: 2}),
    Plot.dot(dots, {...position, fill: colour, r: 3.5, title: 'title'}),
  ];
}

/** The names stand to the right, none over another one, each with a thin line from its curve. */
function nameMarks(
  curves: readonly MethodCurve[],
  [least, most]: readonly [number, number],
  height: number,
): readonly Plot.Markish[] {
  const ends = curves
    .map(({name, colour, dots}) => ({name, colour, end: dots.at(-1)!}))
    .toSorted((a, b) => b.end.y - a.end.y);
  const wanted = ends.map(({end}) => (height * (most - end.y)) / (most - least));
  const positions = apart(wanted, LINE, height);
  const named = ends.map((one, index) => ({...one, y: most - ((most - least) * positions[index]!) / height}));
  return [
    ...named.map(({end, colour, y}) => leader(end, y, colour)),
    Plot.text(named, {
      y: 'y',
      text: ({name}: {readonly name: string}) => shortened(name, LONGEST_NAME),
      ...{frameAnchor: 'right', textAnchor: 'start', dx: 16, fontSize: 13, fill: 'currentColor'},
    }),
  ];
}

/** From the end of a curve across the margin to its name. */
function leader(end: CurveDot, y: number, colour: string): Plot.Markish {
  return (_index, {x: scaleX, y: scaleY}, _values, {width, marginRight}, {document}) => {
    const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
    const ends = {x1: scaleX!(end.x) + 5, y1: scaleY!(end.y), x2: width - marginRight + 12, y2: scaleY!(y)};
    for (const [name, value] of Object.entries({...ends, stroke: colour, 'stroke-width': 1}))
      line.setAttribute(name, String(value));
    return line;
  };
}

/** Positions from 0 to `height`, in the order of those that are wanted, `distance` apart and as near to them as may be. */
function apart(wanted: readonly number[], distance: number, height: number): readonly number[] {
  const positions = [...wanted];
  for (const index of positions.keys()) {
    if (index > 0) positions[index] = Math.max(positions[index]!, positions[index - 1]! + distance);
  }
  for (let index = positions.length - 1; index >= 0; index--) {
    const limit = index === positions.length - 1 ? height : positions[index + 1]! - distance;
    positions[index] = Math.min(positions[index]!, limit);
  }
  return positions;
}

/** The ticks that leave each other room, the last one always among them. */
function readable(ticks: readonly number[], [from, to]: readonly [number, number]): number[] {
  const pixels = (x: number) => ((WIDTH - LEFT - RIGHT) * Math.log(x / from)) / Math.log(to / from);
  const kept: number[] = [];
  for (const tick of ticks.toReversed()) {
    if (kept.length === 0 || pixels(kept[0]!) - pixels(tick) >= TICK) kept.unshift(tick);
  }
  return kept;
}

function domainsOf(
  curves: readonly MethodCurve[],
  reference: number | undefined,
): {
  readonly x: [number, number];
  readonly y: [number, number];
} {
  const dots = curves.flatMap(curve => curve.dots);
  if (dots.length === 0) return {x: [1, 10], y: [0, 100]};
  const all = dots.map(({x}) => x);
  const [from, to] = [Math.min(...all), Math.max(...all)];
  const shares = dots.flatMap(({low, high}) => [low, high]).concat(reference ?? []);
  const [least, most] = [Math.min(...shares), Math.max(...shares)];
  const room = (most - least) * 0.06 || 1;
  return {x: from === to ? [from / 2, to * 2] : [from / 1.06, to * 1.04], y: [least - room, most + room]};
}

function caption({seeds, budgets}: Results): string {
  const band =
    seeds.length > 1
      ? ` A line is the mean over ${counted(seeds.length, 'seed')}; its band goes from the lowest seed to the highest.`
      : '';
  return `How often students agree with the teacher on the test split, by the number of inputs that they learned from.${band} Every student took ${counted(budgets!.steps, 'step')}, and the inputs of one budget are among those of the next: the level of access is all that differs. Read it sideways to see how many answers of one method teach as much as those of another.`;
}
