import {setTimeout} from 'node:timers/promises';
import {InputError, TeacherError} from '../errors.ts';
import type {Access, AskOptions, Outcome, Question, Teacher} from '../teacher.ts';
import {layerOver} from './layer.ts';
import type {Ledger} from './ledger.ts';

export interface RetryOptions {
  /**
   * Attempts in all, the first one included.
   *
   * @default 4
   */
  readonly attempts?: number;
  /**
   * Milliseconds before the second attempt; doubled before each further one.
   *
   * @default 500
   */
  readonly backOff?: number;
  /** Counts every attempt as a call. */
  readonly ledger?: Ledger;
  /**
   * Waits, and rejects at once when the signal aborts.
   *
   * @default a timer
   */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
  /**
   * Draws the jitter: a number from 0 to 1.
   *
   * @default Math.random
   */
  readonly random?: () => number;
}

/**
 * The one layer that asks again, and only where an error says that it may pass (`TeacherError.retryable`): after an
 * error of the whole call all of its questions, otherwise those alone that failed.
 *
 * It waits for the back-off or for as long as the service asked, whichever is longer, and up to half of that on top.
 */
export function withRetry<A extends Access>(teacher: Teacher<A>, options: RetryOptions = {}): Teacher<A> {
  const {attempts = 4, backOff = 500, ledger, sleep = timer, random = Math.random} = options;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new InputError(`Expected \`attempts\` to be a whole number above 0, got ${attempts}.`);
  }

  const askFrom = async (attempt: number, questions: readonly Question[], askOptions?: AskOptions) => {
    ledger?.add({calls: 1});
    let outcomes: Outcome<A>[];
    try {
      outcomes = [...(await teacher.ask(questions, askOptions))];
      checkCount(teacher.name, outcomes, questions);
    } catch (error) {
      if (attempt === attempts || !isRetryable(error)) throw error;
      return askAgain(attempt, [error], questions, askOptions);
    }
    const errors = outcomes.map(outcome => ('error' in outcome ? outcome.error : undefined));
    const failed = [...errors.keys()].filter(index => isRetryable(errors[index]));
    if (attempt === attempts || failed.length === 0) return outcomes;
    const unanswered = failed.map(index => questions[index]!);
    const later = await askAgain(attempt, errors.filter(isRetryable), unanswered, askOptions).catch((error: Error) =>
      // The other answers were paid for: they are returned, and the error stays with the questions that failed.
      failed.map(() => ({error})),
    );
    for (const [place, index] of failed.entries()) outcomes[index] = later[place]!;
    return outcomes;
  };

  const askAgain = async (
    attempt: number,
    errors: readonly TeacherError[],
    questions: readonly Question[],
    askOptions?: AskOptions,
  ): Promise<readonly Outcome<A>[]> => {
    const floor = Math.max(backOff * 2 ** (attempt - 1), ...errors.map(error => error.retryAfter ?? 0));
    await sleep(floor * (1 + random() / 2), askOptions?.signal);
    return askFrom(attempt + 1, questions, askOptions);
  };

  return layerOver(teacher, {ask: (questions, askOptions) => askFrom(1, questions, askOptions)});
}

function checkCount(teacher: string, outcomes: readonly Outcome[], questions: readonly Question[]): void {
  if (outcomes.length === questions.length) return;
  throw new TeacherError(
    teacher,
    `It gave ${outcomes.length} outcomes for ${questions.length} questions, so none can be told apart. Mend its adapter.`,
  );
}

function isRetryable(error: unknown): error is TeacherError {
  return error instanceof TeacherError && error.retryable;
}

async function timer(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await setTimeout(milliseconds, undefined, signal ? {signal} : {});
  } catch {
    signal?.throwIfAborted();
  }
}
