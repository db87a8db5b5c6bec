import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {InputError} from '../../errors.ts';
import {unreadableFile} from '../files.ts';
import {type Block, blocksOf, bytesOf, chained, linesOf, nameOf} from '../texts/blocks.ts';
import {parquetRows} from '../texts/parquet.ts';
import {formatOf} from '../texts/read.ts';
import {rowsOf} from '../texts/table.ts';

export type LogFormat = 'jsonl' | 'csv' | 'tsv' | 'parquet';

/** One record of a log, by the names of its fields or columns. */
export interface LogRow {
  /** The line that it begins in, or its row in Parquet, from 1. */
  readonly line: number;
  /** Undefined if the line is not a JSON object. */
  readonly fields: Fields | undefined;
}

export interface Fields {
  readonly [name: string]: unknown;
}

type Batches = AsyncGenerator<readonly LogRow[]>;

/**
 * Reads a log record by record: JSON lines, a table whose first row names its columns, or Parquet. Gzipped files are
 * unzipped. A line that holds a list of records, as a page of an API's list does, gives each of them. Memory does not
 * grow with the size of the file; a JSON document of several lines is read as a whole.
 *
 * @param format - how the log is stored; by the ending of its name if undefined, else JSON lines
 * @throws InputError if it can't be read
 */
export async function* readRows(path: string, format: LogFormat | undefined = logFormatOf(path)): Batches {
  const file = nameOf(path);
  if (format === 'parquet') {
    for await (const {first, rows} of parquetRows(path)) {
      yield rows.map((fields, index) => ({line: first + index, fields}));
    }
    return;
  }
  const blocks = blocksOf(bytesOf(path), {file});
  if (format === 'csv' || format === 'tsv') yield* tableRows(blocks, file, format === 'tsv' ? '\t' : undefined);
  else yield* jsonRows(blocks, file);
}

/** @throws InputError if the ending is that of texts without fields */
function logFormatOf(path: string): LogFormat {
  const format = formatOf(path) ?? 'jsonl';
  if (format !== 'lines' && format !== 'files') return format;
  throw new InputError(
    `${nameOf(path)} holds lines of text, and a log has fields. Name its format with \`--format\`: jsonl, csv, tsv or parquet.`,
  );
}

async function* tableRows(blocks: AsyncIterable<Block>, file: string, delimiter: string | undefined): Batches {
  let names: readonly string[] | undefined;
  for await (const {rows, lines} of rowsOf(blocks, {file, delimiter, options: {}})) {
    const start = names === undefined ? 1 : 0;
    names ??= columnNames(rows[0]!, file);
    const found: LogRow[] = [];
    for (let index = start; index < rows.length; index++) {
      const cells = rows[index]!;
      if (cells.length === 1 && cells[0] === '') continue;
      if (cells.length > names.length) {
        throw new InputError(
          `${file}, line ${lines[index]}: ${cells.length} cells, but the first row has ${names.length}. Put a cell that ` +
            'contains the delimiter in quotes.',
        );
      }
      found.push({
        line: lines[index]!,
        fields: Object.fromEntries(cells.map((cell, column) => [names![column]!, cell])),
      });
    }
    yield found;
  }
}

function columnNames(cells: readonly string[], file: string): readonly string[] {
  const names = cells.map((name, index) => name.trim() || String(index + 1));
  const twin = names.find((name, index) => names.indexOf(name) !== index);
  if (twin === undefined) return names;
  throw new InputError(`${file}: two columns are called \`${twin}\`. The first row must name the columns. Rename one.`);
}

async function* jsonRows(blocks: AsyncGenerator<Block>, file: string): Batches {
  const first = await blocks.next();
  if (first.done) return;
  if (isDocumentOfLines(first.value.text)) {
    yield entriesIn(await documentOf(chained(first.value, blocks), file), 1);
    return;
  }
  for await (const {text, line} of chained(first.value, blocks)) {
    const found: LogRow[] = [];
    for (const [index, content] of linesOf(text).entries()) {
      if (content.trim() !== '') found.push(...entriesIn(parsed(content), line + index));
    }
    yield found;
  }
}

/** The most characters of a JSON document that is read as a whole. */
const LONGEST_DOCUMENT = 2 ** 28;

/** Whether the first line only opens an object or a list that goes on in the next lines. */
function isDocumentOfLines(start: string): boolean {
  const line = linesOf(start).find(content => content.trim() !== '') ?? '';
  return /^\s*[[{]/.test(line) && parsed(line) === undefined && /^\s*(?:[[{]\s*$|"|\{\s*")/.test(line);
}

async function documentOf(blocks: AsyncIterable<Block>, file: string): Promise<unknown> {
  const pieces: string[] = [];
  let length = 0;
  for await (const {text} of blocks) {
    pieces.push(text);
    length += text.length;
    if (length > LONGEST_DOCUMENT) {
      throw new InputError(`${file} is one long JSON document. Turn it into JSON lines: \`jq -c ".[]"\`.`);
    }
  }
  const whole = parsed(pieces.join(''));
  if (whole !== undefined) return whole;
  throw new InputError(`${file} is neither JSON lines nor one JSON document. Write one JSON object per line.`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The records in a line: an object, or the objects of a list, or those of a page of a list. */
function entriesIn(value: unknown, line: number): readonly LogRow[] {
  if (Array.isArray(value)) return value.map(entry => ({line, fields: isFields(entry) ? entry : undefined}));
  if (!isFields(value)) return [{line, fields: undefined}];
  if (value['object'] === 'list' && Array.isArray(value['data'])) return entriesIn(value['data'], line);
  return [{line, fields: value}];
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

export interface LogDigest {
  /** In hexadecimal. */
  readonly sha256: string;
  /** The number of line ends, which for a zipped file means nothing. */
  readonly lines: number;
}

const NEWLINE = 0x0a;

/** @throws InputError if the file can't be read */
export async function digestOfLog(path: string): Promise<LogDigest> {
  const hash = createHash('sha256');
  let lines = 0;
  try {
    if (!(await stat(path)).isFile()) throw new Error('It is not a file.');
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      for (let index = chunk.indexOf(NEWLINE); index >= 0; index = chunk.indexOf(NEWLINE, index + 1)) lines++;
    }
  } catch (cause) {
    throw unreadableFile(path, cause);
  }
  return {sha256: hash.digest('hex'), lines};
}
