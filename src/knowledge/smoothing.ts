/** α of the additive smoothing of votes: the Jeffreys prior. */
export const VOTE_SMOOTHING = 0.5;

/**
 * Log-probabilities of (n_c + α) / (Σ n + α · K): counts of votes with additive smoothing, because a class without any
 * of a few votes is not impossible.
 *
 * @param counts - [rows, classes]
 * @param α - over 8, 32 and 128 votes of five classes 0.5 is .133, .046 and .015 nats from the truth; without smoothing
 * it is 2.56, .66 and .09
 * @returns [rows, classes]
 */
export function smoothVotes(counts: Uint32Array, classes: number, α: number = VOTE_SMOOTHING): Float32Array {
  const logProbabilities = new Float32Array(counts.length);
  for (let start = 0; start < counts.length; start += classes) {
    let votes = 0;
    for (let index = start; index < start + classes; index++) votes += counts[index]!;
    const logTotal = Math.log(votes + α * classes);
    for (let index = start; index < start + classes; index++) {
      logProbabilities[index] = Math.log(counts[index]! + α) - logTotal;
    }
  }
  return logProbabilities;
}

/** Stands for a probability of 0, which no softmax gives. */
export const LEAST_PROBABILITY = 1e-8;

/**
 * The share of a top-k answer's rest for each class that the answer does not name: an even part, at most the smallest
 * probability that it names (a class above that would have been named), and at least 1e-8.
 *
 * @param unnamed - how many classes it does not name
 */
export function shareOfUnnamed({
  rest,
  unnamed,
  smallest,
}: {
  readonly rest: number;
  readonly unnamed: number;
  readonly smallest: number;
}): number {
  const spread = unnamed === 0 ? 0 : rest / unnamed;
  return Math.min(Math.max(spread, LEAST_PROBABILITY), smallest);
}
