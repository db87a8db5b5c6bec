import * as Plot from '@observablehq/plot';
import type {TargetSummary} from '../../../evaluate/effects.ts';
import type {Results} from '../../results.ts';
import {colourOf, figure, type Panel, panels, TEACHER_COLOUR} from '../figure.ts';
import {counted, percentage} from '../format.ts';
import {type Html, html} from '../html.ts';
import {drawn} from '../plot.ts';
import {dataTable} from '../table.ts';

const WIDTH = 300;

/** How soft the targets are that each method learns from: counts by entropy, hard labels all at zero. */
export function entropyFigure(results: Results): Html {
  const classes = results.classes.length;
  const students = results.methods.map(({method, targets}, index) =>
    panelOf(method, colourOf(index), targets, classes),
  );
  const teacher = results.teacherTargets;
  const first = teacher === undefined ? [] : [panelOf('teacher, T = 1', TEACHER_COLOUR, teacher, classes)];
  return figure(
    'figure-entropy',
    panels(WIDTH - 20, [...first, ...students]),
    caption(classes, teacher !== undefined),
    data(results),
  );
}

function data({methods, teacherTargets}: Results): Html {
  const all = [
    ...(teacherTargets ? [{name: 'teacher, T = 1', histogram: teacherTargets.histogram}] : []),
    ...methods.map(({method, targets}) => ({name: method, histogram: targets.histogram})),
  ];
  const rows = all.flatMap(({name, histogram}) =>
    histogram.map((targets, bin) => [
      ...[name, (100 * bin) / histogram.length, (100 * (bin + 1)) / histogram.length],
      targets,
    ]),
  );
  return dataTable({name: 'entropy', columns: ['method', 'entropy from, %', 'entropy to, %', 'targets'], rows});
}

function panelOf(title: string, colour: string, targets: TargetSummary, classes: number): Panel {
  const total = targets.histogram.reduce((sum, value) => sum + value, 0);
  const note = `mean entropy ${percentage(targets.entropy, 1)}, off the top class ${percentage(targets.smoothing, 1)}`;
  if (total === 0) return {colour, title, content: html`<p class="empty">no targets kept</p>`};
  return {colour, title, content: histogram(title, colour, targets, total, classes), note};
}

function histogram(
  title: string,
  colour: string,
  {entropy, histogram: counts}: TargetSummary,
  total: number,
  classes: number,
): Html {
  const bins = counts.map((value, index) => ({
    low: (100 * index) / counts.length,
    high: (100 * (index + 1)) / counts.length,
    share: (100 * value) / total,
    value,
  }));
  const text = ({low, high, value, share}: (typeof bins)[number]): string =>
    `entropy ${low.toFixed(0)} to ${high.toFixed(0)} %: ${counted(value, 'target')}, ${share.toFixed(1)} %`;
  return drawn(
    {
      width: WIDTH,
      height: 170,
      marginLeft: 40,
      marginTop: 24,
      marginBottom: 38,
      marginRight: 12,
      x: {domain: [0, 100], ticks: 5, label: `entropy, % of ln ${classes}`, labelAnchor: 'center', labelArrow: 'none'},
      y: {nice: true},
      marks: [
        Plot.axisY({ticks: 4, tickSize: 0, label: 'targets, %', labelArrow: 'none'}),
        Plot.gridY({stroke: 'var(--rule)', strokeOpacity: 1, ticks: 4}),
        Plot.rect(bins, {
          x1: 'low',
          x2: 'high',
          y1: 0,
          y2: 'share',
          insetLeft: 0.5,
          insetRight: 0.5,
          fill: colour,
          title: text,
        }),
        Plot.ruleY([0], {stroke: 'var(--muted)'}),
        Plot.ruleX(Number.isFinite(entropy) ? [entropy * 100] : [], {stroke: 'currentColor', strokeDasharray: '4 3'}),
      ],
    },
    {
      label: `Targets by entropy: ${title}`,
      description: bins
        .filter(({value}) => value > 0)
        .map(text)
        .join('; '),
    },
  );
}

function caption(classes: number, teacher: boolean): string {
  const shows = teacher ? ' The teacher’s own distributions come first, as it gave them.' : '';
  return `How much each target leaves open. A hard label leaves nothing: all its targets stand at zero. At 100\u00a0%, ln\u00a0${classes}\u00a0nats, a target names no class at all.${shows} The dashed line is the mean; the upright scales differ.`;
}
