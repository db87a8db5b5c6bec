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
  {bins = 15}: ReliabilityOptions = {},
): ReliabilityBin[] {
  const probabilities = softmaxRows(logits, classes);
  const named = argmaxRows(logits, classes);
  // The edges are computed once, because a bin's upper edge and the next one's lower edge must be the same number.
  const edges = Array.from({length: bins + 1}, (_, index) => index / bins);
  const sums = Array.from({length: bins}, () => ({count: 0, confidence: 0, right: 0}));
  for (let row = 0; row < named.length; row++) {
    const confidence = probabilities[row * classes + named[row]!]!;
    const sum = sums[binOf(confidence, edges)]!;
    sum.count++;
    sum.confidence += confidence;
    if (named[row] === labels[row]) sum.right++;
  }
  return sums.map(({count, confidence, right}, index) => ({
    low: edges[index]!,
    high: edges[index + 1]!,
    count,
    confidence: count === 0 ? 0 : confidence / count,
    accuracy: count === 0 ? 0 : right / count,
  }));
}

/**
 * The bin i with edge i < confidence <= edge i + 1. A softmax can round to just above 1, which belongs to the last bin.
 */
function binOf(confidence: number, edges: readonly number[]): number {
  let bin = 0;
  while (bin < edges.length - 2 && confidence > edges[bin + 1]!) bin++;
  return bin;
}
