import {stat} from 'node:fs/promises';
import Papa from 'papaparse';
import {blocksOf, bytesOf, linesOf} from '../../data/texts/blocks.ts';
import type {TextFormat} from '../../data/texts/format.ts';
import {filesIn, formatOf, guessFormat} from '../../data/texts/read.ts';
import {type ReadTextsOptions, valueAt} from '../../data/texts/record.ts';
import {InputError} from '../../errors.ts';

/** The form of texts, from a look at their start. */
export interface Peek {
  readonly format: TextFormat;
  /** True if neither a folder nor the file's ending reveals the format. */
  readonly isGuessed: boolean;
  /** The fields of an object or the columns of a table, with an example of each. Empty for plain texts. */
  readonly fields: readonly PeekedField[];
  /** The one that looks like the text, if there are any. */
  readonly text: string | undefined;
  /** The field with a usual name for labels. */
  readonly label: string | undefined;
  /** True if the first row of a table names its columns. Undefined for other formats. */
  readonly hasHeader: boolean | undefined;
  /** The subfolders that can name the classes of their files. */
  readonly folders: readonly string[];
}

export interface PeekedField {
  readonly name: string;
  readonly example: string;
}

/** How texts are to be read, if somebody says so. */
export type PeekOptions = Pick<ReadTextsOptions, 'format' | 'encoding' | 'quotes'>;

/** The number of rows that are examined. */
const LOOKED_AT = 100;

/** Usual names of texts and labels, the most certain first. */
const TEXT_NAMES =
  'text texts body content message review comment mail email document sentence description question'.split(' ');
const LABEL_NAMES =
  'label labels class category target sentiment intent topic true_label ground_truth gold_label truth gold'.split(' ');

/**
 * Examines the start of texts.
 *
 * @throws InputError if there are no readable texts
 */
export async function peekTexts(path: string, options: PeekOptions = {}): Promise<Peek> {
  const isFolder = await stat(path).then(
    stats => stats.isDirectory(),
    (cause: unknown) => {
      throw new InputError(`Can't read ${path}. Check that it exists and that you may read it.`, {cause});
    },
  );
  if (isFolder) return peekFolder(path, options);
  const named = options.format ?? formatOf(path);
  if (named === 'parquet') return withFields('parquet', false, await parquetRows(path));
  const start = await startOf(path, options);
  const found = named ?? guessFormat(start);
  const isGuessed = named === undefined;
  if (found === 'jsonl') return withFields(found, isGuessed, jsonRows(start, path));
  if (found === 'csv' || found === 'tsv') return peekTable(found, start, options);
  return {...PLAIN, format: found, isGuessed};
}

const PLAIN = {fields: [], text: undefined, label: undefined, hasHeader: undefined, folders: []} as const;

async function peekFolder(path: string, options: PeekOptions): Promise<Peek> {
  const {format = 'files'} = options;
  const folders = new Set<string>();
  let first: string | undefined;
  let isSorted = true;
  for await (const {path: file, folder} of filesIn(path)) {
    first ??= file;
    if (folder === undefined) isSorted = false;
    else folders.add(folder);
  }
  if (first === undefined) throw new InputError(`There are no files in ${path}.`);
  const inside = format === 'files' ? {...PLAIN, format} : await peekTexts(first, options);
  return {...inside, isGuessed: false, folders: isSorted && folders.size > 1 ? [...folders] : []};
}

/** The first lines of a file. */
async function startOf(path: string, {encoding = 'utf-8'}: PeekOptions): Promise<string> {
  for await (const {text} of blocksOf(bytesOf(path), {file: path, encoding})) return text;
  throw new InputError(`There is nothing in ${path}.`);
}

type Row = Readonly<Record<string, unknown>>;

function jsonRows(start: string, path: string): readonly Row[] {
  const rows: Row[] = [];
  for (const [index, line] of linesOf(start).slice(0, LOOKED_AT).entries()) {
    if (line.trim() === '') continue;
    try {
      const value: unknown = JSON.parse(line);
      if (typeof value === 'object' && value !== null) rows.push(value as Row);
    } catch (cause) {
      throw new InputError(`${path}, line ${index + 1}: not JSON. Write one JSON text or object on each line.`, {
        cause,
      });
    }
  }
  return rows;
}

