import {argmaxRows} from '../data/arrays.ts';
import {selectRows} from '../data/inputs.ts';
import {fitLinearHead, headLogits} from './linear-head.ts';
import {naiveBayes} from './word-counts.ts';

/** What a classifier without the encoder learns from, one row an answer. */
export type PlainRows =
  /** The buckets that the words and characters of each text hash to. */
  | {readonly kind: 'words'; readonly texts: readonly Int32Array[]; readonly buckets: number}
  /** [answers, width], the inputs themselves, each of length 1. */
  | {readonly kind: 'numbers'; readonly rows: Float32Array; readonly width: number};

/** Answers with what is known of their inputs without the encoder. */
interface PlainLesson {
  readonly plain: PlainRows;
  readonly classes: number;
  /** [answers, classes] */
  readonly targets: Float32Array;
}

/** λ of the classifier of numbers. Rows of length 1 need a weak one. */
const PENALTY = 0.1;
const TOLERANCE = 1e-3;

/**
 * The classes of some inputs, by a classifier that learned from others without the encoder: naive Bayes on counts of words,
 * logistic regression on numbers.
 */
export function plainLabels({plain, classes, targets}: PlainLesson, held: PlainRows): ArrayLike<number> {
  if (plain.kind === 'words') {
    const classify = naiveBayes({texts: plain.texts, targets}, classes, plain.buckets);
    return (held as typeof plain).texts.map(classify);
  }
  const {rows, width} = plain;
  const head = fitLinearHead({features: rows, targets}, {width, classes, penalty: PENALTY, tolerance: TOLERANCE});
  return argmaxRows(headLogits(head, (held as typeof plain).rows), classes);
}

export function selectPlain(plain: PlainRows, indices: ArrayLike<number>): PlainRows {
  if (plain.kind === 'words') return {...plain, texts: Array.from(indices, index => plain.texts[index]!)};
  return {...plain, rows: selectRows(plain.rows, plain.width, indices)};
}
