import {distributionsOf, softmaxRows} from '../data/arrays.ts';
import type {Targets} from '../losses/targets.ts';
import {checkOptions, kinds} from '../options.ts';
import {entropies, type TemperatureOptions} from './metrics.ts';
import {mean, pearson, spearman} from './statistics.ts';

/** The information in targets beside the label: the first two of the four effects of learning from logits. */
export interface TargetSummary {
  /** Mean entropy of the targets, as a share of ln(classes). */
  readonly entropy: number;
  /** Mean mass that targets give to classes other than their top one. */
  readonly smoothing: number;
  /** Counts of targets by entropy, in equal bins from 0 to ln(classes). */
  readonly histogram: readonly number[];
}

export interface TargetSummaryOptions extends TemperatureOptions {
  /**
   * Bins of the histogram.
   *
   * @default 20
   */
  readonly bins?: number;
}

/** Summary of targets at the temperature at which they are learned. Bare labels have no entropy at any temperature. */
export function summariseTargets(
  {labels, logProbabilities, classes}: Pick<Targets, 'labels' | 'logProbabilities' | 'classes'>,
  options: TargetSummaryOptions = {},
): TargetSummary {
  checkOptions('summariseTargets', options, {temperature: kinds.number, bins: kinds.number});
  const {temperature = 1, bins = 20} = options;
  const histogram = new Array<number>(bins).fill(0);
  if (logProbabilities === undefined) {
    histogram[0] = labels.length;
    return {entropy: 0, smoothing: 0, histogram};
  }
  const most = Math.log(classes);
  const distributions = distributionsOf(logProbabilities, classes, temperature);
  const found = entropies(distributions);
  for (const entropy of found) histogram[Math.min(bins - 1, Math.floor((entropy / most) * bins))]!++;
  return {entropy: mean(found) / most, smoothing: mean(distributions.confidences.map(one => 1 - one)), histogram};
}

/**
 * The third effect: how much the distributions of one class differ from each other,
 * mean_c mean_{i: y_i = c} Σ_k (p_ik − μ_ck)², over the classes that have examples. 0 for bare labels.
 *
 * @param logits - [count, classes], or log-probabilities
 * @param labels - [count], the true classes
 */
export function intraClassVariance(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  options: TemperatureOptions = {},
): number {
  checkOptions('intraClassVariance', options, {temperature: kinds.number});
  const {temperature = 1} = options;
  const p = softmaxRows(logits, classes, temperature);
  const {means, counts} = classMeans(p, labels, classes);
  const sums = new Float64Array(classes);
  for (let index = 0; index < p.length; index++) {
    const label = labels[Math.floor(index / classes)]!;
    sums[label]! += (p[index]! - means[label * classes + (index % classes)]!) ** 2;
  }
  const present = Array.from(sums, (sum, label) => sum / counts[label]!).filter((_, label) => counts[label]! > 0);
  return mean(present);
}

/**
 * The fourth effect: which classes look alike. Row c is the mean softmax of the examples of class c, at a temperature
 * that shows small probabilities; zeros if the class has no examples.
 *
 * @returns [true class][class]
 */
export function classRelation(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  options: TemperatureOptions = {},
): number[][] {
  checkOptions('classRelation', options, {temperature: kinds.number});
  const {temperature = 4} = options;
  const {means} = classMeans(softmaxRows(logits, classes, temperature), labels, classes);
  return Array.from({length: classes}, (_, row) => Array.from(means.subarray(row * classes, (row + 1) * classes)));
}

/** Mean row of each label; zeros for a label without rows. */
function classMeans(
  rows: Float64Array,
  labels: ArrayLike<number>,
  classes: number,
): {means: Float64Array; counts: Int32Array} {
  const means = new Float64Array(classes * classes);
  const counts = new Int32Array(classes);
  for (let row = 0; row < labels.length; row++) counts[labels[row]!]!++;
  for (let index = 0; index < rows.length; index++) {
    const label = labels[Math.floor(index / classes)]!;
    means[label * classes + (index % classes)]! += rows[index]! / counts[label]!;
  }
  return {means, counts};
}

/** Correlation of the off-diagonal entries of two class relations. */
export function relationCorrelation(
  one: readonly (readonly number[])[],
  other: readonly (readonly number[])[],
): {readonly pearson: number; readonly spearman: number} {
  const [x, y] = [offDiagonal(one), offDiagonal(other)];
  return {pearson: pearson(x, y), spearman: spearman(x, y)};
}

function offDiagonal(relation: readonly (readonly number[])[]): number[] {
  return relation.flatMap((row, index) => row.filter((_, column) => column !== index));
}
