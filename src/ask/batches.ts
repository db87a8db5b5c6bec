import {setMaxListeners} from 'node:events';
import {AnswerStoreError, InputError} from '../errors.ts';
import type {Access, Outcome, Query, Teacher} from '../teacher.ts';
import {batchesOf} from './cut-batches.ts';
import {type LayeredTeacher, type LayerOptions, layerOver} from './layer.ts';

/**
 * Takes any number of queries and asks them as `askEach` does. All callers together have at most the teacher's
 * `concurrency` of calls under way. Outcomes are in the order of the queries.
 *
 * @param around - puts layers around the teacher that hold no slot of the semaphore. While they keep the answers of one
 * call, the next call is under way. At most `concurrency` calls can be in this state
 * @throws InputError if the teacher's limits let nothing through
 */
export function withBatches<A extends Access>(
  teacher: Teacher<A>,
  around?: (inTurn: LayeredTeacher<A>) => LayeredTeacher<A>,
): LayeredTeacher<A> {
  checkLimits(teacher);
  const {concurrency = 1} = teacher;
  const semaphore = new Semaphore(concurrency);
  const layered: LayeredTeacher<A> = teacher;
  const ask = (queries: readonly Query[], options: LayerOptions = {}) =>
    semaphore.run(() => layered.ask(queries, options), options.stop);
  const each = around ? around(layerOver(layered, {ask, concurrency: 2 * concurrency})) : layerOver(layered, {ask});
  return layerOver(teacher, {
    ask: (queries, options = {}) => askAll(each, queries, options),
    maxBatch: Number.POSITIVE_INFINITY,
    concurrency: Number.POSITIVE_INFINITY,
  });
}

/**
 * Takes the outcomes of one batch. Batches can end in another order than they were asked in.
 *
 * @param start - index of the batch's first query among all queries
 */
export type TakeOutcomes<A extends Access> = (outcomes: readonly Outcome<A>[], start: number) => void;

/**
 * Asks about any number of queries, `maxBatch` at a time, with `concurrency` calls under way at once. Queries are
 * pulled when they are needed, so there can be more of them than memory holds.
 *
 * After an error or an abort no new batch starts. Batches under way finish, so that the layers below can keep their
 * answers, and then the error is thrown.
 */
export async function askEach<A extends Access>(
  teacher: LayeredTeacher<A>,
  queries: Iterable<Query> | AsyncIterable<Query>,
  take: TakeOutcomes<A>,
  {stop, ...options}: LayerOptions = {},
): Promise<void> {
  checkLimits(teacher);
  const halt = haltAfter(stop, options.signal);
  const inner = {...options, stop: halt.signal};
  const next = batchesOf(queries, teacher);
  let isWhole = true;
  const work = async () => {
    try {
      for (let batch = await next(); batch !== undefined; batch = await next()) {
        if (halt.signal.aborted) {
          isWhole = false;
          return;
        }
        const outcomes = await teacher.ask(batch.queries, inner);
        take(outcomes, batch.start);
        for (const outcome of outcomes) {
          if (!('error' in outcome)) continue;
          isWhole = false;
          // If answers can't be kept, none may be bought.
          if (outcome.error instanceof AnswerStoreError) throw outcome.error;
        }
      }
    } catch (error) {
      isWhole = false;
      halt.fail(error);
    }
  };
  await Promise.all(Array.from({length: workersFor(queries, teacher)}, work));
  halt.end(isWhole);
}

/** The outcomes of `askEach`, each at the index of its query. */
export async function askAll<A extends Access>(
  teacher: LayeredTeacher<A>,
  queries: Iterable<Query>,
  options: LayerOptions = {},
): Promise<readonly Outcome<A>[]> {
  const outcomes: Outcome<A>[] = [];
  const take = (some: readonly Outcome<A>[], start: number) => {
    for (const [index, outcome] of some.entries()) outcomes[start + index] = outcome;
  };
  await askEach(teacher, queries, take, options);
  return outcomes;
}

/** @throws InputError if a teacher's limits let nothing through */
export function checkLimits({name, maxBatch, concurrency = 1}: LayeredTeacher): void {
  for (const [field, limit] of Object.entries({maxBatch, concurrency})) {
    if (!(limit >= 1)) throw new InputError(`Expected \`${field}\` of teacher ${name} to be 1 or more, got ${limit}.`);
  }
}

function workersFor(queries: object, {maxBatch, concurrency = 1}: LayeredTeacher): number {
  // With unlimited batches, one batch takes all queries.
  if (!Number.isFinite(maxBatch)) return 1;
  const batches = Array.isArray(queries) ? Math.ceil(queries.length / maxBatch) : Number.POSITIVE_INFINITY;
  return Math.max(1, Math.min(concurrency, batches));
}

/** A stop for the layers below. A failure sets it off, as does an abort from above. */
export interface Halt {
  readonly signal: AbortSignal;
  fail(error: unknown): void;
  /** Throws the failure. An abort that came after everything was complete is ignored. */
  end(isWhole: boolean): void;
}

export function haltAfter(...above: readonly (AbortSignal | undefined)[]): Halt {
  const controller = new AbortController();
  const {signal} = controller;
  // Every waiting call listens to the signal, and Node.js reports more than ten listeners as a leak.
  setMaxListeners(0, signal);
  let failure: {readonly error: unknown} | undefined;
  const listeners = above.map(from => {
    const pass = () => controller.abort(from?.reason);
    if (from?.aborted) pass();
    from?.addEventListener('abort', pass);
    return () => from?.removeEventListener('abort', pass);
  });
  return {
    signal,
    fail(error: unknown) {
      // After a stop, failures are consequences of the stop, except an answer that could not be kept.
      if (!signal.aborted || error instanceof AnswerStoreError) failure ??= {error};
      controller.abort(error);
    },
    end(isWhole: boolean) {
      for (const remove of listeners) remove();
      if (failure) throw failure.error;
      if (!isWhole) signal.throwIfAborted();
    },
  };
}

/** Limits how many callers run at once. The others wait in line. */
export class Semaphore {
  #free: number;
  readonly #line: (() => void)[] = [];

  /** @param count - how many run at once: a whole number above 0, or Infinity */
  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Calls `work` when a slot is free. Nothing starts after the stop.
   *
   * @returns the result of the work
   */
  async run<T>(work: () => Promise<T>, stop: AbortSignal | undefined): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>(resolve => this.#line.push(resolve));
    try {
      stop?.throwIfAborted();
      const result = await work();
      this.#end();
      return result;
    } catch (error) {
      // The caller's handlers run first, so that a stop reaches the waiting calls before they start.
      setImmediate(() => this.#end());
      throw error;
    }
  }

  #end(): void {
    const next = this.#line.shift();
    if (next) next();
    else this.#free++;
  }
}
