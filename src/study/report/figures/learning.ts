import * as Plot from '@observablehq/plot';
import type {CurvePoint} from '../../methods.ts';
import type {MethodResult, Results} from '../../results.ts';
import {colourOf, figure, panels} from '../figure.ts';
import {count, decimal, percent} from '../format.ts';
import {type Html, html} from '../html.ts';
import {drawn, logTicks} from '../plot.ts';
import {rowsOf} from '../spread.ts';
import {dataTable} from '../table.ts';

/** A point of a line to draw. */
interface Point {
  readonly step: number;
  readonly value: number;
}

interface Line {
  readonly title: string;
  readonly points: readonly Point[];
}

/** One method's curves. */
interface Curves {
  readonly method: MethodResult;
  readonly accuracy: readonly Line[];
  readonly loss: readonly Line[];
}

const WIDTH = 320;
const LONGEST = 120;

/** Validation accuracy and training loss by step, a panel a method; undefined if no curve was kept. */
export function learningFigure(results: Results): Html | undefined {
  const all = results.methods.map(method => curvesOf(results, method));
  if (all.every(({accuracy, loss}) => accuracy.length === 0 && loss.length === 0)) return undefined;
  const lowest = lowestShown(all);
  const list = all.map((curves, index) => ({
    colour: colourOf(index),
    title: curves.method.method,
    content: html`${accuracyPlot(curves, all, index, lowest)}${lossPlot(curves, index)}`,
  }));
  return figure('figure-learning', panels(WIDTH - 30, list), caption(all), data(results));
}

function data(results: Results): Html {
  const rows = results.methods.flatMap(method =>
    rowsOf(results, method).flatMap(({seed, curve}) =>
      curve.map(({epoch, step, loss, validationAccuracy}) => [
        ...[method.method, seed, epoch, step, loss],
        validationAccuracy === null ? Number.NaN : validationAccuracy * 100,
      ]),
    ),
  );
  const columns = ['method', 'seed', 'epoch', 'step', 'training loss', 'validation accuracy, %'];
  return dataTable({name: 'learning', columns, rows});
}

function curvesOf(results: Results, method: MethodResult): Curves {
  const rows = rowsOf(results, method);
  const lines = (value: (point: CurvePoint) => number | null, text: (last: number) => string): readonly Line[] =>
    rows.flatMap(({curve, seed}) => {
      const points = curve
        .map(point => ({step: point.step, value: value(point) ?? Number.NaN}))
        .filter(point => Number.isFinite(point.value));
      const last = points.at(-1);
      if (last === undefined) return [];
      return [
        {
          title: `${method.method}, seed ${seed}: ${text(last.value)} at step ${count(last.step)}`,
          points: thinned(points),
        },
      ];
    });
  return {
    method,
    accuracy: lines(
      ({validationAccuracy}) => validationAccuracy,
      last => `${percent(last)} %`,
    ),
    loss: lines(
      ({loss}) => loss,
      last => `loss ${decimal(last, 3)}`,
    ),
  };
}

/** No more points than the eye can tell apart, the last one always among them. */
function thinned(points: readonly Point[]): readonly Point[] {
  const stride = Math.ceil(points.length / LONGEST);
  return points.filter((_, index) => (points.length - 1 - index) % stride === 0);
}

/** The lowest accuracy in the last three quarters of training: the steep start would flatten all that matters. */
function lowestShown(all: readonly Curves[]): number {
  const values = all.flatMap(({accuracy}) =>
    accuracy.flatMap(({points}) => points.slice(Math.floor(points.length / 4)).map(({value}) => value)),
  );
  return values.length === 0 ? 0 : Math.min(...values);
}

function accuracyPlot(
  {method, accuracy}: Curves,
  all: readonly Curves[],
  index: number,
  lowest: number,
): Html | undefined {
  if (accuracy.length === 0) return undefined;
  const highest = Math.max(
    ...all.flatMap(curves => curves.accuracy.flatMap(({points}) => points.map(({value}) => value))),
  );
  const room = (highest - lowest) * 0.06 || 0.01;
  const shown = (lines: readonly Line[]): readonly Line[] =>
    lines.map(line => ({...line, points: line.points.filter(({value}) => value >= lowest - room)}));
  const others = all.filter((_, other) => other !== index).flatMap(curves => curves.accuracy.slice(0, 1));
  return drawn(
    {
      ...frame(168, steps(all)),
      marginBottom: 22,
      y: {domain: [(lowest - room) * 100, (highest + room) * 100], label: 'validation accuracy, %'},
      marks: [
        ...grid(null, 5),
        ...lineMarks(shown(others), 'var(--faint)', 1, 100),
        ...lineMarks(shown(accuracy), colourOf(index), 1.75, 100),
      ],
    },
    {
      label: `Validation accuracy of ${method.method} by step`,
      description: accuracy.map(({title}) => `${title}.`).join(' '),
    },
  );
}

function lossPlot({method, loss}: Curves, index: number): Html | undefined {
  if (loss.length === 0) return undefined;
  const positive = loss.every(({points}) => points.every(({value}) => value > 0));
  return drawn(
    {
      ...frame(150, steps([{method, loss, accuracy: []}])),
      y: {type: positive ? 'log' : 'linear', label: 'training loss'},
      marks: [
        ...grid('step', positive ? logTicks(loss.flatMap(({points}) => points.map(({value}) => value))) : 4),
        ...lineMarks(loss, colourOf(index), 1.75),
      ],
    },
    {label: `Training loss of ${method.method} by step`, description: loss.map(({title}) => `${title}.`).join(' ')},
  );
}

function frame(height: number, last: number): Plot.PlotOptions & {width: number; height: number} {
  return {
    width: WIDTH,
    height,
    marginLeft: 44,
    marginTop: 24,
    marginBottom: 38,
    marginRight: 14,
    x: {domain: [0, last]},
  };
}

function grid(label: string | null, ticks: number | readonly number[]): Plot.Markish[] {
  const many = typeof ticks === 'number' ? ticks : [...ticks];
  return [
    Plot.gridY({stroke: 'var(--rule)', strokeOpacity: 1, ticks: many}),
    Plot.axisY({ticks: many, tickSize: 0, tickFormat: String, labelArrow: 'none'}),
    Plot.axisX({ticks: 4, tickSize: 4, tickFormat: count, label, labelAnchor: 'center', labelArrow: 'none'}),
  ];
}

function lineMarks(lines: readonly Line[], stroke: string, strokeWidth: number, scale = 1): Plot.Markish[] {
  return lines.map(({title, points}) =>
    Plot.line(points, {
      x: 'step',
      y: ({value}: Point) => value * scale,
      z: null,
      stroke,
      strokeWidth,
      marker: points.length === 1 ? 'dot' : 'none',
      title: () => title,
    }),
  );
}

function steps(all: readonly Curves[]): number {
  return Math.max(
    1,
    ...all.flatMap(({accuracy, loss}) => [...accuracy, ...loss].map(({points}) => points.at(-1)?.step ?? 0)),
  );
}

function caption(all: readonly Curves[]): string {
  const losses =
    'Methods minimise different formulas, so compare the shapes of the losses and not their heights. A line is one seed.';
  if (all.every(({accuracy}) => accuracy.length === 0)) return `The training loss. ${losses}`;
  const others = all.length > 1 ? ' In grey the first seed of each other method, on the same axis.' : '';
  return `Above, accuracy on the validation set; the steep start is left out where it would flatten the rest.${others} Below, the training loss. ${losses}`;
}
