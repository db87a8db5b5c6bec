import {InputError} from '../../errors.ts';
import type {DrawOptions} from '../split.ts';
import {permutation} from './permutation.ts';

/** The row of a set at an index of its drawn order. */
export type DrawnOrder = (index: number) => number;

/**
 * The order in which the inputs of a set in shards are drawn. It takes no memory. If all are drawn, it is that of the
 * shards, so that a range of indices is a piece of a shard. If fewer are drawn, or the first of them stand for all (`isNested`), they
 * are drawn by the seed, each with the same chance.
 *
 * @throws InputError if there are fewer than are drawn
 */
export function drawnOrder(count: number, {size, seed = 0}: DrawOptions, isNested = false): DrawnOrder {
  if (!Number.isInteger(size) || size < 1 || size > count) {
    throw new InputError(`Expected \`size\` to be a whole number from 1 to ${count}, got ${size}.`);
  }
  return size === count && !isNested ? index => index : permutation(count, seed, 'drawn rows of shards');
}
