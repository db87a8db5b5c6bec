import {logGamma} from './distributions.ts';

/**
 * An interval for the probability of independent events that is valid at every look: it excludes the true probability
 * after any trial at all with probability at most 1 - `confidence`. It contains the probabilities that a mixture of
 * likelihood ratios doesn't reject, with all alternatives weighted by Beta(½, ½) (Robbins 1970, Annals of Mathematical
 * Statistics 41(5)). It is wider than `exactInterval`, which is valid at one look.
 *
 * @param count - events seen in `trials` trials
 * @returns [0, 1] before the first trial
 */
export function confidenceSequence(
  count: number,
  trials: number,
  confidence = 0.95,
): readonly [low: number, high: number] {
  if (trials === 0) return [0, 1];
  const rejects = (probability: number) => logMixture(count, trials, probability) >= -Math.log(1 - confidence);
  const seen = count / trials;
  return [count === 0 ? 0 : edge(0, seen, rejects), count === trials ? 1 : edge(1, seen, rejects)];
}

/** Logarithm of the likelihood ratio of the mixture to one probability. */
function logMixture(count: number, trials: number, probability: number): number {
  const logBeta = (a: number, b: number) => logGamma(a) + logGamma(b) - logGamma(a + b);
  const mixture = logBeta(count + 0.5, trials - count + 0.5) - logBeta(0.5, 0.5);
  return mixture - term(count, probability) - term(trials - count, 1 - probability);
}

function term(count: number, probability: number): number {
  return count === 0 ? 0 : count * Math.log(probability);
}

/** The last rejected point on the way from `outside` to `inside`, by bisection. */
function edge(outside: number, inside: number, rejects: (probability: number) => boolean): number {
  let [far, near] = [outside, inside];
  for (let middle = (far + near) / 2; middle !== far && middle !== near; middle = (far + near) / 2) {
    if (rejects(middle)) far = middle;
    else near = middle;
  }
  return far;
}
