import Papa from 'papaparse';
import {InputError} from '../../errors.ts';
import {type Block, newlinesIn} from './blocks.ts';
import {fieldNames, type ReadTextsOptions, type TextFields, type TextRecord} from './record.ts';

/** A table to read. */
export interface TableSource {
  readonly file: string;
  /** The separator of cells; undefined if it is guessed. */
  readonly delimiter: string | undefined;
  readonly options: Pick<ReadTextsOptions, 'text' | 'label' | 'id' | 'header' | 'quotes' | 'onNote'>;
}

/** Some rows of a table. */
export interface Rows {
  readonly rows: readonly (readonly string[])[];
  /** The line that each row begins in. */
  readonly lines: readonly number[];
}

/** Reads the texts of a table. Line ends inside cells become \n. */
export async function* tableTexts(
  blocks: AsyncIterable<Block>,
  source: TableSource,
): AsyncGenerator<readonly TextRecord[]> {
  let layout: TableLayout | undefined;
  for await (const rows of rowsOf(blocks, source)) {
    const isFirst = layout === undefined;
    layout ??= columnsOf(rows.rows, source.file, source.options);
    const {file} = source;
    const records: TextRecord[] = [];
    for (let index = isFirst && layout.hasHeader ? 1 : 0; index < rows.rows.length; index++) {
      const record = rowRecord(rows.rows[index]!, {file, line: rows.lines[index]!}, layout);
      if (record !== undefined) records.push(record);
    }
    yield records;
  }
}

/** Returns undefined for a blank line. */
function rowRecord(
  cells: readonly string[],
  {file, line}: {readonly file: string; readonly line: number},
  {names, text, label, id}: TableLayout,
): TextRecord | undefined {
  const width = names.length;
  if (cells.length !== width) {
    if (cells.length === 1 && cells[0] === '') return undefined;
    if (cells.length <= text || cells.slice(width).some(cell => cell !== '')) {
      throw new InputError(
        `${file}, line ${line}: ${cells.length} cells, but the first row has ${width}. Put a cell that contains the ` +
          'delimiter in quotes, or name the `format` of the file.',
      );
    }
  }
  return {
    text: cells[text]!,
    label: label === undefined ? undefined : cells[label] || undefined,
    id: id === undefined ? undefined : cells[id] || undefined,
    file,
    line,
  };
}

/** The most characters of a row. If quotes don't match, all that follows would be one cell. */
const LONGEST_ROW = 2 ** 24;

interface Parsed {
  readonly data: readonly (readonly string[])[];
  readonly errors: readonly {readonly index: number}[];
  /** `cursor` is the number of characters in the complete rows. */
  readonly meta: {readonly cursor: number};
}

/** The rows of a table as cells, the first with the others. */
export async function* rowsOf(
  blocks: AsyncIterable<Block>,
  {file, delimiter, options}: TableSource,
): AsyncGenerator<Rows> {
  let parser: Papa.Parser | undefined;
  let rest = '';
  let restLine = 1;
  const take = (input: string, isLast: boolean): Rows => {
    const {data, errors, meta} = parser!.parse(input, 0, !isLast) as Parsed;
    if (errors[0] !== undefined) {
      const line = restLine + newlinesIn(input.slice(0, errors[0].index));
      throw new InputError(
        `${file}, line ${line}: a quote that is not closed, or closed inside its cell. Double the quotes inside ` +
          'cells, or turn `quotes` off if they have no meaning.',
      );
    }
    const lines = startsOf(data, restLine);
    rest = input.slice(meta.cursor);
    restLine += newlinesIn(input.slice(0, meta.cursor));
    return {rows: data, lines};
  };
  for await (const {text} of blocks) {
    // Rows of one table can have different line ends.
    const input = rest + (text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text);
    parser ??= new Papa.Parser({
      newline: '\n',
      delimiter: delimiter ?? guessDelimiter(input, options.quotes),
      ...(options.quotes === false && {fastMode: true}),
    });
    const rows = take(input, false);
    if (rows.rows.length > 0) yield rows;
    if (rest.length > LONGEST_ROW) {
      throw new InputError(
        `${file}, line ${restLine}: a row of more than ${LONGEST_ROW} characters. Check that every quote is closed.`,
      );
    }
  }
  if (rest !== '') yield take(rest, true);
}

/** The line that each row begins in. The first row begins in `line`. */
function startsOf(rows: Rows['rows'], line: number): number[] {
  let next = line;
  return rows.map(cells => {
    const start = next;
    next++;
    for (const cell of cells) if (cell.includes('\n')) next += newlinesIn(cell);
    return start;
  });
}

const DELIMITERS = [',', ';', '\t', '|'];

