import {mean} from './statistics.ts';

/** [input][rank]: the other inputs nearest to each, the nearest first. */
export type Neighbours = readonly (readonly number[])[];

/** The inputs with the greatest cosines, the greatest first and the lower index first on ties, without one of them. */
export function nearest(cosines: ArrayLike<number>, without: number, size: number): number[] {
  const top: number[] = [];
  for (let index = 0; index < cosines.length; index++) {
    if (index === without) continue;
    let at = top.length;
    while (at > 0 && cosines[index]! > cosines[top[at - 1]!]!) at--;
    if (at >= size) continue;
    top.splice(at, 0, index);
    if (top.length > size) top.pop();
  }
  return top;
}

/**
 * By input, the share of the k nearest neighbours by one model that are among those by the other.
 *
 * @param k - at most as many as either list holds
 */
export function recallsOf(one: Neighbours, other: Neighbours, k: number): Float64Array {
  return Float64Array.from(one, (own, row) => shared(own, other[row]!, k) / k);
}

/**
 * How much each input counts for the mean recall, as a neighbour of others too: its jackknife pseudo-value, shifted so that
 * the mean of all is the recall. Their variance is that of the jackknife, which knows that an input takes part in the recall
 * of many, and is on average not too small (Efron and Stein, 1981, The jackknife estimate of variance). So they can be compared
 * like scores of single inputs, whose own variance is too small by far.
 *
 * @param one - the k + 1 nearest at least, of k + 2 inputs at least
 * @param other - as many
 * @returns [inputs]
 */
export function recallInfluences(one: Neighbours, other: Neighbours, k: number): Float64Array {
  const count = one.length;
  const recalls = recallsOf(one, other, k);
  const whole = recalls.reduce((sum, recall) => sum + recall, 0);
  // By input, the sum of the recalls of all others once it is gone.
  const sums = recalls.map(recall => whole - recall);
  for (let row = 0; row < count; row++) {
    for (const gone of new Set([...one[row]!.slice(0, k), ...other[row]!.slice(0, k)])) {
      const [own, others] = [without(one[row]!, gone), without(other[row]!, gone)];
      sums[gone]! += shared(own, others, k) / k - recalls[row]!;
    }
  }
  const left = sums.map(sum => sum / (count - 1));
  const middle = mean(left);
  return left.map(value => whole / count + (count - 1) * (middle - value));
}

function shared(one: readonly number[], other: readonly number[], k: number): number {
  const found = new Set(other.slice(0, k));
  return one.slice(0, k).filter(index => found.has(index)).length;
}

function without(list: readonly number[], gone: number): readonly number[] {
  return list.filter(index => index !== gone);
}
