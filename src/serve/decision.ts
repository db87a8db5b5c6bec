import {coarsen, detailOf, satisfies} from '../knowledge/coarsen.ts';
import type {Answer, Detail, Query} from '../teacher.ts';

/** The reason why a student's unsure answer stands. */
export type Fallback =
  /** The teacher's budget is spent. */
  | 'budget'
  /** The teacher could not answer. */
  | 'failed'
  /** The teacher took too long. Its answer is kept when it comes. */
  | 'late'
  /** The circuit breaker is open after repeated failures, or too many queries wait for the teacher. */
  | 'busy';

/** The decision on one input. */
export interface Decision {
  readonly answer: Answer;
  readonly answeredBy: 'student' | 'teacher';
  /** True if the confidence is too low for the answer to stand. Undefined if no confidence is known. */
  readonly abstains?: boolean;
  readonly fallback?: Fallback;
}

/** A decision, or the error of this one input. */
export type Decided = Decision | {readonly error: Error};

/** Answers the requests of a service. */
export interface Decider {
  readonly classes: readonly string[];
  /** The least detail that every decision holds. */
  readonly detail: Detail;
  /**
   * Decides each query, in order.
   *
   * @param signal - aborts when nobody waits for the answers any more
   */
  decide(queries: readonly Query[], signal: AbortSignal): Promise<readonly Decided[]>;
  /** Resolves when all work that outlasts its request is done. */
  settle(): Promise<void>;
}

/** A class with its probability. */
export interface Share {
  readonly name: string;
  readonly probability: number;
}

/**
 * The probabilities of an answer, the most probable class first. For votes, these are their shares. Undefined for a
 * label.
 */
export function sharesOf(answer: Answer, classes: readonly string[]): readonly Share[] | undefined {
  if (answer.kind === 'label') return undefined;
  if (answer.kind === 'votes') {
    const votes = answer.counts.reduce((sum, count) => sum + count, 0);
    const shares = classes.map((name, index) => ({name, probability: answer.counts[index]! / votes}));
    return shares.sort((one, other) => other.probability - one.probability);
  }
  const {classes: named, logProbabilities} = coarsen(answer, {kind: 'top-k', k: classes.length}, classes.length);
  return Array.from(named, (index, position) => ({
    name: classes[index]!,
    probability: Math.exp(logProbabilities[position]!),
  }));
}

/** Reduces an answer to the detail that a service shows. An answer with less detail stays as it is. */
export function shownOf(answer: Answer, detail: Detail, classes: number): Answer {
  return satisfies(detailOf(answer), detail) ? coarsen(answer, detail, classes) : answer;
}
