import {type Distributions, distributionsOf} from '../data/arrays.ts';
import {checkOptions, kinds} from '../options.ts';

// In this file `logits` are [count, classes], row-major, and can be log-probabilities; `labels` are [count].

/** Examples whose confidence, the probability of the named class, is above `low` and at most `high`. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean confidence in the bin; 0 if it is empty. */
  readonly confidence: number;
  /** Share of right answers in the bin; 0 if it is empty. */
  readonly accuracy: number;
}

export interface ReliabilityOptions {
  /**
   * Number of equal bins from 0 to 1.
   *
   * @default 15
   */
  readonly bins?: number;
}

/**
 * Expected calibration error, Σ_b (n_b / n) · |accuracy_b − confidence_b| over bins of confidence. Guo et al. (2017),
 * equation 3.
 */
export function ece(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  options: ReliabilityOptions = {},
): number {
  checkOptions('ece', options, {bins: kinds.number});
  return eceOf(distributionsOf(logits, classes), labels, options);
}

/**
 * Bins of a reliability diagram. Guo et al. (2017), section 2.
 *
 * @param logits - [count, classes], or log-probabilities
 * @param labels - [count], the true classes
 */
export function reliability(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  options: ReliabilityOptions = {},
): ReliabilityBin[] {
  checkOptions('reliability', options, {bins: kinds.number});
  return binsOf(distributionsOf(logits, classes), labels, options);
}

/**
 * The calibration error over bins of equally many inputs: Σ_b (n_b / n) · |accuracy_b − confidence_b|, where confidence is
 * the probability of the named class. Bin b of B holds the inputs with from b · n / B to (b + 1) · n / B others that are
 * less sure, so equal confidences share a bin. It differs from `ece` in the bins alone. The bins are those of Nixon et al.
 * (2019), section 4.3; Nguyen and O'Connor (2015) apply them to the named class.
 */
export function adaptiveEce(
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  options: ReliabilityOptions = {},
): number {
  checkOptions('adaptiveEce', options, {bins: kinds.number});
  return adaptiveEceOf(distributionsOf(logits, classes), labels, options);
}

/** The same of distributions. */
export function eceOf(model: Distributions, labels: ArrayLike<number>, options?: ReliabilityOptions): number {
  return calibrationGap(binsOf(model, labels, options));
}

/** The same of distributions. */
export function adaptiveEceOf(
  {named, confidences}: Distributions,
  labels: ArrayLike<number>,
  {bins = 15}: ReliabilityOptions = {},
): number {
  const answers = Array.from(named, (best, row) => ({
    confidence: confidences[row]!,
    right: best === labels[row] ? 1 : 0,
  })).sort((one, other) => one.confidence - other.confidence);
  const gaps = new Float64Array(bins);
  let lessSure = 0;
  for (const [rank, {confidence, right}] of answers.entries()) {
    if (confidence > answers[lessSure]!.confidence) lessSure = rank;
    gaps[Math.floor((lessSure * bins) / answers.length)]! += right - confidence;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / answers.length;
}

function binsOf(
  {named, confidences}: Distributions,
  labels: ArrayLike<number>,
  options?: ReliabilityOptions,
): ReliabilityBin[] {
  return reliabilityBins(confidences, row => named[row] === labels[row], options);
}

/** Bins of confidences, each of which turns out right or not. */
export function reliabilityBins(
  confidences: ArrayLike<number>,
  isRight: (index: number) => boolean,
  {bins = 15}: ReliabilityOptions = {},
): ReliabilityBin[] {
  // The edges are computed once, because a bin's upper edge and the next one's lower edge must be the same number.
  const edges = Array.from({length: bins + 1}, (_, index) => index / bins);
  const sums = Array.from({length: bins}, () => ({count: 0, confidence: 0, right: 0}));
  for (let index = 0; index < confidences.length; index++) {
    const confidence = confidences[index]!;
    const sum = sums[binOf(confidence, edges)]!;
    sum.count++;
    sum.confidence += confidence;
    if (isRight(index)) sum.right++;
  }
  return sums.map(({count, confidence, right}, index) => ({
    low: edges[index]!,
    high: edges[index + 1]!,
    count,
    confidence: count === 0 ? 0 : confidence / count,
    accuracy: count === 0 ? 0 : right / count,
  }));
}

/** Σ_b (n_b / n) · |accuracy_b − confidence_b|; NaN if the bins are empty. */
export function calibrationGap(bins: readonly ReliabilityBin[]): number {
  let [gap, inputs] = [0, 0];
  for (const {count, accuracy, confidence} of bins) {
    gap += count * Math.abs(accuracy - confidence);
    inputs += count;
  }
  return gap / inputs;
}

/**
 * The bin i with edge i < confidence <= edge i + 1. A softmax can round to just above 1, which belongs to the last bin.
 */
function binOf(confidence: number, edges: readonly number[]): number {
  let bin = 0;
  while (bin < edges.length - 2 && confidence > edges[bin + 1]!) bin++;
  return bin;
}
