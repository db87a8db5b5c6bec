import {TeacherError} from '../../errors.ts';
import type {Outcome} from '../../teacher.ts';

/** How often a query is handed over that may succeed another time. */
export const LANE_ATTEMPTS = 3;

/**
 * Whether a query is worth handing over again: after an error that may pass, and once after an answer that can't be
 * read.
 *
 * @param attempt - which handing-over this was the outcome of
 */
export function isWorthAgain(outcome: Outcome, attempt: number): boolean {
  if (!('error' in outcome && outcome.error instanceof TeacherError)) return false;
  return outcome.error.unreadable ? attempt === 1 : outcome.error.retryable && attempt < LANE_ATTEMPTS;
}

/** Whether the service had no room for the query, which is no fault of the query. */
export function isForWantOfRoom(outcome: Outcome): boolean {
  return 'error' in outcome && outcome.error instanceof TeacherError && outcome.error.status === 429;
}
