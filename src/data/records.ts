import {basename} from 'node:path';
import {InputError} from '../errors.ts';
import {recordJson} from '../input-kinds.ts';
import {checkOptions, kinds, oneOf, type Shape} from '../options.ts';
import type {Fields} from '../teacher.ts';
import {EXAMPLE_KINDS, type ExampleOptions, type ReadDataset, type ReadExample, readDataset} from './examples.ts';
import {type LogFormat, readRows} from './logs/rows.ts';
import {locationOf, shownType} from './texts/record.ts';

export type FieldType = 'number' | 'boolean' | 'text';

export interface ReadRecordsOptions {
  /**
   * How the rows are stored.
   *
   * @default by the ending (.csv, .tsv, .tab, .jsonl, .ndjson, .json, .parquet, most of them with or without .gz)
   */
  readonly format?: LogFormat | undefined;
  /**
   * The column with the label, which is no field of the record; `false` reads none.
   *
   * @default 'label', if there is one
   */
  readonly label?: string | false | undefined;
  /**
   * The column with the id of the row, which is no field of the record; `false` reads none.
   *
   * @default 'id', if there is one
   */
  readonly id?: string | false | undefined;
  /**
   * The columns that are the fields of a record, in this order.
   *
   * @default all but the label and the id
   */
  readonly columns?: readonly string[] | undefined;
  /**
   * The types of columns. Cells of tables are texts until then.
   *
   * @default number, or boolean, if every cell of the column is one or empty; else text
   */
  readonly types?: Readonly<Record<string, FieldType>> | undefined;
}

export interface RecordDatasetOptions extends ExampleOptions, ReadRecordsOptions {}

const READING: Shape<ReadRecordsOptions> = {
  format: oneOf('jsonl', 'csv', 'tsv', 'parquet'),
  label: kinds.textOrFalse,
  id: kinds.textOrFalse,
  columns: kinds.texts,
  types: kinds.object,
};

/** A record as it was read. */
export type ReadRecord = ReadExample<Fields>;

/**
 * Reads the rows of a table as records: CSV, TSV, JSON lines or Parquet. `-` means stdin.
 *
 * @throws InputError that names the line, if a row can't be read, or lacks a column that is named
 */
export async function readRecords(path: string, options: ReadRecordsOptions = {}): Promise<readonly ReadRecord[]> {
  checkOptions('readRecords', options, READING);
  return recordsOf(path, options);
}

/** The same for a student, which has the types of some columns. */
export async function recordsOf(
  path: string,
  options: ReadRecordsOptions,
  known: ReadRecordsOptions['types'] = {},
): Promise<readonly ReadRecord[]> {
  const records: ReadRecord[] = [];
  for await (const {example} of recordsIn([path], options, known)) records.push(example);
  return records;
}

/**
 * Reads a task of records: one table for all splits, or one for each. Without labels the teacher's answers are used
 * instead.
 *
 * @throws InputError if the records can't be read or don't fit together
 * @example
 * ```ts
 * import {recordDataset} from 'limbeck/data';
 *
 * export const data = () => recordDataset({path: 'loans.csv', label: 'repaid', id: 'loan'});
 * ```
 */
export function recordDataset(options: RecordDatasetOptions): Promise<ReadDataset> {
  checkOptions('recordDataset', options, {...EXAMPLE_KINDS, ...READING}, ['path']);
  return readDataset(options, {
    kind: 'record',
    read: paths => recordsIn(paths, options),
    inputsOf: records => ({kind: 'record', count: records.length, records}),
  });
}

/** A row before its cells have types. */
interface Row {
  readonly at: number;
  readonly file: string;
  readonly line: number;
  readonly cells: Readonly<Record<string, unknown>>;
}

