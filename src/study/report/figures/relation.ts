import type {Results} from '../../results.ts';
import {colourOf, figure, type Panel, panels, TEACHER_COLOUR} from '../figure.ts';
import {decimal, percent, percentage, shortened} from '../format.ts';
import {type Html, html} from '../html.ts';
import {svg} from '../plot.ts';
import {ranked} from '../spread.ts';
import {dataTable} from '../table.ts';

type Matrix = readonly (readonly number[])[];

/** Width and height of a map, in pixels. */
export const SIDE = 280;
/** Above so many classes names no longer fit, and a cell is too small to point at. */
const NAMED = 25;
const SHADES = 12;
const LONGEST_NAME = 9;

/** Which classes resemble each other, to the teacher and to each student. */
export function relationFigure(results: Results): Html {
  const {classes, methods, teacherRelation} = results;
  const students = methods.map(({method, relation, relationCorrelation}, index) =>
    panelOf(
      method,
      colourOf(index),
      relation,
      classes,
      `correlation with the teacher ${decimal(relationCorrelation, 3)}`,
    ),
  );
  const teacher = panelOf('teacher', TEACHER_COLOUR, teacherRelation, classes);
  return figure('figure-relation', panels(SIDE, [teacher, ...students]), caption(results), data(results));
}

function data({classes, methods, teacherRelation}: Results): Html {
  const all = [
    {name: 'teacher', relation: teacherRelation},
    ...methods.map(({method, relation}) => ({name: method, relation})),
  ];
  const rows = all.flatMap(({name, relation}) =>
    relation.map((masses, label) => [name, classes[label]!, ...masses.map(mass => 100 * mass)]),
  );
  const columns = ['method', 'true class', ...classes.map(name => `mass on ${name}, %`)];
  return dataTable({name: 'class-relation', columns, rows});
}

function panelOf(title: string, colour: string, matrix: Matrix, classes: readonly string[], note?: string): Panel {
  const others = offDiagonal(matrix);
  if (others.length === 0) return {colour, title, content: html`<p class="empty">no class relation kept</p>`};
  const [low, high] = [Math.min(...others), Math.max(...others)];
  const range = html`${percent(low, 1)}<span class="ramp"></span>${percentage(high, 1)}`;
  const description = `${strongestPair(matrix, classes)}${note === undefined ? '' : `; ${note}`}.`;
  const drawing = svg(
    {width: SIDE, height: SIDE},
    {label: `Class relation: ${title}`, description},
    heatMap(matrix, classes, {
      low,
      high,
      title: (row, column) => `true ${classes[row]}, mass on ${classes[column]}: ${percentage(matrix[row]![column]!)}`,
    }),
  );
  return {colour, title, content: drawing, note: html`${range}${note === undefined ? undefined : html`<br>${note}`}`};
}

/** The layout of a map's cells. */
interface Grid {
  readonly start: number;
  readonly cell: number;
  readonly fontSize: number;
}

interface HeatMapOptions {
  /** The value that is not shaded. */
  readonly low: number;
  /** The value of the full shade. */
  readonly high: number;
  /** Says what a cell shows; only cells of 25 classes or fewer have it. */
  readonly title: (row: number, column: number) => string;
}

/** A square for each pair of classes, in an SVG of `SIDE`. The diagonal is left out: it would drown the rest. */
export function heatMap(
  matrix: Matrix,
  classes: readonly string[],
  {low, high, title}: HeatMapOptions,
): readonly Html[] {
  const grid = gridOf(classes);
  const shade = (value: number): number => (high > low ? (value - low) / (high - low) : 0.5);
  const ground = square(grid, 0, 0, classes.length, 'map-ground');
  return classes.length <= NAMED
    ? [ground, ...names(classes, grid), ...cells(matrix, grid, shade, title)]
    : [ground, shades(matrix, grid, shade)];
}

function gridOf(classes: readonly string[]): Grid {
  const longest = Math.max(...classes.map(name => shortened(name, LONGEST_NAME).length));
  const fontSize = Math.min(11, (0.8 * SIDE) / classes.length);
  const start = classes.length <= NAMED ? 8 + longest * fontSize * 0.62 : 1;
  return {start, cell: (SIDE - start - 1) / classes.length, fontSize};
}

