import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import {InputError} from '../../src/errors.ts';
import {checkForm} from '../_local/given.ts';
import type {OnnxModel} from './model.ts';

/** The files of a model other than its weights. */
interface ModelFolder {
  /** In the order of the scores; undefined if the model does not name them. */
  readonly classes: readonly string[] | undefined;
  /** What it was trained for, if that is not to choose one class among several. */
  readonly other: string | undefined;
  /** The number of the model's positions; infinite if it gives none. */
  readonly positions: number;
  /** SHA-256 of the files that decide how texts become tokens. In hexadecimal. */
  readonly tokenizer: string;
  /** SHA-256 of the model's settings. In hexadecimal. */
  readonly config: string;
}

const configSchema = z.object({
  id2label: z.record(z.string(), z.string()).optional(),
  problem_type: z.string().nullish(),
  max_position_embeddings: z.number().int().positive().optional(),
});

const OTHERS: readonly string[] = ['multi_label_classification', 'regression'];

/** @throws InputError if a file is missing or damaged */
export async function readFolder(path: string): Promise<ModelFolder> {
  // One after the other, so that the message names the first missing file.
  const config = await readNeeded(join(path, 'config.json'));
  const tokenizer = await readNeeded(join(path, 'tokenizer.json'));
  const tokenizerConfig = await readNeeded(join(path, 'tokenizer_config.json'));
  const {id2label, problem_type, max_position_embeddings} = parseConfig(path, config);
  return {
    classes: id2label && namesIn(path, id2label),
    other: problem_type && OTHERS.includes(problem_type) ? problem_type.replaceAll('_', ' ') : undefined,
    positions: max_position_embeddings ?? Number.POSITIVE_INFINITY,
    tokenizer: sha256(tokenizer, tokenizerConfig),
    config: sha256(config),
  };
}

async function readNeeded(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new InputError(`${path} can't be read. Check \`path\`, a folder with a model and its tokenizer.`, {cause});
  }
}

function parseConfig(path: string, bytes: Buffer): z.infer<typeof configSchema> {
  try {
    return configSchema.parse(JSON.parse(bytes.toString()));
  } catch (cause) {
    throw new InputError(`${join(path, 'config.json')} is not the configuration of a model. Save the model again.`, {
      cause,
    });
  }
}

function namesIn(path: string, names: Readonly<Record<string, string>>): readonly string[] {
  const classes = Array.from({length: Object.keys(names).length}, (_, index) => names[index]);
  if (classes.every(name => name !== undefined)) return classes;
  throw new InputError(`${join(path, 'config.json')} does not number its classes from 0. Give \`classes\`.`);
}

function sha256(...files: readonly Buffer[]): string {
  const hash = createHash('sha256');
  // Lengths keep the ends of files apart.
  for (const file of files) hash.update(`${file.length}\n`).update(file);
  return hash.digest('hex');
}

/** @throws InputError if the model does not choose one class among several */
export function checkChoice(path: string, classes: readonly string[] | undefined, other: string | undefined): void {
  if (other !== undefined) {
    throw new InputError(
      `The model ${path} is one of ${other}, which does not choose one class among several. Give its \`questions\`.`,
    );
  }
  if (classes === undefined) throw new InputError(`The model ${path} does not name its classes. Give \`classes\`.`);
  checkForm('transformers', {classes});
  if (classes.length === 1) throw new InputError(`The model ${path} gives one score and chooses among no classes.`);
}

const INT64 = 7;

/** Inputs that a text has values for. */
const inputNames = ['input_ids', 'attention_mask', 'token_type_ids'];

/** @throws InputError if the model needs an input that a text does not give */
export function checkInputs({path, graph}: OnnxModel): void {
  const other = graph.inputs.find(({name, elementType}) => !inputNames.includes(name) || elementType !== INT64);
  if (other === undefined) return;
  throw new InputError(
    `${path} needs \`${other.name}\`, which a text does not give: only ${inputNames.join(', ')} are fed, as int64. Export it for text classification.`,
  );
}

/**
 * Returns the path of the model itself.
 *
 * @throws InputError if there is none
 */
export function modelFile(path: string, file: string | undefined): string {
  const locations = file === undefined ? ['onnx/model.onnx', 'model.onnx'] : [file];
  const found = locations.map(location => join(path, location)).find(location => existsSync(location));
  if (found !== undefined) return found;
  throw new InputError(
    `${path} has no ${locations.join(' or ')}. Export the model to ONNX, or name its file in \`file\`.`,
  );
}

/** The part of a transformers.js tokenizer that is used. */
export interface Tokenizer {
  (
    text: string,
    options: {readonly add_special_tokens: boolean; readonly return_tensor: false},
  ): {readonly input_ids: readonly number[]};
  readonly model_max_length?: number;
  readonly pad_token_id?: number;
}

/** Converts a text to the ids of its tokens. */
export type TokenReader = (text: string) => readonly number[];

/**
 * Truncates long texts as transformers does in Python, which keeps the special tokens at the end of a text.
 * transformers.js cuts them off.
 *
 * @param most - tokens of one text, including special tokens
 */
export function tokenReader(tokenizer: Tokenizer, most: number): TokenReader {
  const suffix = suffixLength(tokenizer);
  return text => {
    const ids = tokenizer(text, {add_special_tokens: true, return_tensor: false}).input_ids;
    return ids.length <= most ? ids : [...ids.slice(0, most - suffix), ...ids.slice(ids.length - suffix)];
  };
}

/** Returns the number of special tokens after a text. */
function suffixLength(tokenizer: Tokenizer): number {
  const [whole, body] = [true, false].map(
    special => tokenizer('a', {add_special_tokens: special, return_tensor: false}).input_ids,
  ) as [readonly number[], readonly number[]];
  for (let start = 0; start + body.length <= whole.length; start++) {
    if (body.every((id, index) => whole[start + index] === id)) return whole.length - start - body.length;
  }
  return 0;
}

/** Token ids and the mask that marks padding, [texts, tokens], row-major. */
interface TokenTable {
  readonly tokens: number;
  readonly ids: BigInt64Array;
  readonly mask: BigInt64Array;
}

/** Puts texts of different lengths into one table, padded on the right. */
export function tokenTable(texts: readonly (readonly number[])[], padding: number): TokenTable {
  const tokens = Math.max(...texts.map(ids => ids.length));
  const ids = new BigInt64Array(texts.length * tokens).fill(BigInt(padding));
  const mask = new BigInt64Array(ids.length);
  for (const [row, text] of texts.entries()) {
    for (const [index, id] of text.entries()) {
      ids[row * tokens + index] = BigInt(id);
      mask[row * tokens + index] = 1n;
    }
  }
  return {tokens, ids, mask};
}
