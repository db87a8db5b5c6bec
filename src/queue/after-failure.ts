import {AnswerStoreError, TeacherError} from '../errors.ts';
import type {Job, QueueServer} from './server.ts';

/** Milliseconds before a range whose teacher had no capacity, or could not be reached, is tried again. */
export const RETRY = 30_000;

/** How often a range is begun before a teacher that can't be reached makes it dead. */
const MOST_BEGUN = 20;

/** What becomes of a range that failed: it goes back at once, or after a pause, or it is dead. */
export type AfterFailure = 'back' | 'later' | 'dead';

/** A rate limit never is a failure, and what can't be kept on one machine says nothing of the range. */
export function afterFailure(error: Error, {attemptsStarted}: Pick<Job, 'attemptsStarted'>): AfterFailure {
  if (error instanceof AnswerStoreError) return error.isAway ? 'later' : 'back';
  if (!(error instanceof TeacherError && error.retryable)) return 'dead';
  return error.status === 429 || attemptsStarted < MOST_BEGUN ? 'later' : 'dead';
}

/** Puts a range back, and returns the error by which BullMQ knows of it. Does nothing to a dead one. */
export async function putBack(
  job: Job,
  token: string,
  after: AfterFailure,
  {WaitingError, DelayedError}: QueueServer['putBack'],
): Promise<Error | undefined> {
  if (after === 'dead') return undefined;
  if (after === 'back') {
    await job.moveToWait(token);
    return new WaitingError();
  }
  await job.moveToDelayed(Date.now() + RETRY, token);
  return new DelayedError();
}