async function parquetRows(path: string): Promise<readonly Row[]> {
  const {asyncBufferFromFile, parquetReadObjects} = await import('hyparquet');
  const {compressors} = await import('hyparquet-compressors');
  try {
    return await parquetReadObjects({file: await asyncBufferFromFile(path), compressors, rowEnd: LOOKED_AT});
  } catch (cause) {
    throw new InputError(`${path} can't be read as Parquet. Check that it exists and is complete.`, {cause});
  }
}

function peekTable(format: 'csv' | 'tsv', start: string, {quotes = true}: PeekOptions): Peek {
  const {data} = Papa.parse<readonly string[]>(start, {
    preview: LOOKED_AT,
    skipEmptyLines: true,
    ...(format === 'tsv' && {delimiter: '\t'}),
    ...(!quotes && {fastMode: true}),
  });
  const [first = [], ...others] = data;
  const hasHeader = others.length > 0 && looksLikeNames(first, others);
  const names = first.map((name, index) => (hasHeader ? name.trim() : '') || String(index + 1));
  const rows = (hasHeader ? others : data).map(cells =>
    Object.fromEntries(names.map((name, index) => [name, cells[index] ?? ''])),
  );
  return {...withFields(format, false, rows), hasHeader};
}

/** The most characters of a column's name. */
const NAME = 40;

/**
 * True if the first row looks like names: short, distinct, and none repeated below. A usual name of a text or a label
 * is enough too.
 */
function looksLikeNames(first: readonly string[], others: readonly (readonly string[])[]): boolean {
  const cells = first.map(cell => cell.trim());
  if (cells.some(cell => [...TEXT_NAMES, ...LABEL_NAMES].includes(cell.toLowerCase()))) return true;
  return cells.every((cell, index) => {
    const isName = cell !== '' && cell.length <= NAME && !/^[\d.,\s-]+$/.test(cell) && !/[.!?]$/.test(cell);
    return isName && cells.indexOf(cell) === index && !others.some(row => row[index]?.trim() === cell);
  });
}

function withFields(format: TextFormat, isGuessed: boolean, rows: readonly Row[]): Peek {
  const names = [...new Set(rows.flatMap(row => pathsIn(row)))];
  const texts = names.map(name => ({name, values: rows.map(row => valueAt(row, name))}));
  const text = textField(texts);
  const label = surest(
    texts.filter(({name}) => name !== text),
    LABEL_NAMES,
  )?.name;
  const fields = texts.map(({name, values}) => ({name, example: shown(values.find(value => value != null))}));
  return {...PLAIN, format, isGuessed, fields, text, label};
}

interface Field {
  readonly name: string;
  readonly values: readonly unknown[];
}

/** The field of the text: by its name, else the one with the longest texts. */
function textField(fields: readonly Field[]): string | undefined {
  const ofTexts = fields.filter(({values}) => values.some(value => typeof value === 'string'));
  const named = surest(ofTexts, TEXT_NAMES);
  if (named !== undefined) return named.name;
  const lengthOf = ({values}: Field) => values.reduce<number>((sum, value) => sum + String(value ?? '').length, 0);
  return ofTexts.toSorted((one, other) => lengthOf(other) - lengthOf(one))[0]?.name;
}

function surest(fields: readonly Field[], known: readonly string[]): Field | undefined {
  const rankOf = ({name}: Field) => known.indexOf(lastOf(name).toLowerCase());
  return fields.filter(field => rankOf(field) >= 0).toSorted((one, other) => rankOf(one) - rankOf(other))[0];
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}

/** The paths of an object's fields, including those of inner objects. */
function pathsIn(row: Row, before = ''): string[] {
  return Object.entries(row).flatMap(([name, value]) => {
    const isInner = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isInner ? pathsIn(value as Row, `${before}${name}.`) : [`${before}${name}`];
  });
}

/** The most characters of a text that are shown. */
const SHOWN = 70;

/** A text on one line, truncated if it is long. */
export function shown(value: unknown): string {
  const line = (typeof value === 'string' ? value : (JSON.stringify(value, bigAsText) ?? ''))
    .replace(/\s+/g, ' ')
    .trim();
  // Cuts between whole characters, because half of one would be unreadable.
  const characters = [...line.slice(0, 4 * SHOWN)];
  return characters.length > SHOWN ? `${characters.slice(0, SHOWN - 1).join('')}…` : characters.join('');
}

/** Parquet's whole numbers are bigints. */
function bigAsText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
