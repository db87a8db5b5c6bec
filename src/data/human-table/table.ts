/** The table that a person fills: CSV as spreadsheets write it. limbeck only ever adds rows at its end. */
import {createHash} from 'node:crypto';
import Papa from 'papaparse';
import {InputError} from '../../errors.ts';
import type {Input} from '../../teacher.ts';
import {bytesOf} from '../bytes.ts';

export type Delimiter = ',' | ';' | '\t';

/** A query as a table shows it. */
export interface ShownQuery {
  readonly id: string;
  readonly text: string;
}

export interface Row extends ShownQuery {
  /** Number of the row as spreadsheets count: row 1 names the columns. */
  readonly number: number;
  /** The trimmed cells of the columns that a person fills, in the order of these columns. */
  readonly cells: readonly string[];
}

export interface Table {
  /** The whole file, byte order mark included. */
  readonly content: string;
  /** The layout that new rows follow. */
  readonly layout: Layout;
  /** Rows by the id of their query. */
  readonly rows: ReadonlyMap<string, readonly Row[]>;
  /** Ids of queries by the text that shows them. */
  readonly ids: ReadonlyMap<string, string>;
}

interface Layout {
  readonly delimiter: Delimiter;
  readonly newline: '\r\n' | '\n' | '\r';
  /** Number of cells in the first row. */
  readonly width: number;
  readonly id: number;
  readonly text: number;
  readonly filled: readonly number[];
}

/** The id of an input. No spreadsheet takes it for a number, a date or a formula. */
export function idOf(input: Input): string {
  const hash = createHash('sha256');
  if (input.kind === 'text') {
    hash.update('text\n').update(input.text, 'utf16le');
  } else {
    const {dtype, shape, data} = input;
    hash.update(`${dtype} ${shape}\n`).update(bytesOf(data));
  }
  return `q${hash.digest('hex').slice(0, 24)}`;
}

/** A table without queries. The mark at its start tells spreadsheets that it is UTF-8. */
export function newTable(columns: readonly string[], delimiter: Delimiter): string {
  return `\uFEFF${Papa.unparse([[...columns, 'text', 'id']], {delimiter})}\r\n`;
}

/**
 * Reads a table with any delimiter, any line ends and any order of columns. A row without an id is found by its text.
 *
 * @param path - of the file, for messages
 * @param columns - those that a person fills
 * @throws InputError if a column is missing or quotes don't match
 */
export function readTable(path: string, content: string, columns: readonly string[]): Table {
  const layout = layoutOf(path, content, columns);
  const {delimiter} = layout;
  // Rows that were added in another program can have other line ends than the first row.
  const newline = layout.newline === '\r' ? '\r' : '\n';
  const {data, errors} = Papa.parse<readonly string[]>(content, {delimiter, newline});
  if (errors[0] !== undefined) {
    throw new InputError(
      `${path}: Row ${(errors[0].row ?? 0) + 1} has quotes that don't match, as in a file that was saved only in part. Fix the row, or save the file again.`,
    );
  }
  const rows = new Map<string, Row[]>();
  const ids = new Map<string, string>();
  for (const [index, cells] of data.entries()) {
    const row = index === 0 ? undefined : rowOf(cells, index + 1, layout);
    if (row === undefined) continue;
    ids.set(row.text, row.id);
    const known = rows.get(row.id);
    if (known) known.push(row);
    else rows.set(row.id, [row]);
  }
  return {content, layout, rows, ids};
}

/** The file with these queries added at its end. Nothing else changes. */
export function withQueries({content, layout}: Table, queries: readonly ShownQuery[]): string {
  const {delimiter, newline, width} = layout;
  const rows = queries.map(({id, text}) => {
    const cells = new Array<string>(width).fill('');
    cells[layout.id] = id;
    cells[layout.text] = guarded(text);
    return cells;
  });
  const end = /[\r\n]$/.test(content) ? '' : newline;
  return `${content}${end}${Papa.unparse(rows, {delimiter, newline})}${newline}`;
}

/** The start of a cell, for any delimiter that the file can be read with. */
const START = /(?:^|[,;|\t\r\n])[ "\u00a0]*/u.source;
/** The signs at the start of a cell that make it a formula in a spreadsheet. */
const FORMULA = /[=+\-@＝＋－＠]|(?<=^'*)[\t\r\n]/u.source;

const TO_GUARD = new RegExp(`(?<=${START})(?='*(?:${FORMULA}))`, 'gu');
const GUARDED = new RegExp(`(?<=${START})'(?='*(?:${FORMULA}))`, 'gu');

/** Guards a text, so that no spreadsheet runs any part of it as a formula, whatever delimiter it reads with. */
export function guarded(text: string): string {
  return text.replace(TO_GUARD, "'");
}

/** Returns the text that was guarded. */
export function unguarded(cell: string): string {
  return cell.replace(GUARDED, '');
}

const DELIMITERS: readonly Delimiter[] = [',', ';', '\t'];

function layoutOf(path: string, content: string, columns: readonly string[]): Layout {
  const wanted = [...columns, 'text', 'id'];
  const heads = DELIMITERS.map(delimiter => headOf(content, delimiter));
  const has = ({names}: Head) => wanted.filter(name => names.includes(name.toLowerCase())).length;
  const head = heads.reduce((best, other) => (has(other) > has(best) ? other : best));
  const {names, delimiter, newline} = head;
  const locationOf = (column: string): number => {
    const index = names.indexOf(column.toLowerCase());
    if (index >= 0 && names.lastIndexOf(column.toLowerCase()) === index) return index;
    const problem = index < 0 ? 'has no column' : 'has more than one column';
    throw new InputError(
      `${path}: The first row ${problem} \`${column}\`. Its cells are ${names.map(name => `\`${name}\``).join(', ')}. ` +
        `It must name ${wanted.map(name => `\`${name}\``).join(', ')}, each once, in any order and beside any others.`,
    );
  };
  const filled = columns.map(locationOf);
  return {delimiter, newline, width: names.length, filled, text: locationOf('text'), id: locationOf('id')};
}

interface Head extends Pick<Layout, 'delimiter' | 'newline'> {
  /** Cells of the first row, in lower case. */
  readonly names: readonly string[];
}

function headOf(content: string, delimiter: Delimiter): Head {
  const {data, meta} = Papa.parse<readonly string[]>(content, {delimiter, preview: 1});
  const names = (data[0] ?? []).map(name => name.trim().toLowerCase());
  return {names, delimiter, newline: meta.linebreak as Layout['newline']};
}

/** Returns undefined if the row has neither an id nor a text. */
function rowOf(cells: readonly string[], number: number, layout: Layout): Row | undefined {
  // Rows are split at \n only, and short rows lack their empty cells.
  const cellAt = (index: number) => (cells[index] ?? '').replace(index === cells.length - 1 ? /\r$/ : '', '');
  const text = unguarded(cellAt(layout.text));
  const given = cellAt(layout.id).trim();
  if (given === '' && text === '') return undefined;
  const filled = layout.filled.map(index => unguarded(cellAt(index).trim()).trim());
  return {number, id: given || idOf({kind: 'text', text}), text, cells: filled};
}
