import {TeacherError} from '../../errors.ts';

/**
 * The error of a query that all answers wait for. It is then that of each of them: such as the end of a budget, it may
 * be gone in the next run.
 */
export class Unprepared extends Error {
  readonly reason: Error;

  constructor(reason: Error) {
    super(reason.message, {cause: reason});
    this.reason = reason;
  }
}

/** Whether the teacher can't answer the query, now or later. Any other error may be gone in the next run. */
export function isUnanswerable(error: Error): boolean {
  return error instanceof TeacherError && !error.retryable;
}

/**
 * Lets the error of a query pass that its teacher can't answer. With any other one what is made of many answers would
 * be one thing now, and another in the next run.
 *
 * @throws Unprepared
 */
export function passUnanswerable(error: Error): void {
  if (!isUnanswerable(error)) throw new Unprepared(error);
}