/** A table of one column has no delimiter to find, so it gets a comma. */
function guessDelimiter(input: string, quotes = true): string {
  const options = {preview: 20, skipEmptyLines: true};
  const guess = Papa.parse(input, {...options, delimitersToGuess: DELIMITERS}).meta.delimiter || ',';
  if (!quotes) return guess;
  // A delimiter is wrong if something else stands behind a closing quote.
  const isRight = (delimiter: string) => {
    const {data, errors} = Papa.parse<string[]>(input, {...options, delimiter});
    return (data[0]?.length ?? 0) > 1 && errors.every(({code}) => code !== 'InvalidQuotes');
  };
  return [guess, ...DELIMITERS].find(isRight) ?? guess;
}

/** The columns of a table. */
interface TableLayout {
  readonly hasHeader: boolean;
  /** Names of the columns, or their numbers from 1 if they have no names. */
  readonly names: readonly string[];
  /** Index of the column with the texts. */
  readonly text: number;
  readonly label: number | undefined;
  readonly id: number | undefined;
}

type ColumnOptions = TextFields & Pick<ReadTextsOptions, 'header' | 'onNote'>;

/**
 * Finds the columns, and decides if the first row names them.
 *
 * @param rows - the first rows of the table
 * @throws InputError if a column that is needed isn't there
 */
function columnsOf(
  rows: readonly (readonly string[])[],
  file: string,
  {header, onNote, ...fields}: ColumnOptions,
): TableLayout {
  const [first = []] = rows;
  const hasHeader = header ?? guessHeader(rows, fields);
  const names = first.map((name, index) => (hasHeader ? name.trim() : '') || String(index + 1));
  if (header === undefined) onNote?.(guessed(file, hasHeader, names));
  const find = (purpose: 'text' | 'label' | 'id', wanted: string | undefined): number | undefined => {
    const index = wanted === undefined ? -1 : indexIn(names, wanted);
    if (index >= 0 && names.indexOf(names[index]!, index + 1) < 0) return index;
    if (index >= 0) throw new InputError(`${file}: two columns are called \`${names[index]}\`. Rename one.`);
    if (wanted === undefined || fields[purpose] === undefined) return undefined;
    throw missing(file, hasHeader, names, wanted, purpose);
  };
  const wanted = fieldNames(fields);
  const text = find('text', wanted.text) ?? (names.length === 1 ? 0 : undefined);
  if (text === undefined) throw missing(file, hasHeader, names, wanted.text, 'text');
  return {hasHeader, names, text, label: find('label', wanted.label), id: find('id', wanted.id)};
}

/** Finds a column by its exact name, or else by its name in another case. */
function indexIn(names: readonly string[], wanted: string): number {
  const index = names.indexOf(wanted);
  if (index >= 0) return index;
  return names.findIndex(name => name.toLowerCase() === wanted.toLowerCase());
}

function guessed(file: string, hasHeader: boolean, names: readonly string[]): string {
  const shown = names.map(name => `\`${name}\``).join(', ');
  return hasHeader
    ? `${file}: the first row is taken for the names of the columns (${shown}). If it is data, turn \`header\` off.`
    : `${file}: the first row is taken for data. If it names the columns, turn \`header\` on.`;
}

function missing(file: string, hasHeader: boolean, names: readonly string[], wanted: string, purpose: string): Error {
  const shown = names.map(name => `\`${name}\``).join(', ');
  const why = hasHeader ? '' : ', because the first row is taken for data';
  return new InputError(
    `${file}: no column \`${wanted}\`, only ${shown}${why}. Name the one with the ${purpose} in \`${purpose}\`.`,
  );
}

/** Number of rows that are looked at. */
const LOOKED_AT = 100;

/**
 * The first row holds names if one of its cells is a name that is looked for. Otherwise it does if all of its cells are
 * short and different, none is a number, and none occurs again below.
 */
function guessHeader(rows: readonly (readonly string[])[], fields: TextFields): boolean {
  const [first = [], ...others] = rows.slice(0, LOOKED_AT);
  const cells = first.map(cell => cell.trim());
  const {text, label, id} = fieldNames(fields);
  if ([text, label, id].some(name => name !== undefined && !isNumber(name) && indexIn(cells, name) >= 0)) return true;
  if (cells.length < 2 || others.length === 0) return false;
  return cells.every((cell, index) => {
    return NAME.test(cell) && cells.indexOf(cell) === index && !others.some(row => row[index]?.trim() === cell);
  });
}

/** One to three words. */
const NAME = /^[\p{L}_][\p{L}\p{M}\p{N}_.:-]{0,31}(?: [\p{L}\p{M}\p{N}_.:()-]{1,32}){0,2}$/u;

function isNumber(name: string): boolean {
  return /^\d+$/.test(name);
}
