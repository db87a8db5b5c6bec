import type {FileHandle} from 'node:fs/promises';
import {pipeline} from 'node:stream/promises';
import {createGzip} from 'node:zlib';
import {replaceFile} from '../data/files.ts';
import {InputError, LimbeckError} from '../errors.ts';
import type {Knowledge, StoredKnowledge} from '../knowledge/knowledge.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {packageVersion} from '../version.ts';
import {type ChatOptions, chatForm, type RecordForm, recordForm} from './forms.ts';
import {checkTexts, checkTop, type LabelledText, labelledTexts} from './records.ts';

export interface RecordOptions {
  /**
   * Number of the most probable classes of a distribution that are written.
   *
   * @default all
   */
  readonly top?: number;
}

const RECORDS = {top: kinds.number} satisfies Shape<RecordOptions>;
const CHAT = {prompt: kinds.text, system: kinds.text} satisfies Shape<ChatOptions>;

/**
 * Writes knowledge of texts as conversations, for programs that train chat models (TRL, Axolotl): a user gives the
 * text, the assistant names its class. The file replaces an older one in one step.
 *
 * @param path - ends in `.jsonl`, `.jsonl.gz` or `.parquet`, and is written so
 * @returns how many
 * @throws InputError if the knowledge is about tensors, or the path or prompt can't be used
 * @throws KnowledgeError if it can't be read or written
 */
export async function exportChat(
  path: string,
  knowledge: Knowledge | StoredKnowledge,
  options: ChatOptions = {},
): Promise<number> {
  checkOptions('exportChat', options, CHAT);
  return write(path, knowledge, chatForm(options));
}

/**
 * Writes knowledge of texts as one record for each text: `text`, `label`, and all other details of the answers. JSON
 * lines have `probabilities` by class and `rest`, the probability of the classes that are not named, or `votes` by
 * class. Parquet has `classes` with `log_probabilities` and `rest`, or with `votes`. The file replaces an older one in
 * one step.
 *
 * @param path - ends in `.jsonl`, `.jsonl.gz` or `.parquet`, and is written so
 * @returns how many
 * @throws InputError if the knowledge is about tensors, or the path or option can't be used
 * @throws KnowledgeError if it can't be read or written
 */
export async function exportRecords(
  path: string,
  knowledge: Knowledge | StoredKnowledge,
  options: RecordOptions = {},
): Promise<number> {
  checkOptions('exportRecords', options, RECORDS);
  const {top} = options;
  checkTop(knowledge.detail, top);
  return write(path, knowledge, recordForm(knowledge.detail, knowledge.classes), top);
}

async function write(
  path: string,
  knowledge: Knowledge | StoredKnowledge,
  form: RecordForm,
  top?: number,
): Promise<number> {
  const writeRecords = writerFor(path);
  await checkTexts(knowledge);
  let count = 0;
  const counted = async function* (): AsyncGenerator<LabelledText> {
    for await (const record of labelledTexts(knowledge, top)) {
      yield record;
      count++;
    }
  };
  const {source, classes} = knowledge;
  await replaceFile(path, file => writeRecords(file, counted(), form, {source, classes})).catch(error => {
    // A failure to read is not a failure of the file that is written.
    throw error.cause instanceof LimbeckError ? error.cause : error;
  });
  return count;
}

type WriteRecords = (
  file: FileHandle,
  records: AsyncIterable<LabelledText>,
  form: RecordForm,
  about: Pick<Knowledge, 'source' | 'classes'>,
) => Promise<void>;

function writerFor(path: string): WriteRecords {
  const name = path.toLowerCase();
  if (name.endsWith('.jsonl')) return (file, records, form) => writeLines(file, linesOf(records, form));
  if (name.endsWith('.jsonl.gz')) {
    return (file, records, form) => pipeline(linesOf(records, form), createGzip(), bytes => writeLines(file, bytes));
  }
  if (name.endsWith('.parquet')) return writeParquet;
  throw new InputError(`Can't tell how to write ${path}. End its name in .jsonl, .jsonl.gz or .parquet.`);
}

/** Number of lines that are written at once. */
const LINES = 1000;

async function* linesOf(records: AsyncIterable<LabelledText>, {json}: RecordForm): AsyncGenerator<string> {
  let lines: string[] = [];
  for await (const record of records) {
    lines.push(`${JSON.stringify(json(record))}\n`);
    if (lines.length < LINES) continue;
    yield lines.join('');
    lines = [];
  }
  if (lines.length > 0) yield lines.join('');
}

async function writeLines(file: FileHandle, pieces: AsyncIterable<string | Uint8Array>): Promise<void> {
  for await (const piece of pieces) await file.writeFile(piece);
}

/** Number of rows in a row group, which is held in memory. */
const ROW_GROUP = 1000;

/** Writes a table, one row group after another. Its metadata name the teacher and its classes. */
async function writeParquet(
  file: FileHandle,
  records: AsyncIterable<LabelledText>,
  {columns, row}: RecordForm,
  {source, classes}: Pick<Knowledge, 'source' | 'classes'>,
): Promise<void> {
  const {ByteWriter, parquetWriteRows} = await import('hyparquet-writer');
  const writer = new (class extends ByteWriter {
    async flush(): Promise<void> {
      await file.writeFile(this.getBytes());
      this.index = 0;
    }
  })();
  const rows = async function* (): AsyncGenerator<Record<string, unknown>> {
    for await (const record of records) yield row(record);
  };
  await parquetWriteRows({
    writer,
    rows: rows(),
    columns: columns.map(({name}) => ({name})),
    schema: [{name: 'root', num_children: columns.length}, ...columns.flatMap(({schema}) => schema)],
    rowGroupSize: ROW_GROUP,
    kvMetadata: [
      {key: 'limbeck.source', value: JSON.stringify(source)},
      {key: 'limbeck.classes', value: JSON.stringify(classes)},
    ],
    createdBy: `limbeck version ${packageVersion()}`,
  });
  await writer.flush();
}
