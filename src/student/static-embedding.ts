import {concatenated} from '../data/arrays.ts';
import {checkCount} from '../data/hashed-reading.ts';
import {selectRows} from '../data/inputs.ts';
import {type PieceReading, pieceReader, WITHIN} from '../data/piece-reading.ts';
import {shuffledIndices} from '../data/random.ts';
import {readFolder} from '../encoder/folder.ts';
import {withKeptEncodings} from '../encoder/kept.ts';
import {openEncoder} from '../encoder/open.ts';
import {vocabularyOf} from '../encoder/vocabulary.ts';
import {layers, tf} from '../engine/tf.ts';
import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {checkTextTask, checkWidths, classifier, hiddenLayers, through} from './building-blocks.ts';
import {makeStudent} from './make-student.ts';
import {fitTable, type TableLesson, textVectors} from './piece-table.ts';
import {alongAxes, type PrincipalAxes, principalAxes} from './principal-axes.ts';
import type {PrepareOptions, StudentBuilder} from './student.ts';

export interface StaticEmbeddingOptions {
  /**
   * The encoder that the table is taken from: a name that `limbeck encoder add` fetched, or a folder that `openEncoder`
   * opens. Answers don't need it.
   */
  readonly encoder: string;
  /**
   * Numbers for each piece; no more than the encoder's vectors have.
   *
   * @default 128
   */
  readonly dimensions?: number;
  /**
   * The most pieces in the table, at least 2: those of the texts, then the most common ones of the encoder.
   *
   * @default 7000
   */
  readonly pieces?: number;
  /**
   * Widths of the hidden layers after the table, each followed by a ReLU.
   *
   * @default none
   */
  readonly units?: readonly number[];
  /**
   * The most characters that are read of a text.
   *
   * @default 10000
   */
  readonly length?: number;
}

const KINDS = {
  encoder: kinds.text,
  dimensions: kinds.number,
  pieces: kinds.number,
  units: kinds.numbers,
  length: kinds.number,
} satisfies Shape<StaticEmbeddingOptions>;

/** Most vectors of texts whose principal components are taken. */
const MOST_MEASURED = 2000;

/**
 * A student of texts with a table of word pieces that comes from a frozen encoder and is fitted to the encoder's vectors of
 * unlabelled texts, so that it knows words that occur in no answer. The vector of a text is the sum of its pieces' rows.
 * Training tunes the table with the layers behind it. It takes neither the encoder nor its tokenizer to answer, and runs
 * in a browser. Layers: `table`, `dense_1`, …, `logits`.
 *
 * Its table has to be prepared, by the encoder and unlabelled texts. In a recipe that happens by itself, with texts of the
 * training split that no teacher is asked about; if there are less than 4,000, those that the student learns from as well.
 * Elsewhere call `preparation.prepare`.
 *
 * @throws InputError if the encoder is not there, or the builder is called before it is prepared
 */
export function staticEmbedding(options: StaticEmbeddingOptions): StudentBuilder {
  checkOptions('staticEmbedding', options, KINDS, ['encoder']);
  const {encoder, dimensions = 128, pieces = 7000, units = [], length = 10_000} = options;
  checkWidths('dimensions', [dimensions]);
  checkWidths('units', units);
  checkCount('pieces', pieces, 2, 2 ** 20);
  checkCount('length', length, 1, 2 ** 20);
  const settings = {encoder, dimensions, pieces, length};
  const unprepared: StudentBuilder = task => {
    checkTextTask(NAME, task);
    throw new InputError(
      'staticEmbedding() needs texts before it makes a student. Call `preparation.prepare(texts)`, and then the builder that it gives.',
    );
  };
  return Object.assign(unprepared, {
    preparation: {
      check(task) {
        checkTextTask(NAME, task);
        readFolder(encoder);
      },
      prepare: async (texts, own = {}) => withTable(await tableFrom(texts, settings, own), units),
    } satisfies StudentBuilder['preparation'],
  });
}

const NAME = 'static_embedding';

/** A table, and how texts are read for it. */
export interface PreparedTable {
  readonly reading: PieceReading;
  /** [pieces, width] */
  readonly table: Float32Array;
  readonly width: number;
}

