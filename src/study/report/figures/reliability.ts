import * as Plot from '@observablehq/plot';
import {wilson} from '../../../evaluate/audit.ts';
import type {ReliabilityBin} from '../../../evaluate/reliability.ts';
import type {Results} from '../../results.ts';
import {colourOf, figure, type Panel, panels, TEACHER_COLOUR} from '../figure.ts';
import {count, counted, percent, percentage} from '../format.ts';
import {type Html, html} from '../html.ts';
import {drawn} from '../plot.ts';
import {ranked, spreadOf} from '../spread.ts';
import {dataTable} from '../table.ts';

const WIDTH = 280;
/** Bins with fewer inputs are drawn faint: their accuracy is mostly chance. */
const FEW = 20;

/** Whether a stated confidence is kept: accuracy by confidence, the teacher and each method. */
export function reliabilityFigure(results: Results): Html {
  const {methods, teacher, teacherReliability, truth} = results;
  const most = Math.max(...[teacherReliability, ...methods.map(({reliability}) => reliability)].map(largestShare));
  const students = methods.map((method, index) =>
    panelOf(method.method, colourOf(index), method.reliability, spreadOf(results, method, 'ece').mean, most),
  );
  const first = panelOf('teacher', TEACHER_COLOUR, teacherReliability, teacher.ece, most);
  return figure(
    'figure-reliability',
    panels(WIDTH - 20, truth === 'labels' ? [first, ...students] : students),
    caption(results),
    data(results),
  );
}

function data({methods, teacherReliability}: Results): Html {
  const all = [
    {name: 'teacher', bins: teacherReliability},
    ...methods.map(({method, reliability}) => ({name: method, bins: reliability})),
  ];
  const rows = all.flatMap(({name, bins}) =>
    bins.map(({low, high, count: inputs, confidence, accuracy}) => [
      ...[name, 100 * low, 100 * high, inputs],
      ...(inputs === 0 ? [Number.NaN, Number.NaN] : [100 * confidence, 100 * accuracy]),
    ]),
  );
  const columns = ['method', 'confidence from, %', 'confidence to, %', 'inputs', 'mean confidence, %', 'right, %'];
  return dataTable({name: 'calibration', columns, rows});
}

function inputsOf(bins: readonly ReliabilityBin[]): number {
  return bins.reduce((sum, bin) => sum + bin.count, 0);
}

/** The share of inputs in the fullest bin. */
function largestShare(bins: readonly ReliabilityBin[]): number {
  return Math.max(0, ...bins.map(bin => bin.count)) / Math.max(1, inputsOf(bins));
}

function panelOf(title: string, colour: string, bins: readonly ReliabilityBin[], ece: number, most: number): Panel {
  const filled = bins.filter(bin => bin.count > 0);
  if (filled.length === 0) return {colour, title, content: html`<p class="empty">no bins kept</p>`};
  return {
    colour,
    title,
    content: html`${diagram(title, colour, filled)}${counts(title, colour, filled, most)}`,
    note: `expected calibration error ${percentage(ece)}`,
  };
}

function diagram(title: string, colour: string, bins: readonly ReliabilityBin[]): Html {
  const marks = bins.map(bin => {
    const [low, high] = wilson(bin.accuracy, bin.count);
    return {...bin, low, high, opacity: bin.count < FEW ? 0.35 : 1, title: binTitle(bin)};
  });
  const shared = {x: 'confidence', stroke: colour, strokeOpacity: 'opacity'};
  return drawn(
    {
      ...frame(WIDTH),
      marginBottom: 8,
      x: {...axis, label: null, tickFormat: () => ''},
      y: axis,
      opacity: {type: 'identity'},
      marks: [
        Plot.frame({stroke: 'var(--rule)'}),
        Plot.axisY({
          ticks: axis.ticks,
          tickFormat: axis.tickFormat,
          tickSize: 0,
          label: 'right, %',
          labelArrow: 'none',
        }),
        Plot.line(
          [
            [0, 0],
            [1, 1],
          ],
          {stroke: 'var(--muted)', strokeDasharray: '5 4'},
        ),
        Plot.ruleX(marks, {...shared, y1: 'low', y2: 'high', strokeWidth: 1.5}),
        Plot.dot(marks, {...shared, y: 'accuracy', r: 4, fill: colour, fillOpacity: 'opacity', title: 'title'}),
      ],
    },
    {
      label: `Reliability diagram: ${title}`,
      description: bins.map(binTitle).join('; '),
    },
  );
}

function counts(title: string, colour: string, bins: readonly ReliabilityBin[], most: number): Html {
  const total = inputsOf(bins);
  return drawn(
    {
      ...frame(108),
      marginBottom: 38,
      x: {...axis, label: 'confidence, %', labelAnchor: 'center', labelArrow: 'none'},
      y: {domain: [0, most * 100]},
      marks: [
        Plot.axisY({ticks: 2, tickSize: 0, label: 'inputs, %', labelArrow: 'none'}),
        Plot.ruleY([0], {stroke: 'var(--muted)'}),
        Plot.rect(bins, {
          x1: 'low',
          x2: 'high',
          y1: 0,
          y2: ({count: inputs}: ReliabilityBin) => (100 * inputs) / total,
          insetLeft: 0.5,
          insetRight: 0.5,
          fill: colour,
          title: binTitle,
        }),
      ],
    },
    {label: `Inputs by confidence: ${title}`, description: bins.map(binTitle).join('; ')},
  );
}

const axis = {domain: [0, 1], ticks: [0, 0.25, 0.5, 0.75, 1], tickFormat: (share: number) => `${share * 100}`} as const;

function frame(height: number): {
  width: number;
  height: number;
  marginLeft: number;
  marginTop: number;
  marginRight: number;
} {
  return {width: WIDTH, height, marginLeft: 38, marginTop: 22, marginRight: 12};
}

function binTitle({low, high, count: inputs, confidence, accuracy}: ReliabilityBin): string {
  const sure = `confidence ${percent(low, 0)} to ${percentage(high, 0)}`;
  return `${sure}: ${counted(inputs, 'input')}, mean confidence ${percentage(confidence, 1)}, right ${percentage(accuracy, 1)}`;
}

function caption(results: Results): string {
  const order = ranked(results.methods, method => spreadOf(results, method, 'ece').mean);
  const ends =
    order.length < 2 ? '' : `Least calibration error: “${order.at(-1)!.method}”; most: “${order[0]!.method}”. `;
  const whose = results.seeds.length > 1 ? ' Bins are those of the first seed, the error is the mean over seeds.' : '';
  const comesTrue = results.truth === 'labels' ? 'comes true' : 'names the teacher’s class';
  return `${ends}How often a stated confidence ${comesTrue} on the test set: below the dashed line a model promises too much, above it too little. Upright lines are 95\u00a0% intervals by Wilson’s score; bins of fewer than ${count(FEW)} inputs are faint. The bars show the share of inputs in each bin.${whose}`;
}
