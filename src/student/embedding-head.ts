import {checkEmbedding, type EmbeddingReading} from '../data/text-reading.ts';
import {readFolder} from '../encoder/folder.ts';
import {fromAnyFolder} from '../encoder/registry.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {checkTextTask, checkWidths, classifier, hiddenLayers, through} from './building-blocks.ts';
import {makeStudent} from './make-student.ts';
import type {StudentBuilder} from './student.ts';

export interface EmbeddingHeadOptions {
  /**
   * The encoder: a name that `limbeck encoder add` fetched, or a folder that `openEncoder` opens. Nothing is downloaded.
   */
  readonly model: string;
  /**
   * The weights' file in that folder.
   *
   * @default 'model.safetensors' if its architecture runs without another package, else 'onnx/model.onnx'
   */
  readonly file?: string;
  /**
   * The tensor of an ONNX model that holds the states of a text's tokens. If it is given, the default of `file` is
   * 'onnx/model.onnx'.
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
   * Share of the outputs of each hidden layer that a step of training leaves out, below 1: Srivastava et al. (2014),
   * Dropout.
   *
   * @default 0.5
   */
  readonly dropout?: number;
  /**
   * The most tokens that are read of a text, special ones included.
   *
   * @default as in `sentence_bert_config.json`, else the most that the tokenizer and the model allow
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
  dropout: kinds.number,
  tokens: kinds.number,
  length: kinds.number,
} satisfies Shape<EmbeddingHeadOptions>;

/**
 * A student on the vectors of a frozen encoder, which knows words that occur in no answer. Only the layers `dense_1`, …,
 * `logits` are trained and saved, with the name or folder and the hash of the encoder. The student answers only with
 * that same encoder. In training, each text goes through the encoder once. Without hidden layers, and if no
 * option asks for training by steps, its weights are solved for. It runs in Node, not in a browser.
 *
 * @throws InputError if a file of the encoder is missing or damaged; thrown when the student is made
 */
export function embeddingHead(options: EmbeddingHeadOptions): StudentBuilder {
  checkOptions('embeddingHead', options, KINDS, ['model']);
  const {units = [], dropout = 0.5} = options;
  checkWidths('units', units);
  if (!(dropout >= 0 && dropout < 1)) {
    throw new InputError(`Expected \`dropout\` to be at least 0 and below 1, got ${dropout}.`);
  }
  let reading: EmbeddingReading | undefined;
  return (asked, seed) => {
    const {classes} = asked;
    checkTextTask('embedding_head', asked);
    reading ??= readingOf(options);
    const {dimensions} = reading;
    const hidden = hiddenLayers(units, seed, dropout);
    const task = {classes, inputShape: [dimensions], preprocessing: unitVariance(dimensions)};
    const student = classifier('embedding_head', task, seed, input => through(input, ...hidden));
    return makeStudent({...student, reading});
  };
}

/** Scales a vector of length 1 so that its squares have a mean of 1. Its own numbers are small. */
const unitVariance = (dimensions: number) => ({scale: Math.sqrt(dimensions)});

function readingOf({model, file, output, tokens, length}: EmbeddingHeadOptions): EmbeddingReading {
  const folder = readFolder(model, {file, output, tokens, length});
  const reading: EmbeddingReading = {
    kind: 'embeddings',
    path: fromAnyFolder(model),
    file: folder.file,
    model: folder.hash,
    output: folder.output,
    ...(folder.pooling === 'cls' && {pooling: folder.pooling}),
    dimensions: folder.dimensions,
    tokens: folder.tokens,
    length: folder.length,
  };
  checkEmbedding(reading);
  return reading;
}
