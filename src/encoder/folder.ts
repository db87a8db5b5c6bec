import {createHash} from 'node:crypto';
import {closeSync, existsSync, fstatSync, openSync, readFileSync, readSync} from 'node:fs';
import {join} from 'node:path';
import {z} from 'zod';
import {InputError} from '../errors.ts';
import type {Pooling} from './encoder.ts';
import {folderOf} from './registry.ts';

/** An encoder's folder in Hugging Face's layout, read but not loaded. */
export interface EncoderFolder extends FolderSettings {
  readonly path: string;
  /** SHA-256 of its settings, tokenizer and weights, in hexadecimal. It doesn't depend on their paths. */
  readonly hash: string;
  /** Length of a vector. */
  readonly dimensions: number;
}

interface FolderSettings {
  /**
   * The weights' file in the folder.
   *
   * @default 'model.safetensors' if it is there and its architecture runs here, else 'onnx/model.onnx'
   */
  readonly file: string;
  /**
   * The tensor of an ONNX model that holds the states of a text's tokens.
   *
   * @default 'last_hidden_state'
   */
  readonly output: string;
  /** @default as in `1_Pooling/config.json`, else the mean */
  readonly pooling: Pooling;
  /**
   * The most tokens that are read of a text, special ones included.
   *
   * @default as in `sentence_bert_config.json`, else the most that the tokenizer and the model allow
   */
  readonly tokens: number;
  /**
   * The most characters that are read of a text.
   *
   * @default 10000
   */
  readonly length: number;
}

export type FolderOptions = {readonly [K in keyof FolderSettings]?: FolderSettings[K] | undefined};

export const SAFETENSORS = 'model.safetensors';
const ONNX = 'onnx/model.onnx';

/**
 * Reads the settings of an encoder and hashes its files.
 *
 * @param nameOrFolder - a name of `limbeck encoder list`, or a folder
 * @throws InputError if a file is missing or damaged, or asks for what is not computed here
 */
export function readFolder(nameOrFolder: string, options: FolderOptions = {}): EncoderFolder {
  const path = folderOf(nameOrFolder);
  checkModules(path);
  const config = readSettings(path, 'config.json', modelSettings);
  const file = options.file ?? fileOf(path, config.model_type, options.output);
  return {
    path,
    file,
    output: options.output ?? 'last_hidden_state',
    pooling: options.pooling ?? poolingOf(path),
    tokens: options.tokens ?? tokensOf(path, config),
    length: options.length ?? 10_000,
    dimensions: config.hidden_size,
    hash: hashFiles(path, file),
  };
}

/** Architectures whose forward pass is computed here, and the position of their first token. */
export const ARCHITECTURES: Readonly<Record<string, (padding: number) => number>> = {
  bert: () => 0,
  roberta: padding => padding + 1,
  'xlm-roberta': padding => padding + 1,
  camembert: padding => padding + 1,
};

function fileOf(path: string, type: string | undefined, output: string | undefined): string {
  const runsHere = type !== undefined && Object.hasOwn(ARCHITECTURES, type) && output === undefined;
  const isThere = (file: string): boolean => existsSync(join(path, file));
  return isThere(SAFETENSORS) && (runsHere || !isThere(ONNX)) ? SAFETENSORS : ONNX;
}

const count = z.number().int().positive();
const modelSettings = z.object({
  model_type: z.string().optional(),
  hidden_size: count,
  max_position_embeddings: count.optional(),
  pad_token_id: z.number().int().nullish(),
});
const tokenizerSettings = z.object({
  model_max_length: z.number().positive().nullish(),
  do_lower_case: z.boolean().nullish(),
});
const sentenceSettings = z.object({
  max_seq_length: count.nullish(),
  do_lower_case: z.boolean().nullish(),
});
/** Newer versions of sentence-transformers name the way, older ones set a flag of each. */
const poolingSettings = z.looseObject({pooling_mode: z.string().optional()});

/** The token limit if neither model nor tokenizer states one. */
const UNKNOWN = 512;

