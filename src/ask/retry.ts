import {setTimeout} from 'node:timers/promises';
import pLimit from 'p-limit';
import {InputError, TeacherError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import {LONGEST_BACK_OFF} from '../pace/pause.ts';
import type {Access, Outcome, Query, Teacher} from '../teacher.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from './layer.ts';

/** The default number of attempts in all. */
export const ATTEMPTS = 4;

export interface RetryOptions {
  /**
   * Attempts in all, the first one included. Refusals for lack of capacity (429) do not count.
   *
   * @default 4
   */
  readonly attempts?: number;
  /**
   * Milliseconds before the second attempt. Doubled before each further attempt, up to a minute.
   *
   * @default 500
   */
  readonly backOff?: number;
  /**
   * Milliseconds for which a query is asked again while the service refuses it for lack of capacity.
   *
   * @default 15 minutes
   */
  readonly patience?: number;
  /**
   * True if the requests below wait in an `Admission` after such a refusal, with all others to the account.
   *
   * @default false: each waits here for as long as the service said, or backs off
   */
  readonly hasAdmission?: boolean;
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
  /**
   * Milliseconds, for tests.
   *
   * @default performance.now
   */
  readonly now?: () => number;
}

const KINDS = {
  attempts: kinds.number,
  backOff: kinds.number,
  patience: kinds.number,
  hasAdmission: kinds.flag,
  sleep: kinds.call,
  random: kinds.call,
  now: kinds.call,
} satisfies Shape<RetryOptions>;

/**
 * The one layer that asks again, and only about the queries that need it:
 *
 * - after an error that can pass (`TeacherError.retryable`), up to `attempts` in all. It waits for the back-off or for
 *   the time that the service asked for, whichever is longer, and adds up to half of that;
 * - after a 429, as often as patience allows, because a busy service is no fault of the query;
 * - after an answer that can't be read, once; alone if it shared its request with others and says so.
 */
export function withRetry<A extends Access>(teacher: Teacher<A>, options: RetryOptions = {}): LayeredTeacher<A> {
  checkOptions('withRetry', options, KINDS);
  const {attempts = ATTEMPTS} = options;
  if (!Number.isInteger(attempts) || attempts < 1) {
    throw new InputError(`Expected \`attempts\` to be a whole number above 0, got ${attempts}.`);
  }
  const ask = async (queries: readonly Query[], askOptions: LayerOptions = {}) => {
    if (queries.length === 0) return [];
    const first = await askRound(teacher, queries, askOptions);
    return first.round.some(outcome => 'error' in outcome) ? askOn(first, queries, askOptions) : first.round;
  };

  /** Continues after a first round that did not answer every query. */
  const askOn = async (first: Round<A>, queries: readonly Query[], askOptions: LayerOptions) => {
    const patience = new Patience(options);
    let next: Round<A> | undefined = first;
    const outcomes = new Array<Outcome<A>>(queries.length);
    let open = [...queries.keys()];
    const alone = new Set<number>();
    while (open.length > 0) {
      try {
        const again = open.map((position): Again => ({query: queries[position]!, isAlone: alone.has(position)}));
        const {round, thrown} = next ?? (await askAgain(teacher, again, {...askOptions, isAgain: true}));
        next = undefined;
        for (const [index, position] of open.entries()) {
          outcomes[position] = round[index]!;
          if (isAlone(round[index]!)) alone.add(position);
        }
        const left = open.filter(index => patience.lasts(index, outcomes[index]!));
        if (thrown && left.length === 0) throw thrown;
        open = left;
        if (open.length > 0) await patience.rest(askOptions.stop ?? askOptions.signal);
      } catch (error) {
        // The other answers were paid for, so they are returned, and the error stays with the remaining queries.
        if (open.length === queries.length) throw error;
        for (const position of open) outcomes[position] = {error: error as Error};
        break;
      }
    }
    return outcomes;
  };
  return layerOver(teacher, {ask});
}

/** The outcomes of one attempt, and the error of the whole call, if there was one. */
interface Round<A extends Access> {
  readonly round: readonly Outcome<A>[];
  readonly thrown?: TeacherError;
}

/** One attempt. A retryable error of the whole call becomes, for now, the error of each query. */
async function askRound<A extends Access>(
  teacher: LayeredTeacher<A>,
  queries: readonly Query[],
  options: LayerOptions,
): Promise<Round<A>> {
  let round: readonly Outcome<A>[];
  try {
    round = await teacher.ask(queries, options);
  } catch (error) {
    if (!(error instanceof TeacherError && error.retryable)) throw error;
    return {round: queries.map(() => ({error})), thrown: error};
  }
  if (round.length === queries.length) return {round};
  throw new TeacherError(
    teacher.name,
    `It gave ${round.length} outcomes for ${queries.length} queries, so none can be told apart. Mend its adapter.`,
  );
}

/** A query that is asked again. */
interface Again {
  readonly query: Query;
  readonly isAlone: boolean;
}

function isAlone(outcome: Outcome): boolean {
  return 'error' in outcome && outcome.error instanceof TeacherError && outcome.error.alone;
}

/**
 * Asks again: some queries each by itself, and the others together. What one of them throws is its own error, because the
 * answers to the others are paid for.
 */
async function askAgain<A extends Access>(
  teacher: LayeredTeacher<A>,
  again: readonly Again[],
  options: LayerOptions,
): Promise<Round<A>> {
  const together = again.filter(one => !one.isAlone);
  const ask = (some: readonly Again[]) =>
    askRound(
      teacher,
      some.map(({query}) => query),
      options,
    );
  if (together.length === again.length) return ask(again);
  const outcomes = new Map<Again, Outcome<A>>();
  const groups = [...(together.length > 0 ? [together] : []), ...again.filter(one => one.isAlone).map(one => [one])];
  await pLimit(teacher.concurrency ?? 1).map(groups, async group => {
    const {round} = await ask(group).catch((error: Error): Round<A> => ({round: group.map(() => ({error}))}));
    for (const [index, one] of group.entries()) outcomes.set(one, round[index]!);
  });
  return {round: again.map(one => outcomes.get(one)!)};
}

/** Limits how often one call's queries are asked again, and how long to wait before. */
class Patience {
  readonly #options: RetryOptions;
  readonly #unread = new Set<number>();
  #failures = 0;
  /** Rounds in a row in which the service refused for lack of capacity, and did not say for how long. */
  #refusals = 0;
  #refusedSince: number | undefined;
  /** Retryable errors of the present round. */
  #errors: TeacherError[] = [];

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** True if the query at this index is worth asking again after this outcome. */
  lasts(index: number, outcome: Outcome): boolean {
    const error = 'error' in outcome ? outcome.error : undefined;
    if (!(error instanceof TeacherError) || !this.#isWorth(index, error)) return false;
    this.#errors.push(error);
    return true;
  }

  /** Waits before the next round. */
  async rest(signal: AbortSignal | undefined): Promise<void> {
    const {backOff = 500, hasAdmission = false, sleep = timer, random = Math.random} = this.#options;
    const errors = this.#errors;
    this.#errors = [];
    const floors = errors.filter(error => !error.unreadable && !(hasAdmission && error.status === 429));
    if (floors.some(error => error.status !== 429)) this.#failures++;
    if (floors.length === 0) return;
    const isUntold = floors.some(error => error.status === 429 && error.retryAfter === undefined);
    this.#refusals = isUntold ? this.#refusals + 1 : 0;
    const floor = Math.max(
      Math.min(backOff * 2 ** (Math.max(this.#failures, this.#refusals, 1) - 1), LONGEST_BACK_OFF),
      ...floors.map(error => error.retryAfter ?? 0),
    );
    await sleep(floor * (1 + random() / 2), signal);
  }

  #isWorth(index: number, error: TeacherError): boolean {
    const {attempts = ATTEMPTS, patience = 15 * 60_000, now = () => performance.now()} = this.#options;
    if (error.unreadable) return !this.#unread.has(index) && Boolean(this.#unread.add(index));
    if (!error.retryable) return false;
    if (error.status !== 429) return this.#failures + 1 < attempts;
    this.#refusedSince ??= now();
    return now() - this.#refusedSince < patience;
  }
}

export async function timer(milliseconds: number, signal?: AbortSignal): Promise<void> {
  try {
    await setTimeout(milliseconds, undefined, signal ? {signal} : {});
  } catch {
    signal?.throwIfAborted();
  }
}
