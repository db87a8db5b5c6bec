import {TeacherError} from '../../errors.ts';

/**
 * The error of a query that all answers wait for. It becomes the error of each answer, because it can be gone in the
 * next run, like the end of a budget.
 */
export class Unprepared extends Error {
  readonly reason: Error;

  constructor(reason: Error) {
    super(reason.message, {cause: reason});
    this.reason = reason;
  }
}

/** True if the teacher can't answer the query, now or later. Any other error can be gone in the next run. */
export function isUnanswerable(error: Error): boolean {
  return error instanceof TeacherError && !error.retryable;
}

/**
 * Ignores the error of a query that its teacher can't answer. Any other error would make a result that depends on many
 * answers differ from run to run.
 *
 * @throws Unprepared
 */
export function passUnanswerable(error: Error): void {
  if (!isUnanswerable(error)) throw new Unprepared(error);
}