function square({start, cell}: Grid, row: number, column: number, size: number, className: string): Html {
  const [x, y, side] = [start + column * cell, start + row * cell, size * cell].map(hundredth);
  return html`<rect class="${className}" x="${x}" y="${y}" width="${side}" height="${side}" />`;
}

function names(classes: readonly string[], {start, cell, fontSize}: Grid): readonly Html[] {
  const level = start < cell;
  return classes.map((name, index) => {
    const middle = hundredth(start + (index + 0.5) * cell);
    const edge = hundredth(start - 5);
    const text = shortened(name, LONGEST_NAME);
    const above = level
      ? html`<text x="${middle}" y="${edge}">${text}</text>`
      : html`<text transform="translate(${middle} ${edge}) rotate(-90)" text-anchor="start" dy="0.35em">${text}</text>`;
    return html`<g font-size="${hundredth(fontSize)}">${above}<text x="${edge}" y="${middle}" dy="0.35em" text-anchor="end">${text}</text></g>`;
  });
}

function cells(
  matrix: Matrix,
  {start, cell}: Grid,
  shade: (value: number) => number,
  titleOf: HeatMapOptions['title'],
): readonly Html[] {
  const side = hundredth(cell - 1);
  return matrix.flatMap((values, row) =>
    values.map((value, column) => {
      const box = html`x="${hundredth(start + column * cell + 0.5)}" y="${hundredth(start + row * cell + 0.5)}" width="${side}" height="${side}"`;
      const title = html`<title>${titleOf(row, column)}</title>`;
      if (row === column) return html`<rect class="map-diagonal" ${box}>${title}</rect>`;
      return html`<rect class="map-cell" fill-opacity="${hundredth(shade(value))}" ${box}>${title}</rect>`;
    }),
  );
}

/** A path a shade: a hundred classes make ten thousand cells, too many for an element each. */
function shades(matrix: Matrix, {start, cell}: Grid, shade: (value: number) => number): Html {
  const paths = Array.from({length: SHADES + 1}, () => '');
  matrix.forEach((values, row) => {
    values.forEach((value, column) => {
      const level = Math.round(shade(value) * SHADES);
      if (row !== column && level > 0) paths[level] += `M${column},${row}h1v1h-1z`;
    });
  });
  const diagonal = matrix.map((_, index) => `M${index},${index}h1v1h-1z`).join('');
  return html`<g transform="translate(${start} ${start}) scale(${cell})"><path class="map-diagonal" d="${diagonal}" />${paths.map(
    (path, level) => html`<path class="map-cell" fill-opacity="${hundredth(level / SHADES)}" d="${path}" />`,
  )}</g>`;
}

/** The entries of a matrix that are no class with itself. */
export function offDiagonal(matrix: Matrix): readonly number[] {
  return matrix.flatMap((row, index) => row.filter((value, column) => column !== index && Number.isFinite(value)));
}

function strongestPair(matrix: Matrix, classes: readonly string[]): string {
  let [from, to] = [0, 1];
  matrix.forEach((values, row) => {
    values.forEach((value, column) => {
      if (row !== column && value > (matrix[from]?.[to] ?? 0)) [from, to] = [row, column];
    });
  });
  return `most mass goes from ${classes[from] ?? ''} to ${classes[to] ?? ''}, ${percentage(matrix[from]?.[to] ?? Number.NaN, 1)}`;
}

/** Two points always lie on a line. */
const TWO = ' With two classes there are two such entries, whose correlation is 1 or −1 whatever the student learned.';

function hundredth(value: number): number {
  return Math.round(value * 100) / 100;
}

function caption({classes, methods, teacherRelation}: Results): string {
  const order = ranked(methods, method => method.relationCorrelation);
  const ends =
    order.length < 2
      ? ''
      : `Nearest to the teacher’s pattern: “${order[0]!.method}”; farthest: “${order.at(-1)!.method}”. `;
  const pair =
    offDiagonal(teacherRelation).length === 0 ? '' : ` In the teacher ${strongestPair(teacherRelation, classes)}.`;
  return `${ends}The mean softmax at temperature 4 of the test inputs of a class: a row is the true class, a column the class that gets the mass. The diagonal is left out, since it would drown the rest; each map is shaded over its own range, for it is the pattern that is compared.${pair}${classes.length === 2 ? TWO : ''}`;
}
