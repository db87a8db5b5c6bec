import {InputError} from '../../errors.ts';
import {mixSeed} from '../random.ts';

/** With four, and rounds as simple as these, small sets are not drawn evenly. */
const ROUNDS = 8;
/** Half the bits of the largest whole number that is exact. */
const MOST_HALF_BITS = 26;

/**
 * The numbers 0 to `count` - 1 in an order given by the seed, in which each is computed alone: nothing of the size of the
 * set is kept. A Feistel network orders the numbers below the next power of 4, and a number that is too large is put in
 * again until it is not (cycle walking). See Black and Rogaway, "Ciphers with Arbitrary Finite Domains" (2002), sections 4
 * and 5. The rounds mix and hide nothing: the order is no secret.
 *
 * @param count - from 1 to 2 ** 52
 * @returns the number at an index of the order
 * @throws InputError if the count is out of bounds
 */
export function permutation(count: number, seed: number, purpose = 'permutation'): (index: number) => number {
  if (!(Number.isSafeInteger(count) && count >= 1 && count <= 2 ** (2 * MOST_HALF_BITS))) {
    throw new InputError(`A set of ${count} rows can't be put in order: it must have from 1 to 2 ** 52.`);
  }
  let bits = 1;
  while (4 ** bits < count) bits++;
  const size = 2 ** bits;
  const keys = Array.from({length: ROUNDS}, (_, round) => mixed(mixSeed(seed, `${purpose}, round ${round}`)));
  return index => {
    let number = index;
    do {
      let [left, right] = [Math.floor(number / size), number % size];
      for (const key of keys) [left, right] = [right, (left ^ (mixed(right ^ key) & (size - 1))) >>> 0];
      number = left * size + right;
    } while (number >= count);
    return number;
  };
}

/** The last step of MurmurHash3 (Appleby), by which every bit depends on every other. */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