function tokensOf(path: string, config: z.infer<typeof modelSettings>): number {
  const tokenizer = readSettings(path, 'tokenizer_config.json', tokenizerSettings);
  const sentence = readIfThere(path, 'sentence_bert_config.json', sentenceSettings);
  if (sentence?.do_lower_case && !tokenizer.do_lower_case) {
    throw new InputError(
      `${path} asks for lower-case texts (do_lower_case in sentence_bert_config.json), but its tokenizer makes none. Set that in its tokenizer, or name another encoder.`,
    );
  }
  const {model_type: type = '', max_position_embeddings: positions = UNKNOWN, pad_token_id: padding} = config;
  const first = ARCHITECTURES[type]?.(padding ?? 1) ?? 0;
  const limits = [positions - first, tokenizer.model_max_length ?? UNKNOWN, sentence?.max_seq_length ?? UNKNOWN];
  // Without a limit of its own, a tokenizer states a number such as 1e30.
  return Math.min(...limits);
}

function poolingOf(path: string): Pooling {
  const stated = readIfThere(path, '1_Pooling/config.json', poolingSettings);
  if (stated === undefined) return 'mean';
  const flags = Object.keys(stated).filter(name => name.startsWith('pooling_mode_') && stated[name] === true);
  const ways = stated.pooling_mode ?? flags.map(name => name.replace(/^pooling_mode_|_tokens?$/g, '')).join(' and ');
  if (ways === 'mean' || ways === 'cls') return ways;
  throw new InputError(
    `${path} pools by ${ways || 'nothing'}, but only \`mean\` and \`cls\` are computed here. Name another encoder.`,
  );
}

const modulesSettings = z.array(z.object({type: z.string()}));

/** The steps of sentence-transformers that are computed here; each vector has length 1 in any case. */
const MODULES = ['Transformer', 'Pooling', 'Normalize'];

/** @throws InputError if a vector goes through more than a transformer and its pooling, such as a dense layer */
function checkModules(path: string): void {
  const modules = readIfThere(path, 'modules.json', modulesSettings) ?? [];
  const other = modules.find(({type}) => !MODULES.includes(type.split('.').at(-1)!));
  if (other === undefined) return;
  throw new InputError(
    `${path} ends in \`${other.type}\` (modules.json), which is not computed here. Name another encoder.`,
  );
}

export function readSettings<T>(path: string, name: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readFileSync(join(path, name), 'utf8')));
  } catch (cause) {
    throw unreadable(join(path, name), cause);
  }
}

function readIfThere<T>(path: string, name: string, schema: z.ZodType<T>): T | undefined {
  return existsSync(join(path, name)) ? readSettings(path, name, schema) : undefined;
}

function hashFiles(path: string, file: string): string {
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

/** A file as it was when it was hashed. */
interface HashedFile {
  readonly version: string;
  readonly hash: Buffer;
}

/** By path. A model is a large file, and a study reads the settings of its encoder several times. */
const hashed = new Map<string, HashedFile>();

function hashFile(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const {dev, ino, size, mtimeNs, ctimeNs} = fstatSync(file, {bigint: true});
    const version = [dev, ino, size, mtimeNs, ctimeNs].join();
    const known = hashed.get(path);
    if (known?.version === version) return known.hash;
    const hash = hashOpen(file);
    hashed.set(path, {version, hash});
    return hash;
  } finally {
    closeSync(file);
  }
}

/** Hashes in parts, because a model can be larger than one read allows. */
function hashOpen(file: number): Buffer {
  const hash = createHash('sha256');
  const part = new Uint8Array(2 ** 20);
  for (let size = readSync(file, part); size > 0; size = readSync(file, part)) hash.update(part.subarray(0, size));
  return hash.digest();
}

function unreadable(path: string, cause: unknown): InputError {
  return new InputError(
    `${path} can't be read. The folder of an encoder has config.json, tokenizer.json, tokenizer_config.json, and model.safetensors or onnx/model.onnx. \`limbeck encoder add\` fetches one.`,
    {cause},
  );
}
