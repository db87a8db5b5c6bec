import {shuffledIndices} from '../data/random.ts';

/**
 * Indices of the highest scores, the highest first. The seed decides the order of equal scores, so that the order of
 * the inputs, which can have a meaning, decides nothing.
 */
export function highest(scores: Float64Array, size: number, seed: number): Int32Array {
  const indices = shuffledIndices(scores.length, seed, 'order of ties');
  // Sorting is stable.
  return indices.sort((one, other) => scores[other]! - scores[one]!).slice(0, size);
}
