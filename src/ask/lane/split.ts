import {TeacherError} from '../../errors.ts';
import type {BatchLane} from '../../lane.ts';
import type {Outcome} from '../../teacher.ts';

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

/** How often a query that can succeed another time is submitted. */
export const LANE_ATTEMPTS = 3;

/**
 * True if a query is worth submitting again: after a retryable error, and once after an answer that can't be read.
 *
 * @param attempt - the number of the submission that had this outcome
 */
export function isWorthAgain(outcome: Outcome, attempt: number): boolean {
  if (!('error' in outcome && outcome.error instanceof TeacherError)) return false;
  return outcome.error.unreadable ? attempt === 1 : outcome.error.retryable && attempt < LANE_ATTEMPTS;
}

/** True if the service had no room for the query, which is no fault of the query. */
export function isForWantOfRoom(outcome: Outcome): boolean {
  return 'error' in outcome && outcome.error instanceof TeacherError && outcome.error.status === 429;
}
