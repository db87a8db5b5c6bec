import {TeacherError} from '../../errors.ts';
import type {BatchLane} from '../../service-features.ts';
import type {BatchRecord} from '../../store/journal/unfinished.ts';
import type {Access, Outcome, Query, Reply, Teacher} from '../../teacher.ts';
import {keyed} from '../layer.ts';
import type {LaneWork} from './lane.ts';
import type {BatchLoad} from './room.ts';

/** A query that has no answer yet. */
interface Failed<A extends Access> {
  /** In the call. */
  readonly index: number;
  readonly outcome: Outcome<A>;
  /** How often it was submitted. */
  readonly attempt: number;
}

/** A line that is to be submitted. */
export interface LaneLine {
  /** In the call. */
  readonly indices: readonly number[];
  readonly queries: readonly Query[];
  readonly keys: readonly string[];
  /** Undefined if it is no pack. */
  readonly headers?: Reply['headers'];
  readonly bytes: number;
  /** The most input tokens; 0 if the service does not count them. */
  readonly tokens: number;
  /** Made anew each time, because many lines fill much memory. */
  text(): string;
}

/** The queries of one call, different ones, and their outcomes. An index is that of a query in the call. */
export class LaneQueries<A extends Access> {
  readonly all: readonly Query[];
  readonly outcomes: Outcome<A>[] = [];
  readonly #teacher: Teacher<A>;
  readonly #onSettled: (count: number) => void;
  readonly #indices: ReadonlyMap<string, number>;
  #failed: Failed<A>[] = [];
  /** The queries that no line may hold with others. */
  readonly #alone = new Set<number>();

  constructor(teacher: Teacher<A>, queries: readonly Query[], onSettled: (count: number) => void = () => {}) {
    this.all = queries;
    this.#teacher = teacher;
    this.#onSettled = onSettled;
    this.#indices = new Map(queries.map((query, index) => [keyed(teacher, query).key, index]));
  }

  get keys(): readonly string[] {
    return [...this.#indices.keys()];
  }

  get answeredKeys(): readonly string[] {
    return this.keys.filter((_, index) => 'answer' in (this.outcomes[index] ?? {}));
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
    if ('error' in outcome && outcome.error instanceof TeacherError && outcome.error.alone) this.#alone.add(index);
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
      const isRefused = 'error' in outcome && isForWantOfRoom(outcome.error);
      const next = hasAnswers && isRefused ? attempt : attempt + 1;
      byAttempt.set(next, [...(byAttempt.get(next) ?? []), index]);
    }
    return byAttempt;
  }

  /** The lines of some queries. A query that is too large is settled and left out. */
  linesOf(indices: readonly number[], work: Pick<LaneWork, 'lane' | 'teacher' | 'service'>): readonly LaneLine[] {
    const {lane} = work;
    const groups = lane.packs ? [indices.filter(index => !this.#alone.has(index)), ...this.#singles(indices)] : [];
    const packs = groups.flatMap(group =>
      lane.packs!(this.at(group)).map(pack => ({pack, indices: pack.rows.map(row => group[row]!)})),
    );
    const packed = new Set(packs.flatMap(({indices}) => indices));
    const ofPacks = packs.flatMap(({pack, indices}) =>
      this.#lineOf(indices, {...work, text: id => pack.lineOf(id), headers: pack.headers}),
    );
    const others = indices.filter(index => !packed.has(index));
    const ofOthers = others.flatMap(index =>
      this.#lineOf([index], {...work, text: id => lane.lineOf(id, this.all[index]!)}),
    );
    return [...ofPacks, ...ofOthers];
  }

  #singles(indices: readonly number[]): readonly (readonly number[])[] {
    return indices.filter(index => this.#alone.has(index)).map(index => [index]);
  }

  #lineOf(indices: readonly number[], {lane, teacher, service, text, headers}: LineParts): readonly LaneLine[] {
    const keys = indices.map(index => this.keyOf(index));
    const line = () => text(keys[0]!);
    try {
      const bytes = Buffer.byteLength(line());
      if (bytes < lane.maxBytes) {
        const queries = this.at(indices);
        const {inputTokens: tokens = 0} = service.worstCase?.(queries) ?? {};
        return [{indices, queries, keys, bytes, tokens, text: line, ...(headers && {headers})}];
      }
      const problem = `The request about it has ${bytes} bytes, and a whole batch ${lane.maxBytes} at most. Shorten it.`;
      throw new TeacherError(teacher.name, problem);
    } catch (error) {
      for (const index of indices) this.settle(index, {error: error as Error});
      return [];
    }
  }
}

interface LineParts extends Pick<LaneWork, 'lane' | 'teacher' | 'service'> {
  readonly text: (id: string) => string;
  readonly headers?: Reply['headers'] | undefined;
}

/** The queries of lines, by their indices in the call. */
export function indicesOf(lines: readonly LaneLine[]): readonly number[] {
  return lines.flatMap(({indices}) => indices);
}

export function loadOf(lines: readonly LaneLine[]): BatchLoad {
  return {requests: lines.length, tokens: lines.reduce((sum, {tokens}) => sum + tokens, 0)};
}

/** The limits of one batch. */
export interface BatchLimits extends Pick<BatchLane, 'maxRequests' | 'maxBytes'> {
  /** Input tokens. @default no limit */
  readonly maxTokens?: number;
}

/** Splits lines into batches within these limits, in their order. A line that passes a limit forms a batch of its own. */
export function splitIntoBatches<T extends Pick<LaneLine, 'bytes' | 'tokens'>>(
  lines: readonly T[],
  {maxRequests, maxBytes, maxTokens = Number.POSITIVE_INFINITY}: BatchLimits,
): readonly (readonly T[])[] {
  const batches: T[][] = [];
  let left = {bytes: 0, tokens: 0};
  for (const line of lines) {
    const bytes = line.bytes + 1;
    const last = batches.at(-1);
    if (last && last.length < maxRequests && bytes <= left.bytes && line.tokens <= left.tokens) last.push(line);
    else {
      batches.push([line]);
      left = {bytes: maxBytes, tokens: maxTokens};
    }
    left = {bytes: left.bytes - bytes, tokens: left.tokens - line.tokens};
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

/** True if the service had no room for it. */
export function isForWantOfRoom(error: unknown): error is TeacherError {
  return error instanceof TeacherError && error.status === 429;
}
