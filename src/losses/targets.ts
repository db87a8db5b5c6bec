import {argmaxOfRow, logSumExpOfRow} from '../data/arrays.ts';
import {selectRows, sizeOf} from '../data/inputs.ts';
import {tf} from '../engine/tf.ts';
import {KnowledgeError} from '../errors.ts';
import type {Answers, TopKAnswers} from '../knowledge/answers.ts';
import {namedBy} from '../knowledge/coarsen.ts';
import {shareOfUnnamed, smoothVotes} from '../knowledge/smoothing.ts';
import type {Feature} from '../teacher.ts';
import {type BatchTargets, VECTOR} from './loss.ts';
import {type FloorOptions, floorOf} from './soft-probabilities.ts';

/** The inputs of losses for a whole table of answers. Row i belongs to answer i. `BatchTargets` describes each part. */
export interface Targets {
  readonly classes: number;
  /** [count] */
  readonly labels: Int32Array;
  /** [count, classes]; all finite */
  readonly logProbabilities?: Float32Array;
  /** [count] */
  readonly expectedLevels?: Float32Array;
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
    case 'expected': {
      const {levels} = answers;
      // No loss reads these labels. Students are calibrated and judged by them.
      const labels = Int32Array.from(levels, level => namedBy({kind: 'expected', level}));
      return {classes, labels, expectedLevels: levels, features: {}};
    }
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
    case 'vector':
      return {
        classes,
        // No loss reads these labels: a vector names no class.
        labels: new Int32Array(answers.count),
        features: {[VECTOR]: {shape: [answers.dimensions], values: answers.vectors}},
      };
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
  const {classes, labels, logProbabilities, expectedLevels, named, features} = targets;
  return {
    classes,
    labels: selectRows(labels, 1, rows),
    ...(logProbabilities && {logProbabilities: selectRows(logProbabilities, classes, rows)}),
    ...(expectedLevels && {expectedLevels: selectRows(expectedLevels, 1, rows)}),
    ...(named && {named: selectRows(named, classes, rows)}),
    features: mapFeatures(features, ({shape, values}) => ({shape, values: selectRows(values, sizeOf(shape), rows)})),
  };
}

/** Converts targets to tensors, which the caller must dispose of. They can share the targets' memory. */
export function targetTensors({
  classes,
  labels,
  logProbabilities,
  expectedLevels,
  named,
  features,
}: Targets): BatchTargets {
  const count = labels.length;
  return {
    labels: tf.tensor1d(labels, 'int32'),
    ...(logProbabilities && {logProbabilities: tf.tensor2d(logProbabilities, [count, classes])}),
    ...(expectedLevels && {expectedLevels: tf.tensor1d(expectedLevels)}),
    ...(named && {named: tf.tensor2d(named, [count, classes])}),
    features: mapFeatures(features, ({shape, values}) => tf.tensor(values, [count, ...shape])),
  };
}

/** Maps each tensor of a batch's targets to one of the same rank. */
export function mapTargets(
  {labels, trueLabels, logProbabilities, expectedLevels, named, features, weights}: BatchTargets,
  map: <T extends tf.Tensor>(tensor: T) => T,
): BatchTargets {
  return {
    labels: map(labels),
    ...(trueLabels && {trueLabels: map(trueLabels)}),
    ...(logProbabilities && {logProbabilities: map(logProbabilities)}),
    ...(expectedLevels && {expectedLevels: map(expectedLevels)}),
    ...(named && {named: map(named)}),
    features: mapFeatures(features, map),
    ...(weights && {weights: map(weights)}),
  };
}

function mapFeatures<F, T>(features: Readonly<Record<string, F>>, map: (feature: F) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(features).map(([layer, feature]) => [layer, map(feature)]));
}

/** Top-k answers as whole distributions. */
interface FilledRest {
  /** [count, classes]; each row is a distribution. */
  readonly logProbabilities: Float32Array;
  /** [count, classes]; 1 if the answer names the class, else 0. */
  readonly named: Float32Array;
}

/**
 * Spreads the rest r of each top-k answer evenly over the classes that it does not name: r / (K − k) each, at most the
 * smallest probability that it names (a class above that would have been named), and at least 1e-8 of the total. Then
 * it renormalises. This happens before any temperature, so that every temperature is right: softening the rest as a
 * single class would give a different result than softening its classes.
 *
 * A rest that is negative because of rounding counts as 0. A class named with probability 0 counts as not named.
 *
 * @throws KnowledgeError if an answer gives no class any probability
 */
export function fillRest(answers: TopKAnswers, classes: number): FilledRest {
  const size = answers.count * classes;
  const filled = {logProbabilities: new Float32Array(size), named: new Float32Array(size)};
  for (let row = 0; row < answers.count; row++) fillRow(answers, row, classes, filled);
  return filled;
}

function fillRow(answers: TopKAnswers, row: number, classes: number, {logProbabilities, named}: FilledRest): void {
  const {smallest, mass, count} = namedMass(answers, row);
  if (count === 0) {
    throw new KnowledgeError(`Answer ${row} names no class with a probability above 0. Ask the teacher again.`);
  }
  const unnamed = classes - count;
  const each = shareOfUnnamed({rest: answers.rest[row]!, unnamed, smallest});
  const logTotal = Math.log(mass + each * unnamed);
  const start = row * classes;
  logProbabilities.fill(Math.log(each) - logTotal, start, start + classes);
  for (let index = row * answers.k; index < (row + 1) * answers.k; index++) {
    if (!isNamed(answers, index)) continue;
    const target = start + answers.classes[index]!;
    logProbabilities[target] = answers.logProbabilities[index]! - logTotal;
    named[target] = 1;
  }
}

function namedMass(answers: TopKAnswers, row: number): {smallest: number; mass: number; count: number} {
  let [smallest, mass, count] = [1, 0, 0];
  for (let index = row * answers.k; index < (row + 1) * answers.k; index++) {
    if (!isNamed(answers, index)) continue;
    const probability = Math.exp(answers.logProbabilities[index]!);
    smallest = Math.min(smallest, probability);
    mass += probability;
    count++;
  }
  return {smallest, mass, count};
}

/** The unused elements of a row with fewer than k classes also have a probability of 0. */
function isNamed({logProbabilities}: TopKAnswers, index: number): boolean {
  return Math.exp(logProbabilities[index]!) > 0;
}
