import {TeacherError} from '../../errors.ts';
import type {BatchLane} from '../../service-features.ts';
import type {BatchRecord} from '../../store/journal/unfinished.ts';
import type {Access, Outcome, Query, Teacher} from '../../teacher.ts';
import {keyed} from '../layer.ts';
import type {LaneWork} from './lane.ts';

/** A query that has no answer yet. */
interface Failed<A extends Access> {
  /** In the call. */
  readonly index: number;
  readonly outcome: Outcome<A>;
  /** How often it was submitted. */
  readonly attempt: number;
}

/** The queries of one call, different ones, and their outcomes. An index is that of a query in the call. */
export class LaneQueries<A extends Access> {
  readonly all: readonly Query[];
  readonly outcomes: Outcome<A>[] = [];
  readonly #teacher: Teacher<A>;
  readonly #onSettled: (count: number) => void;
  readonly #indices: ReadonlyMap<string, number>;
  #failed: Failed<A>[] = [];

  constructor(teacher: Teacher<A>, queries: readonly Query[], onSettled: (count: number) => void = () => {}) {
    this.all = queries;
    this.#teacher = teacher;
    this.#onSettled = onSettled;
    this.#indices = new Map(queries.map((query, index) => [keyed(teacher, query).key, index]));
  }

  get keys(): readonly string[] {
    return [...this.#indices.keys()];
  }

  get haveFailed(): boolean {
    return this.#failed.length > 0;
  }

  keyOf(index: number): string {
    return keyed(this.#teacher, this.all[index]!).key;
  }

  at(indices: readonly number[]): readonly Query[] {
    return indices.map(index => this.all[index]!);
  }

  indicesOf({keys}: BatchRecord): readonly number[] {
    return keys.flatMap(key => this.#indices.get(key) ?? []);
  }

  /** The indices that are in none of these batches. */
  outside(records: readonly BatchRecord[]): readonly number[] {
    const inside = new Set(records.flatMap(record => this.indicesOf(record)));
    return [...this.all.keys()].filter(index => !inside.has(index));
  }

  settle(index: number, outcome: Outcome<A>): void {
    this.outcomes[index] = outcome;
    this.#onSettled(1);
  }

  fail(index: number, outcome: Outcome<A>, attempt: number): void {
    this.#failed.push({index, outcome, attempt});
  }

  /** Settles all failures that no other submission can change. */
  settleLasting(): void {
    this.#failed = this.#failed.filter(({index, outcome, attempt}) => {
      if (isWorthAgain(outcome, attempt)) return true;
      this.settle(index, outcome);
      return false;
    });
  }

  /**
   * Takes the failed queries, to submit them again: the indices by the number of the submission.
   *
   * @param hasAnswers - true if others got through. Then a refusal for lack of room doesn't count as a submission
   */
  takeFailed(hasAnswers: boolean): ReadonlyMap<number, readonly number[]> {
    const byAttempt = new Map<number, number[]>();
    for (const {index, outcome, attempt} of this.#failed.splice(0)) {
      const next = hasAnswers && isForWantOfRoom(outcome) ? attempt : attempt + 1;
      byAttempt.set(next, [...(byAttempt.get(next) ?? []), index]);
    }
    return byAttempt;
  }

  /** The bytes of the line of each query, by index. A query that is too large is settled and left out. */
  sizesOf(indices: readonly number[], work: Pick<LaneWork, 'lane' | 'teacher'>): ReadonlyMap<number, number> {
    return new Map(indices.flatMap(index => this.#sizeOf(index, work)));
  }

  #sizeOf(index: number, {lane, teacher}: Pick<LaneWork, 'lane' | 'teacher'>): [number, number][] {
    try {
      const bytes = Buffer.byteLength(lane.lineOf(this.keyOf(index), this.all[index]!));
      if (bytes < lane.maxBytes) return [[index, bytes]];
      const problem = `The request about it has ${bytes} bytes, and a whole batch ${lane.maxBytes} at most. Shorten it.`;
      throw new TeacherError(teacher.name, problem);
    } catch (error) {
      this.settle(index, {error: error as Error});
      return [];
    }
  }
}

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
function isWorthAgain(outcome: Outcome, attempt: number): boolean {
  if (!('error' in outcome && outcome.error instanceof TeacherError)) return false;
  return outcome.error.unreadable ? attempt === 1 : outcome.error.retryable && attempt < LANE_ATTEMPTS;
}

/** True if the service had no room for the query, which is no fault of the query. */
export function isForWantOfRoom(outcome: Outcome): boolean {
  return 'error' in outcome && outcome.error instanceof TeacherError && outcome.error.status === 429;
}
