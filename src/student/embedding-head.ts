import {readFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {z} from 'zod';
import {checkEmbedding, type EmbeddingReading} from '../data/text-embedding.ts';
import {InputError} from '../errors.ts';
import {checkWidths, classifier, hiddenLayers, through} from './building-blocks.ts';
import {hashModel, unreadable} from './embedding-model.ts';
import {makeStudent} from './make-student.ts';
import type {StudentBuilder} from './student.ts';

export interface EmbeddingHeadOptions {
  /**
   * The folder of a model of sentence embeddings, with `config.json`, `tokenizer.json`, `tokenizer_config.json` and the
   * model as ONNX. Nothing is downloaded.
   */
  readonly model: string;
  /**
   * The model in that folder.
   *
   * @default 'onnx/model.onnx'
   */
  readonly file?: string;
  /**
   * The tensor that holds the states of a text's tokens; their mean, made as long as 1, is its embedding.
   *
   * @default 'last_hidden_state'
   */
  readonly output?: string;
  /**
   * Widths of the hidden layers, each followed by a ReLU.
   *
   * @default none: a linear model
   */
  readonly units?: readonly number[];
  /**
   * Of a longer text this many tokens are read, special ones included.
   *
   * @default what the tokenizer and the model allow
   */
  readonly tokens?: number;
  /**
   * Of a longer text this many characters are read.
   *
   * @default 10000
   */
  readonly length?: number;
}

/**
 * A student on embeddings of texts by a frozen model, which knows words that no teacher was asked about. Only its layers
 * `dense_1`, …, `logits` are trained and saved; with them stands which model it is and where, and it answers with that one
 * alone. While it trains, each text goes through the model once.
 *
 * Needs the package `@huggingface/transformers`, which is loaded at the first text. It runs in Node, not in a page.
 *
 * @throws InputError where a file of the model is missing or damaged, once the student is made
 */
export function embeddingHead(options: EmbeddingHeadOptions): StudentBuilder {
  checkWidths('units', options.units ?? []);
  let reading: EmbeddingReading | undefined;
  return ({classes, kind}, seed) => {
    if (kind !== 'text') throw new InputError('Student embedding_head reads texts, but the inputs are tensors.');
    reading ??= readingOf(options);
    const {dimensions} = reading;
    const hidden = hiddenLayers(options.units ?? [], seed);
    const task = {classes, inputShape: [dimensions], preprocessing: unitVariance(dimensions)};
    const student = classifier('embedding_head', task, seed, input => through(input, ...hidden));
    return makeStudent({...student, reading});
  };
}

/** Of a vector of length 1, the numbers are small: scaled, their squares are 1 in the mean. */
const unitVariance = (dimensions: number) => ({scale: Math.sqrt(dimensions)});

function readingOf(options: EmbeddingHeadOptions): EmbeddingReading {
  const {model, file = 'onnx/model.onnx', output = 'last_hidden_state', length = 10_000} = options;
  const path = resolve(model);
  const {hidden_size: dimensions, max_position_embeddings: positions} = settings(path, 'config.json', modelSettings);
  const {model_max_length: longest} = settings(path, 'tokenizer_config.json', tokenizerSettings);
  const {tokens = Math.min(positions ?? UNKNOWN, longest ?? UNKNOWN)} = options;
  const hash = hashModel(path, file);
  const reading: EmbeddingReading = {kind: 'embeddings', path, file, model: hash, output, dimensions, tokens, length};
  checkEmbedding(reading);
  return reading;
}

/** Tokens where neither model nor tokenizer says how many they can read. */
const UNKNOWN = 512;

const modelSettings = z.object({
  hidden_size: z.number().int().positive(),
  max_position_embeddings: z.number().int().positive().optional(),
});
const tokenizerSettings = z.object({model_max_length: z.number().positive().optional()});

function settings<T>(path: string, name: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readFileSync(join(path, name), 'utf8')));
  } catch (cause) {
    throw unreadable(join(path, name), cause);
  }
}
