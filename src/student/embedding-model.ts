import {createHash} from 'node:crypto';
import {closeSync, openSync, readSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';
import type {EmbeddingReading} from '../data/text-reading.ts';
import {InputError} from '../errors.ts';
import {loadPeer} from '../peer.ts';

/** An embedding model that is open. */
export interface EmbeddingModel {
  /**
   * Divides texts into batches in which all have the same number of tokens. Without padding, the embedding of a text has
   * the same bits in every batch.
   */
  batchesOf(texts: readonly string[]): readonly (readonly string[])[];
  /**
   * Makes the embeddings of a batch, each of length 1. A text without tokens gives zeros.
   *
   * @param texts - texts with the same number of tokens
   */
  embed(texts: readonly string[]): Promise<readonly Float32Array[]>;
}

/** The parts of `@huggingface/transformers` that are used. */
interface TransformersJs {
  readonly AutoTokenizer: {from_pretrained(path: string, options: object): Promise<Tokenizer>};
  readonly AutoModel: {from_pretrained(path: string, options: object): Promise<Model>};
}

interface Encoding {
  readonly input_ids: {readonly dims: readonly number[]};
}

type Tokenizer = (texts: readonly string[], options: object) => Encoding;
type Model = (encoding: Encoding) => Promise<Readonly<Record<string, States | undefined>>>;

interface States {
  readonly dims: readonly number[];
  readonly data: unknown;
}

/**
 * Opens an embedding model after it checks that the student was trained with this one.
 *
 * @throws InputError if the model's files are missing or changed, or the package that runs it is missing
 */
export async function openEmbeddingModel(reading: EmbeddingReading): Promise<EmbeddingModel> {
  const {path, file, tokens, length, dimensions} = reading;
  checkSame(reading);
  const {AutoTokenizer, AutoModel} = await loadPeer<TransformersJs>(
    '@huggingface/transformers',
    'A student on embeddings',
  );
  // An absolute path, because one such as `models/mine` is taken for a name on the hub.
  const folder = resolve(path);
  const local = {local_files_only: true};
  const tokenizer = await AutoTokenizer.from_pretrained(folder, local);
  const model = await AutoModel.from_pretrained(folder, {
    ...local,
    device: 'cpu',
    dtype: 'fp32',
    subfolder: dirname(file) === '.' ? '' : dirname(file),
    model_file_name: file.replace(/^.*\/|\.onnx$/g, ''),
  });
  const encode = (texts: readonly string[]): Encoding =>
    tokenizer(
      texts.map(text => text.slice(0, length)),
      {truncation: true, max_length: tokens},
    );
  const tokensOf = (text: string): number => encode([text]).input_ids.dims[1]!;
  return {
    batchesOf: texts => batchesByTokens(texts, tokensOf),
    async embed(texts) {
      const encoding = encode(texts);
      if (encoding.input_ids.dims[1] === 0) return texts.map(() => new Float32Array(dimensions));
      return meansOf(await model(encoding), texts.length, reading);
    },
  };
}

/** The most texts and the most tokens of a batch. A longer text is a batch by itself. */
const MOST_TEXTS = 32;
const MOST_TOKENS = 4096;

function batchesByTokens(texts: readonly string[], tokensOf: (text: string) => number): string[][] {
  const batches: string[][] = [];
  const open = new Map<number, string[]>();
  for (const text of texts) {
    const tokens = tokensOf(text);
    const batch = open.get(tokens) ?? [];
    if (batch.length === 0) batches.push(batch);
    batch.push(text);
    const isFull = batch.length === MOST_TEXTS || (batch.length + 1) * tokens > MOST_TOKENS;
    open.set(tokens, isFull ? [] : batch);
  }
  return batches;
}

function checkSame({path, file, model}: EmbeddingReading): void {
  if (hashModel(path, file) === model) return;
  throw new InputError(
    `The model in ${path} is not the one that the student was trained with, so its embeddings don't fit. Give the folder of that model, or train the student again.`,
  );
}

/**
 * SHA-256 of a model's files, in hexadecimal.
 *
 * @throws InputError if one of them can't be read
 */
export function hashModel(path: string, file: string): string {
  const hash = createHash('sha256');
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json', file]) {
    try {
      hash.update(hashFile(join(path, name)));
    } catch (cause) {
      throw unreadable(join(path, name), cause);
    }
  }
  return hash.digest('hex');
}

/** Hashes in parts, because a model can be larger than one read allows. */
function hashFile(path: string): Buffer {
  const hash = createHash('sha256');
  const part = new Uint8Array(2 ** 20);
  const file = openSync(path, 'r');
  try {
    for (let size = readSync(file, part); size > 0; size = readSync(file, part)) hash.update(part.subarray(0, size));
  } finally {
    closeSync(file);
  }
  return hash.digest();
}

export function unreadable(path: string, cause: unknown): InputError {
  return new InputError(
    `${path} can't be read. A student on embeddings needs the folder of its embedding model: config.json, tokenizer.json, tokenizer_config.json and the model as ONNX.`,
    {cause},
  );
}

/** The mean over the tokens of each text, scaled to length 1. */
function meansOf(outputs: Awaited<ReturnType<Model>>, count: number, reading: EmbeddingReading): Float32Array[] {
  const {output, dimensions, path} = reading;
  const states = outputs[output];
  if (states === undefined) {
    throw new InputError(`The model in ${path} gives no \`${output}\`. It gives: ${Object.keys(outputs).join(', ')}.`);
  }
  const {dims, data} = states;
  if (dims.length !== 3 || dims[0] !== count || dims[2] !== dimensions || !(data instanceof Float32Array)) {
    throw new InputError(
      `\`${output}\` of the model in ${path} is [${dims.join(', ')}]. Expected [${count}, tokens, ${dimensions}] of 32-bit floats. Name the tensor with the states of the tokens.`,
    );
  }
  const size = data.length / count;
  return Array.from({length: count}, (_, row) => meanOf(data.subarray(row * size, (row + 1) * size), dimensions));
}

/** @param states - float32 [tokens, dimensions] */
function meanOf(states: Float32Array, dimensions: number): Float32Array {
  const sums = new Float64Array(dimensions);
  for (const [index, value] of states.entries()) sums[index % dimensions]! += value;
  const norm = Math.hypot(...sums);
  return Float32Array.from(sums, sum => (norm === 0 ? 0 : sum / norm));
}
