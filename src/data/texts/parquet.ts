import type {AsyncBuffer, Compressors, RowGroup} from 'hyparquet';
import {InputError} from '../../errors.ts';
import {unzippedLimit} from '../files.ts';
import {nameOf} from './blocks.ts';
import {type FieldNames, fieldNames, recordOf, type TextFields, type TextRecord} from './record.ts';

/**
 * The texts of a Parquet file with any compression. It reads only the needed columns, one row group at a time. The line
 * of a record is its row, from 1.
 */
export async function* parquetTexts(path: string, fields: TextFields): AsyncGenerator<readonly TextRecord[]> {
  const file = nameOf(path);
  let names = fieldNames(fields);
  const choose = (all: readonly string[]) => {
    names = fieldNames({...fields, text: fields.text ?? (all.length === 1 ? all[0]! : 'text')});
    return neededColumns(all, names, file, fields);
  };
  for await (const {first, rows} of parquetRows(path, choose)) {
    yield rows.map((row, index) => recordOf(row, {file, line: first + index}, names, fields));
  }
}

/** Some rows of a Parquet file, as objects by the names of the columns. */
interface ParquetRows {
  /** Number of the first row, from 1. */
  readonly first: number;
  readonly rows: readonly Record<string, unknown>[];
}

/**
 * The rows of a Parquet file with any compression, one row group at a time.
 *
 * @param choose - the columns to read, of all
 * @default choose all
 */
export async function* parquetRows(
  path: string,
  choose: (all: readonly string[]) => readonly string[] = all => all,
): AsyncGenerator<ParquetRows> {
  const file = nameOf(path);
  if (path === '-')
    throw new InputError('Parquet can’t be read from stdin, because it is read from its end. Name the file.');
  const {asyncBufferFromFile} = await import('hyparquet');
  const parquet = await openParquet(file, () => asyncBufferFromFile(path));
  const columns = choose(parquet.columns);
  for (const {start, end} of parquet.groups) {
    const rows = await parquet.read(columns, start, end);
    for (let from = 0; from < rows.length; from += BATCH) {
      yield {first: start + 1 + from, rows: rows.slice(from, from + BATCH)};
    }
  }
}

/** A Parquet file whose rows are read when they are needed. */
export interface OpenParquet {
  /** Names of the outermost columns. */
  readonly columns: readonly string[];
  /** The rows of each row group: from `start` up to `end`, without that one. */
  readonly groups: readonly {readonly start: number; readonly end: number}[];
  /**
   * Some rows of one row group, as objects by the names of the columns. All of the group's part of these columns is read.
   *
   * @throws InputError if they can't be read
   */
  read(columns: readonly string[], start: number, end: number): Promise<readonly Record<string, unknown>[]>;
}

/**
 * Opens a Parquet file with any compression.
 *
 * @param file - its name, for messages
 * @throws InputError if it can't be read as Parquet
 */
export async function openParquet(file: string, open: () => Promise<AsyncBuffer>): Promise<OpenParquet> {
  const {parquetMetadataAsync, parquetReadObjects, parquetSchema} = await import('hyparquet');
  const {compressors} = await import('hyparquet-compressors');
  const {buffer, metadata} = await failing(file, async () => {
    const buffer = await open();
    return {buffer, metadata: await parquetMetadataAsync(buffer)};
  });
  let end = 0;
  const groups = metadata.row_groups.map(group => {
    const start = end;
    end += Number(group.num_rows);
    return {group, start, end};
  });
  return {
    columns: parquetSchema(metadata).children.map(({element}) => element.name),
    groups,
    async read(columns, rowStart, rowEnd) {
      for (const {group, start, end} of groups) if (start < rowEnd && end > rowStart) checkGroup(group, columns, file);
      const options = {file: buffer, metadata, compressors: limited(compressors), rowStart, rowEnd};
      return failing(file, () => parquetReadObjects({...options, columns: [...columns]}));
    },
  };
}

/** Rows that every group is allowed. A group with more rows must have enough bytes for them. */
const ALWAYS = 2 ** 20;
const MOST_ROWS_A_BYTE = 8;

/** A group is held in memory as a whole, so it must not be much larger than its compressed part of the file. */
function checkGroup({columns: chunks, num_rows: rows}: RowGroup, columns: readonly string[], file: string): void {
  const needed = chunks.filter(({meta_data: data}) => columns.includes(data?.path_in_schema[0] ?? ''));
  const bytes = needed.reduce((sum, {meta_data: data}) => sum + Number(data!.total_compressed_size), 0);
  if (Number(rows) <= Math.max(ALWAYS, MOST_ROWS_A_BYTE * bytes)) return;
  throw new InputError(`${file} has a row group of ${rows} rows in ${bytes} bytes, which would fill the memory.`);
}

/** Limits how far a group can unpack. */
function limited(compressors: Compressors): Compressors {
  const [packed, unpacked] = [{bytes: 0}, {bytes: 0}];
  const wrapped = Object.entries(compressors).map(([codec, unpack]) => {
    const unpackSome: typeof unpack = (bytes, length) => {
      packed.bytes += bytes.length;
      unpacked.bytes += length;
      if (unpacked.bytes > unzippedLimit(packed.bytes)) throw new RangeError(TOO_LONG);
      return unpack!(bytes, length);
    };
    return [codec, unpackSome];
  });
  return Object.fromEntries(wrapped) as Compressors;
}

const TOO_LONG = 'It unpacks to more than texts do, which would fill the memory.';

/** Number of rows that become records at a time. */
const BATCH = 1000;

/** Columns are read whole, so a nested field needs its outermost column. */
export function neededColumns(all: readonly string[], names: FieldNames, file: string, fields: TextFields): string[] {
  const needed = new Set<string>();
  for (const purpose of ['text', 'label', 'id'] as const) {
    const path = names[purpose];
    const column = all.find(name => name === path || path?.startsWith(`${name}.`));
    if (column !== undefined) needed.add(column);
    else if (purpose === 'text' || fields[purpose]) {
      throw new InputError(
        `${file}: no column \`${path}\`, only ${all.map(name => `\`${name}\``).join(', ')}. Name the one with the ` +
          `${purpose} in \`${purpose}\`.`,
      );
    }
  }
  return [...needed];
}

async function failing<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if ((cause as Error).message === TOO_LONG) throw new InputError(`${file} can't be read. ${TOO_LONG}`, {cause});
    throw new InputError(`${file} can't be read as Parquet. Check that it exists and is complete.`, {cause});
  }
}
