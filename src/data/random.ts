import {uniformFloat64} from 'pure-rand/distribution/uniformFloat64';
import {uniformInt} from 'pure-rand/distribution/uniformInt';
import {xoroshiro128plus} from 'pure-rand/generator/xoroshiro128plus';
import type {RandomGenerator} from 'pure-rand/types/RandomGenerator';

export type {RandomGenerator} from 'pure-rand/types/RandomGenerator';

/**
 * A generator for one purpose. The purpose is mixed into the seed, so that two users of one seed (the order of batches,
 * the draw of a transfer set) do not see the same numbers.
 */
export function seededRandom(seed: number, purpose = ''): RandomGenerator {
  return xoroshiro128plus(mixSeed(seed, purpose));
}

/** A 32-bit seed from a seed and a purpose (FNV-1a). */
export function mixSeed(seed: number, purpose: string): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < purpose.length; index++) {
    hash = Math.imul(hash ^ purpose.charCodeAt(index), 0x01000193);
  }
  return hash | 0;
}

/** A whole number from `low` to `high`, both included. */
export function randomInteger(random: RandomGenerator, low: number, high: number): number {
  return uniformInt(random, low, high);
}

/** A number from 0 to 1, 1 excluded. */
export function randomFraction(random: RandomGenerator): number {
  return uniformFloat64(random);
}

/** A number of the standard normal distribution (Box and Muller, 1958). */
export function randomNormal(random: RandomGenerator): number {
  return Math.sqrt(-2 * Math.log(1 - randomFraction(random))) * Math.cos(2 * Math.PI * randomFraction(random));
}

/** `count` numbers of the standard normal distribution. Both numbers of each pair are used, which halves the time. */
export function randomNormals(random: RandomGenerator, count: number): Float64Array {
  const numbers = new Float64Array(count);
  for (let index = 0; index < count; index += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - randomFraction(random)));
    const angle = 2 * Math.PI * randomFraction(random);
    numbers[index] = radius * Math.cos(angle);
    if (index + 1 < count) numbers[index + 1] = radius * Math.sin(angle);
  }
  return numbers;
}

/** A number from 0 to 1 of Beta(alpha, alpha), by Student's t with 2 alpha degrees of freedom (Bailey 1994). */
export function randomBeta(random: RandomGenerator, alpha: number): number {
  const radius = randomFraction(random) ** (-1 / alpha) - 1;
  const cosine = Math.cos(2 * Math.PI * randomFraction(random));
  // The reciprocals keep infinite values from becoming NaN.
  return (1 + Math.sign(cosine) / Math.sqrt(1 + 1 / (radius * cosine ** 2))) / 2;
}

/** The numbers 0 to `count` - 1 in an order given by the seed (Fisher-Yates). */
export function shuffledIndices(count: number, seed: number, purpose = 'shuffle'): Int32Array {
  const indices = Int32Array.from({length: count}, (_, index) => index);
  const random = seededRandom(seed, purpose);
  for (let last = count - 1; last > 0; last--) {
    const other = uniformInt(random, 0, last);
    const moved = indices[last]!;
    indices[last] = indices[other]!;
    indices[other] = moved;
  }
  return indices;
}
