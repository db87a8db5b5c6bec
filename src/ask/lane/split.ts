import type {BatchLane} from '../../lane.ts';

/**
 * Splits lines into batches that a lane accepts, in their order.
 *
 * @param bytes - of each line; a line that is larger than the limit forms a batch of its own
 * @returns the indices of each batch's lines
 */
export function splitIntoBatches(
  bytes: readonly number[],
  {maxRequests, maxBytes}: Pick<BatchLane, 'maxRequests' | 'maxBytes'>,
): readonly (readonly number[])[] {
  const batches: number[][] = [];
  let room = 0;
  for (const [index, size] of bytes.entries()) {
    const needed = size + 1;
    const last = batches.at(-1);
    if (last && last.length < maxRequests && needed <= room) last.push(index);
    else {
      batches.push([index]);
      room = maxBytes;
    }
    room -= needed;
  }
  return batches;
}
