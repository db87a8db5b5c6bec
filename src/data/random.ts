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
