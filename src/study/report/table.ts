import Papa from 'papaparse';
import {FORMULA} from '../result-tables.ts';
import type {Comparison, MethodResult} from '../results.ts';
import {colourOf, swatch, TEACHER_COLOUR} from './figure.ts';
import {count, decimal, levelName, MISSING} from './format.ts';
import {type Content, type Html, html} from './html.ts';
import {isClaim} from './summary.ts';

/** A table in a box of its own, which scrolls sideways on a narrow screen and by the keyboard. */
export function table(name: string, head: Content, body: Content, foot?: Content): Html {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${name}"><table><caption><span>${name}</span></caption>
<thead><tr>${head}</tr></thead>
<tbody>${body}</tbody>${foot === undefined ? undefined : html`<tfoot>${foot}</tfoot>`}
</table></div>`;
}

/** A column of numbers, with its unit below the name. */
export function heading(name: string, unit?: string): Html {
  return html`<th scope="col">${name}${below(unit)}</th>`;
}

/** A column of words, which stand to the left. */
export function wordsHeading(name: string): Html {
  return html`<th scope="col" class="words">${name}</th>`;
}

/** A number as text, with what belongs to it in small below. */
export function cell(text: string, small?: string): Html {
  return html`<td>${text}${below(small)}</td>`;
}

/** A verdict, marked as a claim or as open. */
export function verdictCell(verdict: Comparison['verdict']): Html {
  return html`<td class="words ${isClaim(verdict) ? verdict : 'open'}">${verdict}</td>`;
}

/** The head of a method's row, or of `rows` rows: its colour, name and level, and a link. */
export function methodHeading(
  {method, level}: Pick<MethodResult, 'method' | 'level'>,
  index: number,
  rows = 1,
  link?: Html,
): Html {
  const span = rows > 1 ? html` rowspan="${rows}"` : undefined;
  return html`<th scope="row" class="words"${span}>${swatch(colourOf(index))}${method}${below(levelName(level))}${link}</th>`;
}

/** The head of the teacher's row, with its level if there are several. */
export function teacherHeading(name: string, level?: string): Html {
  return html`<th scope="row" class="words">${swatch(TEACHER_COLOUR)}${name}${below(level)}</th>`;
}

function below(text: string | undefined): Html | undefined {
  return text === undefined ? undefined : html`<small>${text}</small>`;
}

/** The data of a plot. */
interface DataTable {
  /** Of the file to download, without its ending. */
  readonly name: string;
  /** Names of the columns, with units. */
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** The page shows no more rows than this; the file has all. */
const SHOWN = 100;

/** The data of a plot, folded away: a table, and the same as a CSV file that the page itself holds. */
export function dataTable(data: DataTable): Html {
  const {name, columns, rows} = data;
  const isWords = (column: number) => rows.some(row => typeof row[column] === 'string');
  const head = columns.map((text, column) => (isWords(column) ? wordsHeading(text) : heading(text)));
  const body = rows.slice(0, SHOWN).map(row => html`<tr>${row.map(shown)}</tr>`);
  const of = rows.length > SHOWN ? `, ${count(SHOWN)} of ${count(rows.length)} rows` : '';
  return html`<details class="data"><summary>Data of this figure</summary>
<p><a href="${csvAddress(data)}" download="${name}.csv">Download ${name}.csv</a></p>
${table(`Data of ${name}${of}`, head, body)}</details>`;
}

function shown(value: string | number): Html {
  return typeof value === 'string' ? html`<td class="words">${value}</td>` : cell(numberText(value));
}

function numberText(value: number): string {
  if (!Number.isFinite(value)) return MISSING;
  return Number.isInteger(value) ? count(value) : decimal(value, 4);
}

/** A data URL of the CSV. A text that a spreadsheet would compute is written as a text. */
function csvAddress({columns, rows}: DataTable): string {
  const values = rows.map(row => row.map(value => (typeof value === 'number' ? rounded(value) : value)));
  const csv = Papa.unparse([[...columns], ...values], {escapeFormulae: FORMULA, newline: '\n'});
  // Half a surrogate pair can't be written as UTF-8.
  const text = csv.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD');
  return `data:text/csv;charset=utf-8,${encodeURI(text).replaceAll('#', '%23')}`;
}

/** Six significant digits; a number that is not finite is left empty. */
function rounded(value: number): number | '' {
  return Number.isFinite(value) ? Number(value.toPrecision(6)) : '';
}
