import Papa from 'papaparse';
import {FORMULA} from '../result-tables.ts';
import {count, decimal, MISSING} from './format.ts';
import {type Html, html} from './html.ts';
import {cell, heading, table, wordsHeading} from './table.ts';

/** The data of a plot. */
export interface DataTable {
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
