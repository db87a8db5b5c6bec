import {InputError} from '../../errors.ts';
import {fieldNames} from './fields.ts';
import type {ReadTextsOptions, TextFields} from './record.ts';

/** What the columns of a table are. */
export interface TableLayout {
  readonly hasHeader: boolean;
  /** Of the columns; their numbers from 1, where they have none. */
  readonly names: readonly string[];
  /** The place of the column with the texts. */
  readonly text: number;
  readonly label: number | undefined;
  readonly id: number | undefined;
}

type ColumnOptions = TextFields & Pick<ReadTextsOptions, 'header' | 'onNote'>;

/**
 * Finds the columns, and whether the first row names them.
 *
 * @param rows - the first ones of the table
 * @throws InputError where a column that is needed isn't there
 */
export function columnsOf(
  rows: readonly (readonly string[])[],
  file: string,
  {header, onNote, ...fields}: ColumnOptions,
): TableLayout {
  const [first = []] = rows;
  const hasHeader = header ?? guessHeader(rows, fields);
  const names = first.map((name, place) => (hasHeader ? name.trim() : '') || String(place + 1));
  if (header === undefined) onNote?.(guessed(file, hasHeader, names));
  const find = (purpose: 'text' | 'label' | 'id', wanted: string | undefined): number | undefined => {
    const place = wanted === undefined ? -1 : placeIn(names, wanted);
    if (place >= 0 && names.indexOf(names[place]!, place + 1) < 0) return place;
    if (place >= 0) throw new InputError(`${file}: two columns are called \`${names[place]}\`. Give one another name.`);
    if (wanted === undefined || fields[purpose] === undefined) return undefined;
    throw missing(file, hasHeader, names, wanted, purpose);
  };
  const wanted = fieldNames(fields);
  const text = find('text', wanted.text) ?? (names.length === 1 ? 0 : undefined);
  if (text === undefined) throw missing(file, hasHeader, names, wanted.text, 'text');
  return {hasHeader, names, text, label: find('label', wanted.label), id: find('id', wanted.id)};
}

/** By its name, else by its name in other letters. */
function placeIn(names: readonly string[], wanted: string): number {
  const place = names.indexOf(wanted);
  if (place >= 0) return place;
  return names.findIndex(name => name.toLowerCase() === wanted.toLowerCase());
}

function guessed(file: string, hasHeader: boolean, names: readonly string[]): string {
  const shown = names.map(name => `\`${name}\``).join(', ');
  return hasHeader
    ? `${file}: the first row is taken for the names of the columns (${shown}). If it is a text, say so by \`header\`.`
    : `${file}: the first row is taken for data. If it names the columns, say so by \`header\`.`;
}

function missing(file: string, hasHeader: boolean, names: readonly string[], wanted: string, purpose: string): Error {
  const shown = names.map(name => `\`${name}\``).join(', ');
  const why = hasHeader ? '' : ', as the first row is taken for data';
  return new InputError(
    `${file}: no column \`${wanted}\`, only ${shown}${why}. Name the one with the ${purpose} by \`${purpose}\`.`,
  );
}

/** Rows that are looked at. */
const LOOKED_AT = 100;

/**
 * A first row is names where it holds one that is looked for; else where all of it is short, each cell another, none a
 * number, and none of them comes again below.
 */
function guessHeader(rows: readonly (readonly string[])[], fields: TextFields): boolean {
  const [first = [], ...others] = rows.slice(0, LOOKED_AT);
  const cells = first.map(cell => cell.trim());
  const {text, label, id} = fieldNames(fields);
  if ([text, label, id].some(name => name !== undefined && !isNumber(name) && placeIn(cells, name) >= 0)) return true;
  if (cells.length < 2 || others.length === 0) return false;
  return cells.every((cell, place) => {
    return NAME.test(cell) && cells.indexOf(cell) === place && !others.some(row => row[place]?.trim() === cell);
  });
}

/** One to three words. */
const NAME = /^[\p{L}_][\p{L}\p{M}\p{N}_.:-]{0,31}(?: [\p{L}\p{M}\p{N}_.:()-]{1,32}){0,2}$/u;

function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}
