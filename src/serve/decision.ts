import {coarsen, detailOf, satisfies} from '../knowledge/coarsen.ts';
import type {Answer, Detail, Query} from '../teacher.ts';

/** Why the student's answer stands though it isn't sure of it. */
export type Fallback =
  /** What the teacher may cost is spent. */
  | 'budget'
  /** The teacher could not answer. */
  | 'failed'
  /** It took too long. What it says in the end is kept. */
  | 'late'
  /** It failed so often that it is left alone for a while, or too many queries wait for it. */
  | 'busy';

/** What is said of one input. */
export interface Decision {
  readonly answer: Answer;
  readonly answeredBy: 'student' | 'teacher';
  /** Whether it is less sure than it should be for the answer to stand; undefined where nothing says how sure that is. */
  readonly abstains?: boolean;
  readonly fallback?: Fallback;
}

/** A decision, or what is wrong with the one input. */
export type Decided = Decision | {readonly error: Error};

/** What answers a service's requests. */
export interface Decider {
  readonly classes: readonly string[];
  /** What every decision holds at least. */
  readonly detail: Detail;
  /**
   * Decides each query, in order.
   *
   * @param signal - aborts when nobody waits for the answer any more
   */
  decide(queries: readonly Query[], signal: AbortSignal): Promise<readonly Decided[]>;
  /** Resolves when nothing is under way any more that outlasts the requests. */
  settle(): Promise<void>;
}

/** A class with its probability. */
export interface Share {
  readonly name: string;
  readonly probability: number;
}

/**
 * What an answer says of how probable the classes are, the most probable first; of votes, their shares. Undefined of a
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

/** An answer with no more than a service shows; one that holds less stays as it is. */
export function shownOf(answer: Answer, detail: Detail, classes: number): Answer {
  return satisfies(detailOf(answer), detail) ? coarsen(answer, detail, classes) : answer;
}
