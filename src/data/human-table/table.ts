/** The table that a person fills: CSV as spreadsheets write it, of which limbeck only ever adds rows at the end. */
import {createHash} from 'node:crypto';
import Papa from 'papaparse';
import {InputError} from '../../errors.ts';
import type {Input} from '../../teacher.ts';
import {bytesOf} from '../bytes.ts';

export type Delimiter = ',' | ';' | '\t';

/** A query as it stands in a table. */
export interface ShownQuery {
  readonly id: string;
  readonly text: string;
}

export interface Row extends ShownQuery {
  /** As spreadsheets count them: the first one names the columns. */
  readonly number: number;
  /** What stands in the columns that a person fills, in their order, trimmed. */
  readonly cells: readonly string[];
}

export interface Table {
  /** The whole file as it stands, byte order mark and all. */
  readonly content: string;
  /** What says where the cells of a new row go. */
  readonly layout: Layout;
  /** By the id of their query. */
  readonly rows: ReadonlyMap<string, readonly Row[]>;
  /** The id of the query that is shown as this text. */
  readonly ids: ReadonlyMap<string, string>;
}

interface Layout {
  readonly delimiter: Delimiter;
  readonly newline: '\r\n' | '\n' | '\r';
  /** How many cells the first row has. */
  readonly width: number;
  readonly id: number;
  readonly text: number;
  readonly filled: readonly number[];
}

/** Names an input. No spreadsheet takes it for a number, a date or a formula. */
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
 * Reads a table, whatever its delimiter, its line ends and the order of its columns. A row without an id is about its
 * text.
 *
 * @param path - of the file, for messages
 * @param columns - those that a person fills
 * @throws InputError where a column is missing, and where the quotes don't match
 */
export function readTable(path: string, content: string, columns: readonly string[]): Table {
  const layout = layoutOf(path, content, columns);
  const {delimiter} = layout;
  // Some row may end otherwise than the first one does, if somebody added it in another program.
  const newline = layout.newline === '\r' ? '\r' : '\n';
  const {data, errors} = Papa.parse<readonly string[]>(content, {delimiter, newline});
  if (errors[0] !== undefined) {
    throw new InputError(
      `${path}: Row ${(errors[0].row ?? 0) + 1} has quotes that don't match, as in a file of which only a part was saved. Mend it, or save the file again.`,
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

/** The file with these queries at its end, and nothing else changed. */
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

/** Where a cell begins, or would begin if the file were read with another delimiter. */
const START = /(?:^|[,;|\t\r\n])[ "\u00a0]*/u.source;
/** What a spreadsheet takes for a formula there. */
const FORMULA = /[=+\-@＝＋－＠]|(?<=^'*)[\t\r\n]/u.source;

const TO_GUARD = new RegExp(`(?<=${START})(?='*(?:${FORMULA}))`, 'gu');
const GUARDED = new RegExp(`(?<=${START})'(?='*(?:${FORMULA}))`, 'gu');

/** A text that no spreadsheet runs as a formula, nor a part of it, whatever it takes for the delimiter. */
export function guarded(text: string): string {
  return text.replace(TO_GUARD, "'");
}

/** The text that was guarded. */
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
        `It is to name ${wanted.map(name => `\`${name}\``).join(', ')}, each once, in any order and beside any others.`,
    );
  };
  const filled = columns.map(locationOf);
  return {delimiter, newline, width: names.length, filled, text: locationOf('text'), id: locationOf('id')};
}

interface Head extends Pick<Layout, 'delimiter' | 'newline'> {
  /** What stands in the first row, in lower case. */
  readonly names: readonly string[];
}

function headOf(content: string, delimiter: Delimiter): Head {
  const {data, meta} = Papa.parse<readonly string[]>(content, {delimiter, preview: 1});
  const names = (data[0] ?? []).map(name => name.trim().toLowerCase());
  return {names, delimiter, newline: meta.linebreak as Layout['newline']};
}

/** Undefined where the row is about nothing. */
function rowOf(cells: readonly string[], number: number, layout: Layout): Row | undefined {
  // Rows are parted at \n alone, and short ones lack what is empty in them.
  const cellAt = (index: number) => (cells[index] ?? '').replace(index === cells.length - 1 ? /\r$/ : '', '');
  const text = unguarded(cellAt(layout.text));
  const given = cellAt(layout.id).trim();
  if (given === '' && text === '') return undefined;
  const filled = layout.filled.map(index => unguarded(cellAt(index).trim()).trim());
  return {number, id: given || idOf({kind: 'text', text}), text, cells: filled};
}
