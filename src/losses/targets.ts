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

/** The inputs of losses for a whole table of answers. Row i belongs to answer i. `BatchTargets` describes each part. */
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
 * Converts a teacher's answers to the inputs of losses. Labels are the most probable or most voted class, and the
 * lowest index on ties. Votes are smoothed. The rest of top-k answers is spread over the unnamed classes, which `named`
 * marks. A class of probability 0 gets the floor of `options`, or the row's smallest probability if that is lower, so
 * that no loss computes 0 · log 0.
 *
 * @throws KnowledgeError if an answer is not a distribution
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

/** Returns the same rows if all are finite, else a copy with a small probability instead of each -Infinity. */
function withoutInfinities(rows: Float32Array, classes: number, logFloor: number): Float32Array {
  if (rows.every(Number.isFinite)) return rows;
  const finite = rows.slice();
  for (let start = 0; start < rows.length; start += classes) {
    const row = finite.subarray(start, start + classes);
    const logTotal = logSumExpOfRow(row, 0, classes);
    if (!Number.isFinite(logTotal)) {
      throw new KnowledgeError(
        `Answer ${start / classes} is not a distribution: its log-probabilities are ${row.join(', ')}. Ask the teacher again.`,
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

/** Selects rows, in the given order. */
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

/** Converts targets to tensors, which the caller must dispose of. They can share the targets' memory. */
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
