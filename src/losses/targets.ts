import {selectRows, sizeOf} from '../data/inputs.ts';
import {argmaxOfRow, logSumExpOfRow} from '../data/rows.ts';
import {tf} from '../engine/tf.ts';
import {KnowledgeError} from '../errors.ts';
import type {Answers} from '../knowledge/answers.ts';
import {smoothVotes} from '../knowledge/smooth-votes.ts';
import type {Feature} from '../teacher.ts';
import {fillRest} from './fill-rest.ts';
import type {BatchTargets} from './loss.ts';
import {type FloorOptions, floorOf} from './soft-probabilities.ts';

/** What losses take, for a whole table of answers; row i is answer i. `BatchTargets` says what each part is. */
export interface Targets {
  readonly classes: number;
  /** [count] */
  readonly labels: Int32Array;
  /** [count, classes]; all finite */
  readonly logProbabilities?: Float32Array;
  /** [count, classes] */
  readonly named?: Float32Array;
  /** By teacher layer: shape of one example's feature, values [count, ...shape]. */
  readonly features: Readonly<Record<string, Feature>>;
}

/**
 * The one switch from what a teacher answered to what a loss takes. Labels are the most probable or most voted class,
 * the lowest index on ties. Votes are smoothed, the rest of top-k answers is spread (and `named` says over what), and a
 * class of probability 0 gets the floor of `options`, or the row's smallest probability where that is lower: 0 · log 0
 * has no place in a loss.
 *
 * @throws KnowledgeError if an answer is no distribution
 */
export function targetsOf(answers: Answers, classes: number, options: FloorOptions = {}): Targets {
  switch (answers.kind) {
    case 'label':
      return {classes, labels: answers.labels, features: {}};
    case 'votes':
      return {
        classes,
        labels: argmaxOfRows(answers.counts, classes),
        logProbabilities: smoothVotes(answers.counts, classes),
        features: {},
      };
    case 'top-k':
      return {
        classes,
        labels: selectRows(answers.classes, 1, multiples(answers.k, answers.count)),
        ...fillRest(answers, classes),
        features: {},
      };
    case 'log-probabilities':
      return {...distributions(answers.logProbabilities, classes, options), features: {}};
    case 'logits':
      return {...distributions(answers.logits, classes, options), features: answers.features};
  }
}

function distributions(rows: Float32Array, classes: number, options: FloorOptions): Omit<Targets, 'features'> {
  return {
    classes,
    labels: argmaxOfRows(rows, classes),
    logProbabilities: withoutInfinities(rows, classes, Math.log(floorOf(options))),
  };
}

function argmaxOfRows(rows: ArrayLike<number>, classes: number): Int32Array {
  return Int32Array.from({length: rows.length / classes}, (_, row) => argmaxOfRow(rows, row * classes, classes));
}

function multiples(step: number, count: number): Int32Array {
  return Int32Array.from({length: count}, (_, index) => index * step);
}

/** The same rows where all is finite; else a copy in which each -Infinity is a small probability. */
function withoutInfinities(rows: Float32Array, classes: number, logFloor: number): Float32Array {
  if (rows.every(Number.isFinite)) return rows;
  const finite = rows.slice();
  for (let start = 0; start < rows.length; start += classes) {
    const row = finite.subarray(start, start + classes);
    const logTotal = logSumExpOfRow(row, 0, classes);
    if (!Number.isFinite(logTotal)) {
      throw new KnowledgeError(
        `Answer ${start / classes} is no distribution: its log-probabilities are ${row.join(', ')}. Ask for it again.`,
      );
    }
    const least = row.reduce(
      (low, value) => (Number.isFinite(value) ? Math.min(low, value) : low),
      logTotal + logFloor,
    );
    for (let index = 0; index < classes; index++) if (!Number.isFinite(row[index])) row[index] = least;
  }
  return finite;
}

/** The named rows, in that order. */
export function selectTargets(targets: Targets, rows: ArrayLike<number>): Targets {
  const {classes, labels, logProbabilities, named, features} = targets;
  return {
    classes,
    labels: selectRows(labels, 1, rows),
    ...(logProbabilities && {logProbabilities: selectRows(logProbabilities, classes, rows)}),
    ...(named && {named: selectRows(named, classes, rows)}),
    features: mapFeatures(features, ({shape, values}) => ({shape, values: selectRows(values, sizeOf(shape), rows)})),
  };
}

/** Targets as tensors, for the caller to dispose. They may share the targets' memory. */
export function targetTensors({classes, labels, logProbabilities, named, features}: Targets): BatchTargets {
  const count = labels.length;
  return {
    labels: tf.tensor1d(labels, 'int32'),
    ...(logProbabilities && {logProbabilities: tf.tensor2d(logProbabilities, [count, classes])}),
    ...(named && {named: tf.tensor2d(named, [count, classes])}),
    features: mapFeatures(features, ({shape, values}) => tf.tensor(values, [count, ...shape])),
  };
}

function mapFeatures<T>(features: Targets['features'], map: (feature: Feature) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(features).map(([layer, feature]) => [layer, map(feature)]));
}
