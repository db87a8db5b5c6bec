import {writeFile} from 'node:fs/promises';
import * as Plot from '@observablehq/plot';
import {parseHTML} from 'linkedom';

/** A point of a curve. */
export interface Point {
  readonly x: number;
  readonly y: number;
  /** Which curve it is on. */
  readonly curve: string;
  /** Which panel it is in, if there are several. */
  readonly panel?: string;
}

export interface Figure {
  readonly name: string;
  /** What it shows, for those who can't see it. */
  readonly description: string;
  readonly x: string;
  readonly y: string;
  readonly points: readonly Point[];
  /** Names of the curves, in the order of their colours. */
  readonly curves: readonly string[];
  readonly isLogarithmic?: boolean;
}

/** Distinct for those who can't tell colours apart, and visible on light and dark grounds. */
const COLOURS = ['#0b7fc3', '#d1680e', '#1d9a6c', '#b5569a', '#8a8a00'];

const WIDTH = 600;
const HEIGHT = 300;
const LEGEND_LINE = 20;

const {document} = parseHTML('<!doctype html><html><body></body></html>');

/** Writes a figure as `NAME.svg` beside this file. */
export async function drawFigure(figure: Figure): Promise<void> {
  const {points, curves, isLogarithmic = false} = figure;
  const panels = [...new Set(points.flatMap(({panel}) => panel ?? []))];
  const inPanels = panels.length > 0 && {fx: 'panel'};
  const plot = Plot.plot({
    document,
    ...{
      width: WIDTH,
      height: HEIGHT,
      marginLeft: 56,
      marginTop: panels.length > 0 ? 36 : 16,
      marginBottom: 44,
      marginRight: 16,
    },
    style: {fontSize: '14px', background: 'none'},
    x: {label: figure.x, ...(panels.length > 0 && {ticks: [0.25, 0.5, 0.75]})},
    y: {
      label: figure.y,
      grid: true,
      ...(isLogarithmic && {type: 'log', tickFormat: (value: number) => String(Number(value.toPrecision(1)))}),
    },
    ...(panels.length > 0 && {fx: {label: null, domain: panels, padding: 0.12}}),
    color: {domain: curves, range: COLOURS.slice(0, curves.length)},
    marks: [
      Plot.frame({stroke: 'currentColor', strokeOpacity: 0.2}),
      Plot.line(points, {x: 'x', y: 'y', stroke: 'curve', strokeWidth: 2.2, ...inPanels}),
    ],
  });
  const svg = plot.tagName.toLowerCase() === 'svg' ? plot : plot.querySelector('svg')!;
  await writeFile(new URL(`${figure.name}.svg`, import.meta.url), standalone(svg.innerHTML, figure));
}

/** The drawing with its legend as a file of its own. Its gray can be read on light and dark pages. */
function standalone(content: string, {description, curves}: Figure): string {
  const drawing = content
    .replaceAll(/<style>.*?<\/style>/gs, '')
    .replaceAll(/-?\d+\.\d{3,}/g, number => String(Math.round(Number(number) * 100) / 100));
  const legend = legendOf(curves);
  const height = HEIGHT + legend.height;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="14" color="#767b85" fill="currentColor" text-anchor="middle">
<title>${description}</title>
<g text-anchor="start">${legend.content}</g>
<g transform="translate(0 ${legend.height})">${drawing}</g>
</svg>
`;
}

/** As many lines as the names of the curves take. */
function legendOf(curves: readonly string[]): {readonly content: string; readonly height: number} {
  let [left, top] = [56, 16];
  const entries = curves.map((curve, index) => {
    const width = 40 + curve.length * 7.6;
    if (left + width > WIDTH) [left, top] = [56, top + LEGEND_LINE];
    const x = left;
    left += width;
    return `<rect x="${x}" y="${top - 7}" width="18" height="4" fill="${COLOURS[index]}"/><text x="${x + 24}" y="${top}">${curve}</text>`;
  });
  return {content: entries.join(''), height: top + 12};
}
