import * as Plot from '@observablehq/plot';
import type {Coverage, CoveragePoint} from '../../../evaluate/calibration.ts';
import type {Results} from '../../results.ts';
import {colourOf, figure, type Panel, panels} from '../figure.ts';
import {decimal, percentage} from '../format.ts';
import {type Html, html} from '../html.ts';
import {drawn} from '../plot.ts';
import {dataTable} from '../table.ts';

const WIDTH = 300;

/** The shares of the inputs that are told in words. */
const TOLD = [0.5, 0.8, 1];

interface Curve {
  readonly method: string;
  readonly index: number;
  readonly coverage: Coverage;
}

/** What share of the inputs each method's students can answer, at which agreement; undefined if it was not measured. */
export function coverageFigure({methods, seeds}: Results): Html | undefined {
  const curves = methods.flatMap(({method, coverage}, index) => (coverage ? [{method, index, coverage}] : []));
  if (curves.length === 0) return undefined;
  const list = curves.map(curve => panelOf(curve, curves));
  return figure('figure-coverage', panels(WIDTH - 20, list), caption(curves, seeds.length), data(curves));
}

function data(curves: readonly Curve[]): Html {
  const rows = curves.flatMap(({method, coverage: {points}}) =>
    points.map(({coverage, agreement, threshold}) => [method, 100 * coverage, 100 * agreement, threshold]),
  );
  return dataTable({name: 'coverage', columns: ['method', 'coverage, %', 'agreement, %', 'least confidence'], rows});
}

function panelOf(curve: Curve, all: readonly Curve[]): Panel {
  const {method, index, coverage} = curve;
  const {points, chosen} = coverage;
  const told = TOLD.map(share => points.find(point => point.coverage >= share - 1e-9) ?? points.at(-1)!);
  const sentences = told.map(({coverage: share, agreement}) => `${percentage(share, 0)}: ${percentage(agreement)}`);
  return {
    colour: colourOf(index),
    title: method,
    content: plot(curve, all),
    note: html`agreement on the surest ${sentences.join(', ')}${chosen && html`<br>${chosenText(chosen)}`}`,
  };
}

function chosenText({coverage, agreement, threshold}: CoveragePoint): string {
  if (coverage === 0) return 'by its threshold it answers nothing';
  return `from a confidence of ${decimal(threshold, 4)} on it answers ${percentage(coverage, 1)}, agreement ${percentage(agreement)}`;
}

function plot({method, index, coverage: {points, chosen}}: Curve, all: readonly Curve[]): Html {
  const [low, high] = extent(all);
  const line = {x: ({coverage}: CoveragePoint) => coverage * 100, y: ({agreement}: CoveragePoint) => agreement * 100};
  const shown = (all: readonly CoveragePoint[]) => all.filter(({agreement}) => agreement * 100 >= low);
  const others = all.filter(curve => curve.index !== index);
  const marked = chosen !== undefined && chosen.coverage > 0 ? [chosen] : [];
  return drawn(
    {
      width: WIDTH,
      height: 190,
      marginLeft: 44,
      marginTop: 24,
      marginBottom: 38,
      marginRight: 14,
      x: {domain: [0, 100]},
      y: {domain: [low, high], label: 'agreement, %'},
      marks: [
        Plot.gridY({stroke: 'var(--rule)', strokeOpacity: 1, ticks: 5}),
        Plot.axisY({ticks: 5, tickSize: 0, labelArrow: 'none'}),
        Plot.axisX({
          ticks: 5,
          tickSize: 4,
          label: 'inputs that the student answers, %',
          labelAnchor: 'center',
          labelArrow: 'none',
        }),
        ...others.map(curve =>
          Plot.line(shown(curve.coverage.points), {...line, stroke: 'var(--faint)', strokeWidth: 1}),
        ),
        Plot.line(shown(points), {...line, stroke: colourOf(index), strokeWidth: 1.75}),
        Plot.dot(shown(points), {...line, r: 5, fill: 'transparent', title: pointTitle}),
        Plot.ruleX(marked, {x: line.x, stroke: 'currentColor', strokeDasharray: '4 3'}),
        Plot.dot(marked, {...line, r: 4.5, fill: colourOf(index), title: chosenText}),
      ],
    },
    {
      label: `Agreement by coverage: ${method}`,
      description: points
        .filter((_, at) => at % 5 === 4)
        .map(pointTitle)
        .join('; '),
    },
  );
}

function pointTitle({coverage, agreement, threshold}: CoveragePoint): string {
  return `answers ${percentage(coverage, 0)} (confidence ${decimal(threshold, 4)} and more): agreement ${percentage(agreement)}`;
}

/** The first points are of a few inputs: only from a tenth of the inputs on does the least agreement count. */
function extent(curves: readonly Curve[]): readonly [number, number] {
  const points = curves.flatMap(curve => curve.coverage.points);
  const low = 100 * Math.min(...points.filter(({coverage}) => coverage >= 0.1).map(({agreement}) => agreement));
  const high = 100 * Math.max(...points.map(({agreement}) => agreement));
  const room = (high - low) * 0.08 || 1;
  return [Math.max(0, low - room), high + room / 2];
}

function caption(curves: readonly Curve[], seeds: number): string {
  const others = curves.length > 1 ? ' In grey the other methods, on the same axes.' : '';
  const mean = seeds > 1 ? `, mean over ${seeds} seeds` : '';
  const marked = curves.some(({coverage: {chosen}}) => (chosen?.coverage ?? 0) > 0);
  const threshold = marked ? ' The dot is the threshold that the calibration chose, for the first seed’s student.' : '';
  return `If a student answers only the test inputs that it is surest of, and the teacher the others: how often these answers are the teacher’s${mean}. A curve that falls from left to right belongs to a student that knows when it may be wrong.${threshold}${others}`;
}
