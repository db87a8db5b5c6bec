/** What distances to the boundaries of the other classes are made into. */
export type BoundaryForm = 'inverse' | 'power';

/**
 * 1 / d_c of each other class c, and of the own class their sum: the logits of DB3KD. Wang (2021), Zero-shot knowledge
 * distillation from a decision-based black-box model, section 3.2.
 *
 * @param distances - d, above 0; that of the own class is not looked at
 * @param own - index of the class that the input is of
 */
export function inverseLogits(distances: ArrayLike<number>, own: number): Float64Array {
  const logits = Float64Array.from(distances, (distance, index) => (index === own ? 0 : 1 / distance));
  logits[own] = logits.reduce((sum, logit) => sum + logit, 0);
  return logits;
}

/** How much of a `power` distribution is of the own class. */
const OWN_SHARE = 0.9;

/**
 * 0.9 of the own class, and 0.1 of the others by d⁻⁴. Limbeck's own, found by trial: it counts on the order of distances
 * and on their ratios alone, whatever they are measured in.
 */
export function powerShares(distances: ArrayLike<number>, own: number): Float64Array {
  const others = Array.from(distances).filter((_, index) => index !== own);
  // By their ratios to the least: a fourth power is soon too large.
  const least = Math.min(...others);
  const shares = Float64Array.from(distances, (distance, index) => (index === own ? 0 : (distance / least) ** -4));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share, index) => (index === own ? OWN_SHARE : (1 - OWN_SHARE) * (share / sum)));
}

/**
 * The distribution that distances tell.
 *
 * @param temperature - T that the logits of the form `inverse` are divided by
 * @returns log-probabilities, one a class, the largest of the own class
 */
export function boundaryTargets(
  distances: ArrayLike<number>,
  own: number,
  {form, temperature}: {readonly form: BoundaryForm; readonly temperature: number},
): Float32Array {
  if (form === 'power') return withOwnOnTop(Float32Array.from(powerShares(distances, own), Math.log), own);
  const scores = inverseLogits(distances, own).map(logit => logit / temperature);
  const peak = scores[own]!;
  const logSum = peak + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - peak), 0));
  return withOwnOnTop(
    Float32Array.from(scores, score => score - logSum),
    own,
  );
}

/** Rounding to 32 bits may not tie another class with the own one. */
function withOwnOnTop(logProbabilities: Float32Array, own: number): Float32Array {
  const bits = new Int32Array(logProbabilities.buffer);
  for (const index of logProbabilities.keys()) {
    // One step down of a negative number.
    if (index !== own && logProbabilities[index]! >= logProbabilities[own]!) bits[index] = bits[own]! + 1;
  }
  return logProbabilities;
}
