import {stat} from 'node:fs/promises';
import {isBucketUrl} from '../data/bucket/url.ts';
import {sizeOf} from '../data/inputs.ts';
import {KnowledgeError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {Detail} from '../teacher.ts';
import {coarsenAnswers} from './answers.ts';
import type {StoredKnowledge} from './knowledge.ts';
import {openShards} from './open-shards.ts';
import {
  checkRowsFit,
  FEATURE,
  type ListName,
  listNameIn,
  readAnswers,
  readHead,
  readInputs,
  TensorParts,
} from './read-parts.ts';
import {ARRAYS, type OpenTensorFile, openTensors, type Tensor} from './safetensors.ts';
import {openFolder} from './shard-folder.ts';

export interface OpenKnowledgeOptions {
  /**
   * The detail to which answers are coarsened as they are read.
   *
   * @default the detail of the file
   */
  readonly detail?: Detail;
  /**
   * The folder in which copies of shards are kept that are in a bucket. Each is copied when its first row is read.
   *
   * @default '.limbeck/knowledge'
   */
  readonly copies?: string;
}

/**
 * Opens a file that `saveKnowledge` saved, a file of that form made elsewhere, or a folder of such files with an index, as
 * `limbeck label` saves of data in shards, without reading its rows. Such a folder can be in a bucket, `s3://BUCKET/PREFIX`. Each row is
 * read when it is needed, so a set can be larger than memory. Every read checks its rows as `loadKnowledge` would.
 *
 * @throws KnowledgeError, with the path, if the file can't be read, its parts don't fit together, or its answers don't
 * hold the detail
 */
export async function openKnowledge(path: string, options: OpenKnowledgeOptions = {}): Promise<StoredKnowledge> {
  checkOptions('openKnowledge', options, {
    detail: kinds.object,
    copies: kinds.text,
  } satisfies Shape<OpenKnowledgeOptions>);
  const {detail, copies} = options;
  const isFolder = await stat(path).then(
    found => found.isDirectory(),
    () => false,
  );
  if (!isFolder && !isBucketUrl(path)) return openFile(path, detail);
  return openShards(await openFolder(path, copies), file => openFile(file, detail));
}

async function openFile(path: string, detail: Detail | undefined): Promise<StoredKnowledge> {
  const file = await openTensors(path);
  try {
    const knowledge = storedIn(path, file, detail);
    // Reading no rows checks that the answers hold the detail.
    await knowledge.readAnswers([]);
    await checkOffsets(path, file, knowledge.count);
    return knowledge;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function storedIn(path: string, file: OpenTensorFile, wanted: Detail | undefined): StoredKnowledge {
  const whole = new TensorParts(path, withoutValues(file));
  const head = readHead(whole, file.metadata);
  const {classes, detail: held} = head;
  const count = countIn(whole);
  checkRowsFit(whole, count, head);
  readAnswers(whole, held, count, classes.length);
  const detail = wanted ?? held;
  return {
    ...head,
    detail,
    count,
    async readInputs(rows) {
      checkRows(rows, count, path);
      return readInputs(new TensorParts(path, await inputTensors(file, rows)));
    },
    async readAnswers(rows) {
      checkRows(rows, count, path);
      const tensors = await Promise.all(answerNames(held).map(name => rowsOf(file, name, rows)));
      const answers = readAnswers(new TensorParts(path, new Map(tensors)), held, rows.length, classes.length);
      return coarsenAnswers(answers, detail, classes.length);
    },
    close: () => file.close(),
  };
}

/** The shapes alone, to check the whole file without reading its rows. */
function withoutValues({tensors}: OpenTensorFile): ReadonlyMap<string, Tensor> {
  return new Map(
    Array.from(tensors, ([name, {dtype, shape}]) => [name, {dtype, shape, data: new ARRAYS[dtype](0)} as Tensor]),
  );
}

function countIn(parts: TensorParts): number {
  const list = listNameIn(parts);
  const [length] = list
    ? parts.take(`${list}.offsets`, ['I64']).shape.map(offsets => offsets - 1)
    : parts.take('inputs', ['U8', 'I32', 'F32']).shape;
  if (length === undefined || length < 0) throw parts.misfit('its inputs have no rows');
  return length;
}

async function checkOffsets(path: string, file: OpenTensorFile, count: number): Promise<void> {
  const list = listNameIn(file.tensors);
  if (list === undefined) return;
  const [length] = file.tensors.get(list)!.shape;
  const [end] = await file.readPieces(`${list}.offsets`, [{start: count, length: 1}]);
  if (Number(end) === length) return;
  throw new TensorParts(path, new Map()).misfit(`${list}.offsets must rise from 0 to ${length}`);
}

/** A row beyond the end would be read from another tensor. */
function checkRows(rows: ArrayLike<number>, count: number, path: string): void {
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    if (!(row >= 0 && row < count)) throw new KnowledgeError(`There is no row ${row} in ${path}: it holds ${count}.`);
  }
}

type NamedTensor = readonly [name: string, tensor: Tensor];

async function rowsOf(file: OpenTensorFile, name: string, rows: ArrayLike<number>): Promise<NamedTensor> {
  const {dtype, shape} = file.tensors.get(name)!;
  const length = sizeOf(shape.slice(1));
  const data = await file.readPieces(
    name,
    Array.from(rows, row => ({start: row * length, length})),
  );
  return [name, {dtype, shape: [rows.length, ...shape.slice(1)], data} as Tensor];
}

async function inputTensors(file: OpenTensorFile, rows: ArrayLike<number>): Promise<ReadonlyMap<string, Tensor>> {
  const list = listNameIn(file.tensors);
  return new Map(list ? await listTensors(file, list, rows) : [await rowsOf(file, 'inputs', rows)]);
}

/** Inputs that are no tensors, as a file of their own would hold them. */
async function listTensors(file: OpenTensorFile, list: ListName, rows: ArrayLike<number>): Promise<NamedTensor[]> {
  const bounds = Array.from(
    await file.readPieces(
      `${list}.offsets`,
      Array.from(rows, row => ({start: row, length: 2})),
    ),
    Number,
  );
  const pieces = Array.from(rows, (_, row) => ({
    start: bounds[2 * row]!,
    length: bounds[2 * row + 1]! - bounds[2 * row]!,
  }));
  const data = (await file.readPieces(list, pieces)) as Uint8Array;
  const offsets = new BigInt64Array(rows.length + 1);
  for (const [row, {length}] of pieces.entries()) offsets[row + 1] = offsets[row]! + BigInt(length);
  return [
    [list, {dtype: 'U8', shape: [data.length], data}],
    [`${list}.offsets`, {dtype: 'I64', shape: [offsets.length], data: offsets}],
  ];
}

function answerNames(detail: Detail): readonly string[] {
  switch (detail.kind) {
    case 'label':
      return ['labels'];
    case 'votes':
      return ['counts'];
    case 'expected':
      return ['expected_levels'];
    case 'top-k':
      return ['classes', 'log_probabilities', 'rest'];
    case 'log-probabilities':
      return ['log_probabilities'];
    case 'logits':
      return ['logits', ...(detail.features ?? []).map(name => `${FEATURE}${name}`)];
    case 'vector':
      return ['vectors'];
  }
}
