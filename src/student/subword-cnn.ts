import {checkSubwords, type SubwordReading} from '../data/hashed-reading.ts';
import {layers} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {
  checkTextTask,
  checkWidths,
  classifier,
  glorotUniform,
  heNormal,
  hiddenLayers,
  through,
} from './building-blocks.ts';
import {makeStudent} from './make-student.ts';
import type {Student, StudentBuilder} from './student.ts';

type SymbolicTensor = layers.SymbolicTensor;

export interface SubwordCnnOptions {
  /**
   * Number of consecutive subwords that a filter sees, for each group of filters.
   *
   * @default [1, 2, 3]
   */
  readonly widths?: readonly number[];
  /**
   * Filters in each group.
   *
   * @default 64
   */
  readonly filters?: number;
  /**
   * Length of a subword's embedding.
   *
   * @default 32
   */
  readonly dimensions?: number;
  /**
   * Widths of the hidden layers after the filters, each followed by a ReLU.
   *
   * @default none
   */
  readonly units?: readonly number[];
  /**
   * Number of different subwords. The embedding has `dimensions` weights for each.
   *
   * @default 8192
   */
  readonly buckets?: number;
  /**
   * The most characters in a subword.
   *
   * @default 4
   */
  readonly characters?: number;
  /**
   * The most subwords that are read of a text. Training steps and answers take time in proportion.
   *
   * @default 512
   */
  readonly pieces?: number;
  /**
   * The most characters that are read of a text.
   *
   * @default 10000
   */
  readonly length?: number;
}

const KINDS = {
  widths: kinds.numbers,
  filters: kinds.number,
  dimensions: kinds.number,
  units: kinds.numbers,
  buckets: kinds.number,
  characters: kinds.number,
  pieces: kinds.number,
  length: kinds.number,
} satisfies Shape<SubwordCnnOptions>;

/**
 * A student of texts that sees the order of words. Words are cut into subwords and these are embedded. Filters look at
 * several subwords in a row, and each filter's strongest response anywhere in the text counts (Kim, 2014, Convolutional
 * neural networks for sentence classification). It ships no vocabulary. Layers: `is_text`, `embedding`, then for each
 * width `conv_2`, `relu_2`, `pool_2`, then `filters`, `dense_1`, …, `logits`.
 *
 * Padding is zeros and the filters have no bias, so it adds nothing to any response that counts. The answer to a text
 * doesn't depend on the padding behind it.
 */
export function subwordCnn(options: SubwordCnnOptions = {}): StudentBuilder {
  checkOptions('subwordCnn', options, KINDS);
  const {widths = [1, 2, 3], filters = 64, dimensions = 32, units = []} = options;
  const {buckets = 2 ** 13, characters = 4, pieces = 512, length = 10_000} = options;
  const reading: SubwordReading = {kind: 'subwords', buckets, characters, pieces, length};
  checkSubwords(reading);
  for (const [name, values] of Object.entries({widths, filters: [filters], dimensions: [dimensions], units})) {
    checkWidths(name, values);
  }
  if (widths.length === 0 || new Set(widths).size < widths.length) {
    throw new InputError(
      `Expected \`widths\` to be one number or more, each once, got ${widths.join(', ') || 'none'}.`,
    );
  }
  return (asked, seed) => {
    const {classes} = asked;
    checkTextTask(NAME, asked);
    const task = {classes, inputShape: [pieces], preprocessing: {}};
    const student = classifier(NAME, task, seed, input => {
      const embedded = embed(input, reading, dimensions, seed);
      const responses = widths.map(width => strongest(embedded, width, filters, seed));
      return through(joined(responses), ...hiddenLayers(units, seed));
    });
    return makeStudent({...student, reading});
  };
}

const NAME = 'subword_cnn';

/**
 * The number of zeros behind the last piece of a text that its filters must still see. The answer is the same with any
 * more of them.
 *
 * @returns undefined for students of other builders, which need a sequence of full length
 */
export function leastPadding({model, reading}: Student): number | undefined {
  if (reading?.kind !== 'subwords' || model.name !== NAME) return undefined;
  const filters = model.layers.filter(layer => layer.getClassName() === 'Conv1D');
  // A filter begins so many pieces before the position that it is about.
  const before = filters.map(layer => Math.floor(((layer.getConfig()['kernelSize'] as number[])[0]! - 1) / 2));
  return Math.max(0, ...before);
}

/** One vector for each subword [pieces, dimensions], zeros for padding. */
function embed(
  input: SymbolicTensor,
  {buckets, pieces}: SubwordReading,
  dimensions: number,
  seed: number,
): SymbolicTensor {
  const {embedding, multiply, reLU, reshape} = layers.layers;
  const embeddingsInitializer = glorotUniform(seed, 'embedding');
  const vectors = through(
    input,
    embedding({name: 'embedding', inputDim: buckets + 1, outputDim: dimensions, embeddingsInitializer}),
  );
  // 1 for each subword and 0 for padding: the minimum of its number and 1. Masks of TensorFlow.js don't pass through
  // convolutions.
  const isText = through(
    input,
    reLU({name: 'is_text', maxValue: 1}),
    reshape({name: 'is_text_column', targetShape: [pieces, 1]}),
  );
  return multiply({name: 'masked'}).apply([vectors, isText]) as SymbolicTensor;
}

/** The strongest response of each filter of one width [filters]; at least 0. */
function strongest(embedded: SymbolicTensor, width: number, filters: number, seed: number): SymbolicTensor {
  const {activation, conv1d, globalMaxPooling1d} = layers.layers;
  const name = `conv_${width}`;
  const kernelInitializer = heNormal(seed, name);
  return through(
    embedded,
    conv1d({name, filters, kernelSize: width, padding: 'same', useBias: false, kernelInitializer}),
    activation({name: `relu_${width}`, activation: 'relu'}),
    globalMaxPooling1d({name: `pool_${width}`}),
  );
}

function joined(responses: readonly SymbolicTensor[]): SymbolicTensor {
  if (responses.length === 1) return responses[0]!;
  return layers.layers.concatenate({name: 'filters'}).apply([...responses]) as SymbolicTensor;
}
