import {InputError} from '../../errors.ts';
import {checkOptions, kinds, type Shape} from '../../options.ts';
import type {Fields} from '../../teacher.ts';
import {isBucketUrl} from '../bucket/url.ts';
import type {Inputs} from '../inputs.ts';
import {type FieldType, fieldIn} from '../records.ts';
import type {Dataset, Unlabelled, UnlabelledDataset} from '../split.ts';
import {neededColumns} from '../texts/parquet.ts';
import {fieldNames, locationOf, recordOf, shownType} from '../texts/record.ts';
import {type ColumnsOf, type OpenShards, openShards, type ShardRow} from './open.ts';
import {localSource, type ShardSource} from './source.ts';

/** Training inputs that are stored in shards, and read by their rows. */
export interface ShardedInputs {
  readonly role: 'train';
  readonly kind: 'record' | 'text';
  /** Number of rows, in the order of the names of the shards. */
  readonly count: number;
  /** SHA-256 of the names, sizes, rows and hashes of all shards: the same on all machines. */
  readonly digest: string;
  /**
   * The inputs in these rows, in that order.
   *
   * @throws InputError that names the shard and the line, if one can't be read
   */
  read(rows: ArrayLike<number>): Promise<Inputs>;
}

/** A task whose training inputs are in shards. Nobody knows true labels, so students are measured by the teacher's. */
export interface ShardedDataset {
  readonly classes: readonly string[];
  readonly train: ShardedInputs;
  readonly test: Unlabelled<'test'>;
}

/** True if the training inputs are in shards. */
export function isSharded(data: Dataset | UnlabelledDataset | ShardedDataset): data is ShardedDataset {
  return 'read' in data.train;
}

interface ShardOptions {
  /**
   * The folder with the shards of the training inputs: JSON lines (.jsonl) or Parquet (.parquet). Its subfolders belong to
   * it. One file is a set of one shard. `s3://BUCKET/PREFIX` is in a bucket.
   */
  readonly path: string;
  /** The inputs that students are measured by, in a file or folder of the same kind. They are held in memory. */
  readonly test: string;
  /** Names of the classes. A recipe with `questions` needs none. @default none */
  readonly classes?: readonly string[] | undefined;
  /**
   * The folder in which an index of each shard is kept.
   *
   * @default '.limbeck/shards'
   */
  readonly index?: string | undefined;
}

export interface TextShardsOptions extends ShardOptions {
  /**
   * The field or column with the text, by its name or its path, such as `ticket.body`.
   *
   * @default 'text'; in a table of one column, that one
   */
  readonly text?: string | undefined;
}

export interface RecordShardsOptions extends ShardOptions {
  /** The columns that are the fields of a record, in this order. */
  readonly columns: readonly string[];
  /**
   * The types of columns.
   *
   * @default as they are stored
   */
  readonly types?: Readonly<Record<string, FieldType>> | undefined;
}

const SHARDS: Shape<ShardOptions> = {path: kinds.text, test: kinds.text, classes: kinds.texts, index: kinds.text};

/**
 * Texts in shards. Memory holds the rows that are read and an index, never the set. Texts are taken as they are: none is
 * left out, cut or compared with others, and an empty one is an error when it is read.
 *
 * @throws InputError if there are no shards, or one can't be read
 * @example
 * ```ts
 * import {textShards} from 'limbeck/data';
 *
 * export const data = () => textShards({path: 'tickets', test: 'test.jsonl', classes: ['billing', 'fault']});
 * ```
 */
export function textShards(options: TextShardsOptions): Promise<ShardedDataset> {
  checkOptions('textShards', options, {...SHARDS, text: kinds.text}, ['path', 'test']);
  const {text} = options;
  const fields = {text, label: false, id: false} as const;
  const namesFor = (columns: readonly string[]) =>
    fieldNames({...fields, text: text ?? (columns.length === 1 ? columns[0]! : 'text')});
  const makeText = ({value, file, line}: ShardRow): string => {
    const location = {file, line};
    const found =
      typeof value === 'string'
        ? value
        : recordOf(objectIn(value, location), location, namesFor(Object.keys(value as object)), fields).text;
    if (found.trim() !== '') return found;
    throw new InputError(
      `${locationOf(location)}: an empty text. Leave it out of the shards; rows are counted as they are stored.`,
    );
  };
  return sharded(options, {
    kind: 'text',
    columnsOf: (all, file) => neededColumns(all, namesFor(all), file, fields),
    inputsOf: async (shards, rows) => ({kind: 'text', count: rows.length, texts: await shards.read(rows, makeText)}),
  });
}

/**
 * Records in shards, as `textShards` reads texts. Numbers, texts and truth values are those that are stored.
 *
 * @throws InputError if there are no shards, or one can't be read
 */
export function recordShards(options: RecordShardsOptions): Promise<ShardedDataset> {
  checkOptions('recordShards', options, {...SHARDS, columns: kinds.texts, types: kinds.object}, [
    'path',
    'test',
    'columns',
  ]);
  const {columns, types = {}} = options;
  const makeRecord = ({value, file, line}: ShardRow): Fields => {
    const location = {file, line};
    const cells = objectIn(value, location);
    return Object.fromEntries(
      columns.map(name => [name, fieldIn(cells[name], types[name], `${locationOf(location)}: column \`${name}\``)]),
    );
  };
  return sharded(options, {
    kind: 'record',
    columnsOf: (all, file) => {
      const missing = columns.find(name => !all.includes(name));
      if (missing === undefined) return columns;
      throw new InputError(
        `${file}: no column \`${missing}\`, only ${all.join(', ')}. Correct its name in \`columns\`.`,
      );
    },
    inputsOf: async (shards, rows) => ({
      kind: 'record',
      count: rows.length,
      records: await shards.read(rows, makeRecord),
    }),
  });
}

/** @throws InputError if a row is no object */
function objectIn(
  value: unknown,
  location: {readonly file: string; readonly line: number},
): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new InputError(`${locationOf(location)}: ${shownType(value)}. Write one JSON object per line.`);
}

interface ShardKind {
  readonly kind: ShardedInputs['kind'];
  readonly columnsOf: ColumnsOf;
  inputsOf(shards: OpenShards, rows: ArrayLike<number>): Promise<Inputs>;
}

async function sharded(
  {path, test, classes = [], index = '.limbeck/shards'}: ShardOptions,
  {kind, columnsOf, inputsOf}: ShardKind,
): Promise<ShardedDataset> {
  const train = await openShards(await sourceAt(path), index, columnsOf);
  const measured = await openShards(await sourceAt(test), index, columnsOf);
  const all = Float64Array.from({length: measured.count}, (_, row) => row);
  return {
    classes,
    train: {role: 'train', kind, count: train.count, digest: train.digest, read: rows => inputsOf(train, rows)},
    test: {role: 'test', inputs: await inputsOf(measured, all)},
  };
}

async function sourceAt(path: string): Promise<ShardSource> {
  if (!isBucketUrl(path)) return localSource(path);
  const {bucketSource} = await import('./bucket.ts');
  return bucketSource(path);
}
