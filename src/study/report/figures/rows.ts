import * as Plot from '@observablehq/plot';
import {TEACHER_COLOUR} from '../figure.ts';
import {shortened} from '../format.ts';
import type {Html} from '../html.ts';
import {type Description, drawn} from '../plot.ts';

/** One line of a row plot: a name, what it measured, the number in words. */
export interface PlotRow {
  readonly name: string;
  readonly colour: string;
  /** Measured values, a dot each, with its hover title. */
  readonly dots: readonly {readonly x: number; readonly title: string}[];
  readonly mean: number;
  /** Ends of the interval; undefined if there is none. */
  readonly interval: readonly [number, number] | undefined;
  /** Written to the right of the name. */
  readonly text: string;
  /** Drawn hollow, for what is not shown to differ. */
  readonly hollow?: boolean;
}

export interface RowPlotOptions extends Description {
  /** Label of the axis, with its unit. */
  readonly axis: string;
  /** A dashed line across all rows. */
  readonly reference?: {readonly x: number; readonly label: string} | undefined;
}

const WIDTH = 400;
const ROW = 48;
const TOP = 26;
const BOTTOM = 44;
/** The row of a name and that of its marks, counted from the top of its own. */
const NAME = 0.26;
const MARKS = 0.68;

/** A row plot: the names stand above their marks instead of beside them, so that a narrow screen shows it whole. */
export function rowPlot(rows: readonly PlotRow[], {axis, reference, ...description}: RowPlotOptions): Html {
  const domain = extent(rows, reference?.x);
  return drawn(
    {
      width: WIDTH,
      height: TOP + rows.length * ROW + BOTTOM,
      marginTop: TOP,
      marginBottom: BOTTOM,
      marginLeft: 10,
      marginRight: 10,
      x: {domain, label: null},
      y: {domain: [rows.length, 0], axis: null},
      marks: [
        ...axisMarks(axis),
        ...referenceMarks(rows, reference, domain),
        ...nameMarks(rows),
        ...rows.flatMap(measuredMarks),
      ],
    },
    description,
  );
}

function axisMarks(label: string): Plot.Markish[] {
  const centred = {label, labelAnchor: 'center', labelArrow: 'none', labelOffset: 38} as const;
  return [
    Plot.gridX({stroke: 'var(--rule)', strokeOpacity: 1, ticks: 6}),
    Plot.axisX({...centred, ticks: 6, tickSize: 0, fontSize: 12}),
  ];
}

function nameMarks(rows: readonly PlotRow[]): Plot.Markish[] {
  // The stroke in the colour of the paper keeps the grid off the letters.
  const text = {y: (_: PlotRow, index: number) => index + NAME, fontSize: 13, stroke: 'var(--paper)', strokeWidth: 6};
  const left = {frameAnchor: 'left', textAnchor: 'start', fill: 'currentColor'} as const;
  const right = {frameAnchor: 'right', textAnchor: 'end', fill: 'var(--muted)'} as const;
  return [
    Plot.text(rows, {...text, ...left, text: ({name}: PlotRow) => shortened(name, 28)}),
    Plot.text(rows, {...text, ...right, text: 'text'}),
  ];
}

function measuredMarks({dots, colour, mean, interval, hollow = false}: PlotRow, index: number): Plot.Markish[] {
  const y = index + MARKS;
  const known = Number.isFinite(mean) ? [mean] : [];
  const filling = hollow ? {fill: 'var(--paper)'} : {fill: colour, fillOpacity: 0.55};
  const line = {y, x1: interval?.[0] ?? mean, x2: interval?.[1] ?? mean, stroke: colour, strokeWidth: 2.5};
  return [
    Plot.ruleY(known, line),
    Plot.dot(dots, {...filling, x: 'x', y: () => y, r: 4.5, stroke: colour, title: 'title'}),
    dots.length > 1 ? Plot.ruleX(known, {y1: y - 0.19, y2: y + 0.19, stroke: colour, strokeWidth: 3}) : null,
  ];
}

/** The reference crosses the marks only: through the names it would be a line through the letters. */
function referenceMarks(
  rows: readonly PlotRow[],
  reference: RowPlotOptions['reference'],
  [low, high]: readonly [number, number],
): Plot.Markish[] {
  if (reference === undefined || !Number.isFinite(reference.x)) return [];
  const {x, label} = reference;
  const position = (x - low) / (high - low);
  const textAnchor = position > 0.75 ? 'end' : position < 0.25 ? 'start' : 'middle';
  const span = {y1: (_: PlotRow, index: number) => index + 0.42, y2: (_: PlotRow, index: number) => index + 0.94};
  const dashes = {stroke: TEACHER_COLOUR, strokeWidth: 1.5, strokeDasharray: '4 3'};
  return [
    Plot.ruleX(rows, {...dashes, ...span, x: () => x}),
    Plot.text([label], {x, textAnchor, frameAnchor: 'top', dy: -10, fill: TEACHER_COLOUR, fontSize: 12}),
  ];
}

/** From the least to the greatest number to be drawn, with some room on both sides. */
function extent(rows: readonly PlotRow[], reference: number | undefined): [number, number] {
  const numbers = rows
    .flatMap(({dots, mean, interval}) => [...dots.map(({x}) => x), mean, ...(interval ?? [])])
    .concat(reference ?? [])
    .filter(Number.isFinite);
  if (numbers.length === 0) return [0, 1];
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const room = (high - low) * 0.06 || 1;
  return [low - room, high + room];
}
