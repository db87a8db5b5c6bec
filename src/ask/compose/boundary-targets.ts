/** How distances to the boundaries of the other classes become a distribution. */
export type BoundaryForm = 'inverse' | 'power';

/**
 * The logits of DB3KD: 1 / d_c for each other class c, and their sum for the own class. Wang (2021), Zero-shot
 * knowledge distillation from a decision-based black-box model, section 3.2.
 *
 * @param distances - d, above 0; the distance of the own class is ignored
 * @param own - index of the class that the input is of
 */
export function inverseLogits(distances: ArrayLike<number>, own: number): Float64Array {
  const logits = Float64Array.from(distances, (distance, index) => (index === own ? 0 : 1 / distance));
  logits[own] = logits.reduce((sum, logit) => sum + logit, 0);
  return logits;
}

/** The own class's share of a `power` distribution. */
const OWN_SHARE = 0.9;

/**
 * 0.9 for the own class, and 0.1 for the others in proportion to d⁻⁴. Limbeck's own formula, found by trial: it depends
 * only on the order and the ratios of distances, whatever their unit.
 */
export function powerShares(distances: ArrayLike<number>, own: number): Float64Array {
  const others = Array.from(distances).filter((_, index) => index !== own);
  // Ratios to the least distance, because a fourth power soon overflows.
  const least = Math.min(...others);
  const shares = Float64Array.from(distances, (distance, index) => (index === own ? 0 : (distance / least) ** -4));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share, index) => (index === own ? OWN_SHARE : (1 - OWN_SHARE) * (share / sum)));
}

/**
 * The distribution that follows from distances.
 *
 * @param temperature - T that the logits of the form `inverse` are divided by
 * @returns log-probabilities, one per class, the largest for the own class
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

/** Rounding to 32 bits must not tie another class with the own class. */
function withOwnOnTop(logProbabilities: Float32Array, own: number): Float32Array {
  const bits = new Int32Array(logProbabilities.buffer);
  for (const index of logProbabilities.keys()) {
    // One step down of a negative number.
    if (index !== own && logProbabilities[index]! >= logProbabilities[own]!) bits[index] = bits[own]! + 1;
  }
  return logProbabilities;
}
