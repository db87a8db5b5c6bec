import {TeacherError} from '../../errors.ts';
import type {Outcome} from '../../teacher.ts';

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
