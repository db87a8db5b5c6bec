import {readFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {z} from 'zod';
import {checkEmbedding, type EmbeddingReading} from '../data/text-reading.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {checkTextTask, checkWidths, classifier, hiddenLayers, through} from './building-blocks.ts';
import {hashModel, unreadable} from './embedding-model.ts';
import {makeStudent} from './make-student.ts';
import type {StudentBuilder} from './student.ts';

export interface EmbeddingHeadOptions {
  /**
   * The folder of a sentence embedding model: `config.json`, `tokenizer.json`, `tokenizer_config.json` and the model as
   * ONNX. Nothing is downloaded.
   */
  readonly model: string;
  /**
   * The model's file in that folder.
   *
   * @default 'onnx/model.onnx'
   */
  readonly file?: string;
  /**
   * The tensor that holds the states of a text's tokens. Their mean, scaled to length 1, is the embedding.
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
   * The most tokens that are read of a text, special ones included.
   *
   * @default the most that the tokenizer and the model allow
   */
  readonly tokens?: number;
  /**
   * The most characters that are read of a text.
   *
   * @default 10000
   */
  readonly length?: number;
}

const KINDS = {
  model: kinds.text,
  file: kinds.text,
  output: kinds.text,
  units: kinds.numbers,
  tokens: kinds.number,
  length: kinds.number,
} satisfies Shape<EmbeddingHeadOptions>;

/**
 * A student on text embeddings from a frozen model, which knows words that occur in no answer. Only the layers
 * `dense_1`, …, `logits` are trained and saved, with the folder and hash of the model. The student answers only with
 * that same model. In training, each text goes through the model once.
 *
 * Needs the package `@huggingface/transformers`, which is loaded at the first text. It runs in Node, not in a browser.
 *
 * @throws InputError if a file of the model is missing or damaged; thrown when the student is made
 */
export function embeddingHead(options: EmbeddingHeadOptions): StudentBuilder {
  checkOptions('embeddingHead', options, KINDS, ['model']);
  checkWidths('units', options.units ?? []);
  let reading: EmbeddingReading | undefined;
  return (asked, seed) => {
    const {classes} = asked;
    checkTextTask('embedding_head', asked);
    reading ??= readingOf(options);
    const {dimensions} = reading;
    const hidden = hiddenLayers(options.units ?? [], seed);
    const task = {classes, inputShape: [dimensions], preprocessing: unitVariance(dimensions)};
    const student = classifier('embedding_head', task, seed, input => through(input, ...hidden));
    return makeStudent({...student, reading});
  };
}

/** Scales a vector of length 1 so that its squares have a mean of 1. Its own numbers are small. */
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

/** The token limit if neither model nor tokenizer states one. */
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