async function tableFrom(
  texts: readonly string[],
  {encoder: name, dimensions, pieces: most, length}: Required<Omit<StaticEmbeddingOptions, 'units'>>,
  {directory, signal}: PrepareOptions,
): Promise<PreparedTable> {
  const pieces = piecesOf(vocabularyOf(readFolder(name)), texts, {most, length});
  const reading: PieceReading = {kind: 'word-pieces', vocabulary: pieces.join(' '), length};
  const opened = await openEncoder(name);
  const encoder = directory === undefined ? opened : withKeptEncodings(opened, directory);
  try {
    const vectors = await encoder.encode(texts, {signal});
    const alone = await encoder.encode(pieces.map(spelling), {signal});
    const width = Math.min(dimensions, encoder.dimensions);
    const axes = axesOf({vectors, alone}, encoder.dimensions, width);
    const lesson = {
      texts: texts.map(pieceReader(reading)),
      vectors: alongAxes(vectors, axes),
      alone: alongAxes(alone, axes),
      width,
    };
    return {reading, table: withUnitVariance(lesson, fitTable(lesson)), width};
  } finally {
    await encoder.close();
  }
}

const spelling = (piece: string): string => (piece.startsWith(WITHIN) ? piece.slice(WITHIN.length) : piece);

/** The pieces of the texts, the most frequent first, and then those of the encoder whose characters are in the texts. */
function piecesOf(
  vocabulary: readonly string[],
  texts: readonly string[],
  {most, length}: {readonly most: number; readonly length: number},
): readonly string[] {
  const known = [...new Set(vocabulary.filter(piece => !/\s/.test(piece) && spelling(piece) !== ''))];
  const read = pieceReader({kind: 'word-pieces', vocabulary: known.join(' '), length});
  const counts = new Uint32Array(known.length);
  for (const text of texts) for (const column of read(text)) counts[column]! += 1;
  const characters = new Set(known.flatMap((piece, column) => (counts[column] ? [...spelling(piece)] : [])));
  const isWritten = (piece: string): boolean => [...spelling(piece)].every(character => characters.has(character));
  const rows = Array.from(known.keys()).filter(row => texts.length === 0 || isWritten(known[row]!));
  // The sort is stable: those that are as frequent stay in the encoder's order.
  rows.sort((one, other) => counts[other]! - counts[one]!);
  return rows.slice(0, most).map(row => known[row]!);
}

/** Few texts vary along fewer axes than are needed, and the pieces then help out. */
function axesOf(
  {vectors, alone}: {readonly vectors: Float32Array; readonly alone: Float32Array},
  width: number,
  count: number,
): PrincipalAxes {
  const texts = vectors.length / width;
  const some = shuffledIndices(texts, 0, 'texts for principal axes').subarray(0, MOST_MEASURED);
  const measured = selectRows(vectors, width, some);
  return principalAxes(texts < 10 * count ? concatenated(measured, alone) : measured, width, count);
}

/** Scales a table so that the numbers of texts' vectors have a mean square of 1, as layers and optimizers expect. */
function withUnitVariance(lesson: TableLesson, table: Float32Array): Float32Array {
  const sums = textVectors(lesson, table);
  const square = sums.reduce((total, value) => total + value * value, 0) / Math.max(1, sums.length);
  return square === 0 ? table : table.map(value => value / Math.sqrt(square));
}

/** Makes students whose first layer is a table. */
export function withTable({reading, table, width}: PreparedTable, units: readonly number[]): StudentBuilder {
  return (asked, seed) => {
    const {classes} = asked;
    checkTextTask(NAME, asked);
    const pieces = table.length / width;
    const first = layers.layers.dense({name: 'table', units: width, useBias: false});
    const task = {classes, inputShape: [pieces], preprocessing: {}};
    const student = classifier(NAME, task, seed, input => through(input, first, ...hiddenLayers(units, seed)));
    tf.tidy(() => first.setWeights([tf.tensor2d(table, [pieces, width])]));
    return makeStudent({...student, reading});
  };
}
