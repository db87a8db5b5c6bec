import {shuffledIndices} from '../data/random.ts';

/**
 * The places of the highest scores, the highest first. Which of equal ones come first is drawn by the seed, so that the
 * order of the inputs, which may mean something, decides nothing.
 */
export function highest(scores: Float64Array, size: number, seed: number): Int32Array {
  const indices = shuffledIndices(scores.length, seed, 'order of ties');
  // Sorting is stable.
  return indices.sort((one, other) => scores[other]! - scores[one]!).slice(0, size);
}
