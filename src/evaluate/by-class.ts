import {argmaxRows} from '../data/arrays.ts';
import {mean} from './statistics.ts';

// In this file `labels` and `named` are [count]: the class that an input has, and the one that a model names.

/** [label][named class], counts of inputs. */
export type ConfusionCounts = readonly (readonly number[])[];

/** How often inputs of each class are given each class. */
export function confusionCounts(labels: ArrayLike<number>, named: ArrayLike<number>, classes: number): number[][] {
  const counts = Array.from({length: classes}, () => new Array<number>(classes).fill(0));
  for (let row = 0; row < labels.length; row++) counts[labels[row]!]![named[row]!]!++;
  return counts;
}

/** How well a model knows one class. */
export interface ClassMetrics {
  /** Share of the inputs of the class that the model gives it; NaN if there are none. */
  readonly recall: number;
  /** Share of the inputs to which the model gives the class that have it; NaN if there are none. */
  readonly precision: number;
  /** Harmonic mean of both, 2 TP / (2 TP + FP + FN); NaN if no input has the class or is given it. */
  readonly f1: number;
}

/** The metrics of each class, from counts. */
export function classMetrics(counts: ConfusionCounts): ClassMetrics[] {
  const given = counts.map((_, named) => counts.reduce((sum, row) => sum + row[named]!, 0));
  return counts.map((row, label) => {
    const [right, own] = [row[label]!, row.reduce((sum, count) => sum + count, 0)];
    return {recall: right / own, precision: right / given[label]!, f1: (2 * right) / (own + given[label]!)};
  });
}

/**
 * Mean recall over the classes that have inputs: the accuracy if each class were as frequent as any other. Brodersen et
 * al. (2010).
 *
 * @param logits - [count, classes], or log-probabilities
 */
export function balancedAccuracy(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  return meansOverClasses(argmaxRows(logits, classes), labels, classes).balancedAccuracy;
}

/**
 * Mean F1 over the classes that an input has or is given.
 *
 * @param logits - [count, classes], or log-probabilities
 */
export function macroF1(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): number {
  return meansOverClasses(argmaxRows(logits, classes), labels, classes).macroF1;
}

/** Both means of the classes that a model names, see `balancedAccuracy` and `macroF1`. */
export function meansOverClasses(
  named: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
): {readonly balancedAccuracy: number; readonly macroF1: number} {
  const metrics = classMetrics(confusionCounts(labels, named, classes));
  return {
    balancedAccuracy: meanOfKnown(metrics.map(({recall}) => recall)),
    macroF1: meanOfKnown(metrics.map(({f1}) => f1)),
  };
}

/** The mean of the numbers among them; NaN if there is none. */
function meanOfKnown(values: readonly number[]): number {
  return mean(values.filter(value => !Number.isNaN(value)));
}

/** The confusions between classes, over all seeds of a method. */
export interface Confusion {
  /** Absent if there are more than 50 classes. */
  readonly counts?: ConfusionCounts | undefined;
  /** The 200 most frequent confusions, the most frequent first; absent if there are 50 classes or fewer. */
  readonly largest?: readonly ConfusedPair[] | undefined;
}

/** Inputs of one class that are given another. Classes are indices. */
export interface ConfusedPair {
  readonly label: number;
  readonly named: number;
  readonly count: number;
}

/** The most classes whose counts are kept whole, and how many confusions are kept of more classes. */
const [WHOLE, LARGEST] = [50, 200];

/** The classes that several models name, held against the same labels. */
export function confusionOf(
  labels: ArrayLike<number>,
  named: readonly ArrayLike<number>[],
  classes: number,
): Confusion {
  const each = named.map(model => confusionCounts(labels, model, classes));
  const counts = each[0]!.map((row, label) =>
    row.map((_, given) => each.reduce((sum, own) => sum + own[label]![given]!, 0)),
  );
  return classes <= WHOLE ? {counts} : {largest: confusedPairs(counts).slice(0, LARGEST)};
}

/** The confusions that happen, the most frequent first. */
export function confusedPairs(counts: ConfusionCounts): ConfusedPair[] {
  return counts
    .flatMap((row, label) => row.map((count, named) => ({label, named, count})))
    .filter(({label, named, count}) => label !== named && count > 0)
    .sort((one, other) => other.count - one.count);
}

/** How one class fares with a method: shares are means over seeds. */
export interface ClassResult extends ClassMetrics {
  /** Test inputs of the class; absent without true labels. Recall, precision and F1 are NaN then, in the file null. */
  readonly inputs?: number | undefined;
  /** Test inputs to which the teacher gives the class. */
  readonly teacherInputs: number;
  /** Share of these to which the student gives it as well; NaN, in the file null, if there are none. */
  readonly agreement: number;
}

/**
 * One row for each class. A share of nothing is left out of its mean: the precision of a student that never names a class.
 *
 * @param truth - the true classes; undefined if nobody knows them
 * @param taught - the teacher's classes
 * @param named - those of each seed's student
 */
export function classResults(
  truth: ArrayLike<number> | undefined,
  taught: ArrayLike<number>,
  named: readonly ArrayLike<number>[],
  classes: number,
): ClassResult[] {
  const metrics = (labels: ArrayLike<number>) =>
    named.map(model => classMetrics(confusionCounts(labels, model, classes)));
  const [right, agreeing] = [truth && metrics(truth), metrics(taught)];
  const over = (seeds: readonly (readonly ClassMetrics[])[] | undefined, label: number, metric: keyof ClassMetrics) =>
    meanOfKnown((seeds ?? []).map(seed => seed[label]![metric]));
  const [sizes, teacherSizes] = [truth && sizesOf(truth, classes), sizesOf(taught, classes)];
  return teacherSizes.map((teacherInputs, label) => ({
    inputs: sizes?.[label],
    teacherInputs,
    recall: over(right, label, 'recall'),
    precision: over(right, label, 'precision'),
    f1: over(right, label, 'f1'),
    agreement: over(agreeing, label, 'recall'),
  }));
}

function sizesOf(labels: ArrayLike<number>, classes: number): number[] {
  const sizes = new Array<number>(classes).fill(0);
  for (let row = 0; row < labels.length; row++) sizes[labels[row]!]!++;
  return sizes;
}
