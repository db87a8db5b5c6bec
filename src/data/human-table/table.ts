/** The table that a person fills: CSV as spreadsheets write it. limbeck only ever adds rows at its end. */
import {createHash} from 'node:crypto';
import {closest, distance} from 'fastest-levenshtein';
import Papa from 'papaparse';
import {InputError} from '../../errors.ts';
import {recordJson} from '../../input-kinds.ts';
import type {Input} from '../../teacher.ts';
import {bytesOf} from '../arrays.ts';

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
  switch (input.kind) {
    case 'text':
      hash.update('text\n').update(input.text, 'utf16le');
      break;
    case 'record':
      hash.update('record\n').update(recordJson(input.fields));
      break;
    case 'image':
      hash.update(`${input.mediaType}\n`).update(input.bytes);
      break;
    case 'tensor':
      hash.update(`${input.dtype} ${input.shape}\n`).update(bytesOf(input.data));
      break;
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

export const DELIMITERS: readonly Delimiter[] = [',', ';', '\t'];

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

/** One of the columns that a person fills. */
export interface Column {
  readonly name: string;
  /** The value of a cell that is not empty, or the sentences that say why it has none. */
  read(cell: string): number | string;
}

/** The values in the rows about one query, one for each column. If there are none, sentences that say why. */
export function valuesIn(rows: readonly Row[], columns: readonly Column[]): readonly number[] | string {
  const values: number[] = [];
  const empty: string[] = [];
  for (const [index, {name, read}] of columns.entries()) {
    const [first, ...others] = rows.filter(({cells}) => cells[index] !== '');
    if (first === undefined) {
      empty.push(`\`${name}\``);
      continue;
    }
    const value = read(first.cells[index]!);
    if (typeof value === 'string') return `Row ${first.number} has ${shown(first, index)} in \`${name}\`. ${value}`;
    const other = others.find(({cells}) => read(cells[index]!) !== value);
    if (other !== undefined) {
      return `Rows ${first.number} and ${other.number} are about the same input, and have ${shown(first, index)} and ${shown(other, index)} in \`${name}\`. Correct one of them.`;
    }
    values.push(value);
  }
  if (empty.length === 0) return values;
  return `Row ${rows[0]!.number} waits for a person: fill ${empty.join(', ')}, then run again.`;
}

/** The longest cell that is shown. */
const LONGEST_SHOWN = 40;

function shown({cells}: Row, index: number): string {
  const cell = cells[index]!;
  return JSON.stringify(cell.length > LONGEST_SHOWN ? `${cell.slice(0, LONGEST_SHOWN)}…` : cell);
}

/** The most classes that a message lists. */
const LISTED = 12;

/** Makes a reader of class names. It also accepts a name that is nearly right, if it is near one class only. */
export function labelReader(classes: readonly string[]): Column['read'] {
  const exact = new Map(classes.map((name, label) => [name.trim(), label]));
  const folded = new Map<string, number[]>();
  for (const [label, name] of classes.entries()) folded.set(fold(name), [...(folded.get(fold(name)) ?? []), label]);
  return cell => {
    const [label, ...others] = exact.has(cell) ? [exact.get(cell)!] : (folded.get(fold(cell)) ?? []);
    if (label === undefined) return `That is not a class. ${hint(cell, classes)}`;
    return others.length === 0 ? label : 'Several classes have nearly this name. Write the exact name of one.';
  };
}

/** Removes case and letter variants, and the leading zeros that a spreadsheet drops if it reads `01` as a number. */
function fold(name: string): string {
  return name
    .normalize('NFKC')
    .trim()
    .toLowerCase()
    .replace(/^0+(?=\d)/, '');
}

function hint(cell: string, classes: readonly string[]): string {
  const nearest = closest(cell.slice(0, LONGEST_SHOWN), [...classes]);
  if (distance(cell, nearest) <= nearest.length / 2) return `The closest is \`${nearest}\`.`;
  if (classes.length > LISTED) return `It must be one of ${classes.length}, such as \`${nearest}\`.`;
  return `It must be one of ${classes.map(name => `\`${name}\``).join(', ')}.`;
}
