import {createHash} from 'node:crypto';
import {closeSync, openSync, readSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';
import type {EmbeddingReading} from '../data/text-embedding.ts';
import {InputError} from '../errors.ts';
import {loadPeer} from './peer.ts';

/** Makes the embedding of one text, of length 1. A text without tokens gives zeros. */
export type Embed = (text: string) => Promise<Float32Array>;

/** The parts of `@huggingface/transformers` that are used. */
interface TransformersJs {
  readonly AutoTokenizer: {from_pretrained(path: string, options: object): Promise<Tokenizer>};
  readonly AutoModel: {from_pretrained(path: string, options: object): Promise<Model>};
}

interface Encoding {
  readonly input_ids: {readonly dims: readonly number[]};
}

type Tokenizer = (text: string, options: object) => Encoding;
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
export async function openEmbeddingModel(reading: EmbeddingReading): Promise<Embed> {
  const {path, file, tokens, length} = reading;
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
  return async text => {
    const encoding = tokenizer(text.slice(0, length), {truncation: true, max_length: tokens});
    if (encoding.input_ids.dims[1] === 0) return new Float32Array(reading.dimensions);
    return meanOf(await model(encoding), reading);
  };
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

/** The mean over tokens, scaled to length 1. */
function meanOf(outputs: Awaited<ReturnType<Model>>, {output, dimensions, path}: EmbeddingReading): Float32Array {
  const states = outputs[output];
  if (states === undefined) {
    throw new InputError(`The model in ${path} gives no \`${output}\`. It gives: ${Object.keys(outputs).join(', ')}.`);
  }
  const {dims, data} = states;
  if (dims.length !== 3 || dims[2] !== dimensions || !(data instanceof Float32Array)) {
    throw new InputError(
      `\`${output}\` of the model in ${path} is [${dims.join(', ')}]. Expected [1, tokens, ${dimensions}] of 32-bit floats. Name the tensor with the states of the tokens.`,
    );
  }
  const sums = new Float64Array(dimensions);
  for (const [index, value] of data.entries()) sums[index % dimensions]! += value;
  const norm = Math.hypot(...sums);
  return Float32Array.from(sums, sum => (norm === 0 ? 0 : sum / norm));
}
