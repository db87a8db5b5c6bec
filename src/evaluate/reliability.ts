import {argmaxRows, softmaxRows} from './distributions.ts';

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
  const probabilities = softmaxRows(logits, classes);
  const named = argmaxRows(logits, classes);
  const confidences = Array.from(named, (best, row) => probabilities[row * classes + best]!);
  return reliabilityBins(confidences, row => named[row] === labels[row], options);
}

/** Bins of confidences, each of which turns out right or not. */
export function reliabilityBins(
  confidences: readonly number[],
  isRight: (index: number) => boolean,
  {bins = 15}: ReliabilityOptions,
): ReliabilityBin[] {
  // The edges are computed once, because a bin's upper edge and the next one's lower edge must be the same number.
  const edges = Array.from({length: bins + 1}, (_, index) => index / bins);
  const sums = Array.from({length: bins}, () => ({count: 0, confidence: 0, right: 0}));
  for (const [index, confidence] of confidences.entries()) {
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