/** The types of columns are those of all files together. */
async function* recordsIn(
  paths: readonly string[],
  options: ReadRecordsOptions,
  knownTypes: ReadRecordsOptions['types'] = {},
): AsyncGenerator<{readonly at: number; readonly example: ReadRecord}> {
  const {format, label = 'label', id = 'id'} = options;
  const rows: Row[] = [];
  for (const [at, path] of paths.entries()) {
    const file = path === '-' ? 'stdin' : basename(path);
    for await (const batch of readRows(path, format)) {
      for (const {line, fields: cells} of batch) {
        if (cells === undefined)
          throw new InputError(`${file}, line ${line}: no JSON object. Write one record per line.`);
        rows.push({at, file, line, cells});
      }
    }
  }
  const known = new Set(rows.flatMap(({cells}) => Object.keys(cells)));
  for (const name of [...(options.columns ?? []), ...Object.keys(options.types ?? {}), options.label, options.id]) {
    if (typeof name !== 'string' || known.has(name)) continue;
    throw new InputError(
      `${paths.join(', ')}: no column \`${name}\`, only ${[...known].join(', ')}. Correct its name.`,
    );
  }
  const columns = options.columns ?? [...known].filter(name => name !== label && name !== id);
  if (columns.length === 0) throw new InputError(`${paths.join(', ')}: no column is left for the records.`);
  const types = new Map(columns.map(name => [name, options.types?.[name] ?? knownTypes[name] ?? typeOf(rows, name)]));
  for (const {at, file, line, cells} of rows) {
    const fields = Object.fromEntries(
      columns.map(name => [
        name,
        fieldIn(cells[name], types.get(name), `${locationOf({file, line})}: column \`${name}\``),
      ]),
    );
    const words = (name: string | false) => (name === false ? undefined : wordOf(cells[name]));
    yield {at, example: {value: fields, content: recordJson(fields), label: words(label), id: words(id), file, line}};
  }
}

function wordOf(cell: unknown): string | undefined {
  return cell === null || cell === undefined || cell === '' ? undefined : String(cell);
}

const NUMBER = /^[+-]?(?:0|[1-9]\d*|(?=\.\d))(?:\.\d*)?(?:[eE][+-]?\d+)?$/;
const BOOLEAN = /^(?:true|false)$/i;
/** The words of programs for a missing number. */
const MISSING = /^(?:|NA|N\/A|NaN|null|None)$/i;

/** Only texts have a type to find. A number such as 007 is a text. */
function typeOf(rows: readonly Row[], name: string): FieldType | undefined {
  const cells = rows.map(({cells: all}) => all[name]).filter(cell => cell !== null && cell !== undefined);
  if (!cells.every(cell => typeof cell === 'string')) return undefined;
  const present = cells.map(cell => cell.trim()).filter(cell => !MISSING.test(cell));
  if (present.length === 0) return 'text';
  if (present.every(cell => NUMBER.test(cell))) return 'number';
  return present.every(cell => BOOLEAN.test(cell)) ? 'boolean' : 'text';
}

/** @throws InputError if the cell is of no such type */
export function fieldIn(cell: unknown, type: FieldType | undefined, who: string): Fields[string] {
  if (cell === null || cell === undefined) return null;
  if (cell instanceof Date) return cell.toISOString();
  if (typeof cell === 'string' && type !== undefined && type !== 'text') {
    const word = cell.trim();
    if (MISSING.test(word)) return null;
    if (type === 'number' && Number.isFinite(Number(word))) return Number(word);
    if (type === 'boolean' && BOOLEAN.test(word)) return word.toLowerCase() === 'true';
    throw new InputError(`${who} holds ${JSON.stringify(word)}, which is no ${type}. Correct \`types\`, or the cell.`);
  }
  if (typeof cell === 'string') return cell === '' ? null : cell;
  if (type === 'text') return typeof cell === 'object' ? JSON.stringify(cell) : String(cell);
  if (typeof cell === 'bigint') return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell);
  if (typeof cell === 'number') return Number.isFinite(cell) ? cell : null;
  if (typeof cell === 'boolean') return cell;
  throw new InputError(`${who} holds ${shownType(cell)}. Leave it out by \`columns\`, or make it a text by \`types\`.`);
}
