import type {Dirent} from 'node:fs';
import {readdir, stat} from 'node:fs/promises';
import {basename, extname, join} from 'node:path';
import {InputError} from '../../errors.ts';
import {checkOptions} from '../../options.ts';
import {type Block, blocksOf, bytesOf, chained, linesOf, nameOf} from './blocks.ts';
import type {TextFormat} from './format.ts';
import {parquetTexts} from './parquet.ts';
import {
  type FieldNames,
  fieldNames,
  locationOf,
  READING,
  type ReadTextsOptions,
  recordOf,
  shownType,
  type TextFields,
  type TextRecord,
} from './record.ts';
import {tableTexts} from './table.ts';

/**
 * Reads texts one after the other: from a file, from all files in a folder, or from stdin for `-`. Gzipped files are
 * unzipped. Memory does not grow with the size of the file; a Parquet file takes the memory of one row group.
 *
 * @throws InputError that names the line, if a file can't be read, has another format or lacks a field
 */
export function readTexts(path: string, options: ReadTextsOptions = {}): AsyncGenerator<TextRecord> {
  checkOptions('readTexts', options, READING);
  return textsIn(path, options);
}

/** `readTexts` for options that are checked, and can be among others. */
export async function* textsIn(path: string, options: ReadTextsOptions): AsyncGenerator<TextRecord> {
  const {empty = 'leave-out', onNote, signal} = options;
  let left = 0;
  let firstLeft: TextRecord | undefined;
  for await (const records of batchesOf(path, options)) {
    signal?.throwIfAborted();
    for (const record of records) {
      if (empty === 'keep' || record.text.trim() !== '') {
        yield record;
        continue;
      }
      left++;
      firstLeft ??= record;
    }
  }
  if (firstLeft === undefined) return;
  onNote?.(
    left === 1
      ? `${locationOf(firstLeft)}: an empty text, left out.`
      : `${nameOf(path)}: ${left} empty texts left out, the first at ${locationOf(firstLeft)}.`,
  );
}

type Batches = AsyncGenerator<readonly TextRecord[]>;

async function* batchesOf(path: string, options: ReadTextsOptions): Batches {
  const {folderLabels = false, format} = options;
  if (path === '-' || !(await isFolder(path))) {
    if (folderLabels)
      throw new InputError(`${nameOf(path)} is not a folder, so \`folderLabels\` can't be read from it.`);
    yield* fileTexts(path, options);
    return;
  }
  let isEmpty = true;
  for await (const {path: file, id, folder} of filesIn(path)) {
    isEmpty = false;
    if (folderLabels && folder === undefined) {
      throw new InputError(
        `${file} is in no folder that names its label. Put it in one, or turn \`folderLabels\` off.`,
      );
    }
    for await (const records of fileTexts(file, {...options, format: format ?? 'files'})) {
      yield records.map(record => ({
        ...record,
        id: record.id ?? (record.line === undefined ? id : undefined),
        ...(folderLabels && {label: folder}),
      }));
    }
  }
  if (isEmpty) throw new InputError(`There are no files in ${path}.`);
}

async function* fileTexts(path: string, options: ReadTextsOptions): Batches {
  const format = options.format ?? formatOf(path);
  if (format === 'parquet') {
    yield* parquetTexts(path, options);
    return;
  }
  const file = nameOf(path);
  const {encoding, onNote} = options;
  const blocks = blocksOf(bytesOf(path), {file, encoding});
  if (format !== undefined) {
    yield* textsAs(format, blocks, file, options);
    return;
  }
  const first = await blocks.next();
  if (first.done) return;
  const guess = guessFormat(first.value.text);
  onNote?.(
    `${file}: read as ${guess === 'jsonl' ? 'JSON lines' : 'one text per line'}. If that is wrong, name its \`format\`.`,
  );
  yield* textsAs(guess, chained(first.value, blocks), file, options);
}

function textsAs(
  format: 'lines' | 'jsonl' | 'csv' | 'tsv' | 'files',
  blocks: AsyncIterable<Block>,
  file: string,
  options: ReadTextsOptions,
): Batches {
  switch (format) {
    case 'lines':
      return lineTexts(blocks, file);
    case 'jsonl':
      return jsonLineTexts(blocks, file, options);
    case 'files':
      return wholeText(blocks, file);
    default:
      return tableTexts(blocks, {file, delimiter: format === 'tsv' ? '\t' : undefined, options});
  }
}

