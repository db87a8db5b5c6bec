import {checkNgrams, type NgramReading} from '../data/hashed-reading.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {checkTextTask, checkWidths, classifier, hiddenLayers, through} from './building-blocks.ts';
import {makeStudent} from './make-student.ts';
import type {StudentBuilder} from './student.ts';

export interface HashedNgramOptions {
  /**
   * Widths of the hidden layers, each followed by a ReLU. None makes a linear model.
   *
   * @default [32]
   */
  readonly units?: readonly number[];
  /**
   * The number of buckets, which is the length of a text's vector. The first layer has as many weights for each of its
   * units.
   *
   * @default 16384
   */
  readonly buckets?: number;
  /**
   * The most words in a run. 0 leaves words out.
   *
   * @default 1
   */
  readonly words?: number;
  /**
   * The fewest and the most characters in a run. `[0, 0]` leaves them out.
   *
   * @default [3, 4]
   */
  readonly characters?: readonly [fewest: number, most: number];
  /**
   * The most characters that are read of a text.
   *
   * @default 10000
   */
  readonly length?: number;
}

const KINDS = {
  units: kinds.numbers,
  buckets: kinds.number,
  words: kinds.number,
  characters: kinds.numbers,
  length: kinds.number,
} satisfies Shape<HashedNgramOptions>;

/**
 * A student of texts in any language. Runs of words and of characters are hashed, embedded and added up (Joulin et al.,
 * 2016, Bag of tricks for efficient text classification), and hidden layers follow. It ships no vocabulary. Layers:
 * `dense_1`, …, `logits`.
 */
export function hashedNgrams(options: HashedNgramOptions = {}): StudentBuilder {
  checkOptions('hashedNgrams', options, KINDS);
  const {units = [32], buckets = 2 ** 14, words = 1, characters = [3, 4], length = 10_000} = options;
  const reading: NgramReading = {kind: 'n-grams', buckets, words, characters, length};
  checkNgrams(reading);
  checkWidths('units', units);
  return (asked, seed) => {
    const {classes} = asked;
    checkTextTask('hashed_ngrams', asked);
    const task = {classes, inputShape: [buckets], preprocessing: {}};
    const student = classifier('hashed_ngrams', task, seed, input => through(input, ...hiddenLayers(units, seed)));
    return makeStudent({...student, reading});
  };
}
