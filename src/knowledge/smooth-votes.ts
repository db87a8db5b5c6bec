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