async function* lineTexts(blocks: AsyncIterable<Block>, file: string): Batches {
  for await (const {text, line} of blocks) {
    yield linesOf(text).map((content, index) => ({text: content, file, line: line + index}));
  }
}

/** Most characters of a file that is one text. More would fill the memory. */
const LONGEST_TEXT = 2 ** 26;

async function* wholeText(blocks: AsyncIterable<Block>, file: string): Batches {
  let whole = '';
  for await (const {text} of blocks) {
    whole += text;
    if (whole.length > LONGEST_TEXT)
      throw new InputError(`${file} is longer than a text can be. Check that it is one text.`);
  }
  yield [{text: whole, file}];
}

/** @throws InputError if there is nothing at the path */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw new InputError(`Can't read ${path}. Check that it exists and may be read.`, {cause});
  }
}

/** Reads JSON lines: each line is a text or an object that holds one. Blank lines are skipped. */
async function* jsonLineTexts(
  blocks: AsyncIterable<Block>,
  file: string,
  fields: TextFields,
): AsyncGenerator<readonly TextRecord[]> {
  const names = fieldNames(fields);
  for await (const block of blocks) {
    const records: TextRecord[] = [];
    for (const [index, line] of linesOf(block.text).entries()) {
      if (line.trim() !== '') records.push(readLine(line, {file, line: block.line + index}, names, fields));
    }
    yield records;
  }
}

function readLine(
  content: string,
  location: {readonly file: string; readonly line: number},
  names: FieldNames,
  fields: TextFields,
): TextRecord {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    const advice =
      location.line === 1 && /^\s*[[{]\s*$/.test(content)
        ? 'The file looks like one JSON document. Turn it into JSON lines, for example with `jq -c ".[]"`.'
        : 'Write one JSON text or object per line.';
    throw new InputError(`${location.file}, line ${location.line}: not JSON. ${advice}`, {cause});
  }
  if (typeof value === 'string') return {text: value, ...location};
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return recordOf(value, location, names, fields);
  throw new InputError(
    `${location.file}, line ${location.line}: ${shownType(value)}. Write a JSON text, or an object with the field \`${names.text}\`.`,
  );
}

const BY_ENDING: Readonly<Record<string, TextFormat>> = {
  '.txt': 'lines',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'jsonl',
  '.csv': 'csv',
  '.tsv': 'tsv',
  '.tab': 'tsv',
  '.parquet': 'parquet',
};

/** The format by the ending of a file; undefined if the ending tells none. */
export function formatOf(path: string): TextFormat | undefined {
  const name = basename(path).toLowerCase().replace(/\.gz$/, '');
  return BY_ENDING[extname(name)];
}

/** Guesses the format of a file from its start. */
export function guessFormat(start: string): 'jsonl' | 'lines' {
  const line = linesOf(start).find(content => content.trim() !== '') ?? '';
  try {
    const value: unknown = JSON.parse(line);
    const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isRecord || typeof value === 'string' ? 'jsonl' : 'lines';
  } catch {
    return 'lines';
  }
}

/** A file in a folder. */
export interface FolderFile {
  readonly path: string;
  /** Path from the folder to the file, with `/` as the separator. */
  readonly id: string;
  /** The subfolder right below the folder that is read; undefined if the file is in that folder itself. */
  readonly folder: string | undefined;
}

/** All files in a folder and its subfolders, in the order of their names. Names that begin with a dot are left out. */
export async function* filesIn(root: string, below: readonly string[] = []): AsyncGenerator<FolderFile> {
  for (const entry of await entriesOf(join(root, ...below))) {
    const inner = [...below, entry.name];
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) yield* filesIn(root, inner);
    else if (entry.isFile() || entry.isSymbolicLink()) {
      yield {path: join(root, ...inner), id: inner.join('/'), folder: below[0]};
    }
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, {withFileTypes: true});
    // Not by the system's locale, so that the order of texts is the same everywhere.
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw new InputError(`Can't read the folder ${folder}. Check that you may read it.`, {cause});
  }
}
