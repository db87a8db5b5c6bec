import {setMaxListeners} from 'node:events';
import {Semaphore} from '../concurrency.ts';
import {AnswerStoreError, InputError} from '../errors.ts';
import {areTogether} from '../questions.ts';
import type {Access, Outcome, Query, Teacher} from '../teacher.ts';
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

interface Batch {
  readonly start: number;
  readonly queries: readonly Query[];
}

/** Gives the next batch at each call; undefined after the last. */
type NextBatch = () => Batch | undefined | Promise<Batch | undefined>;

/** The batches of these queries, which are pulled when they are needed. */
export function batchesOf(queries: Iterable<Query> | AsyncIterable<Query>, limits: BatchLimits): NextBatch {
  if (Array.isArray(queries)) return slicesOf(queries, limits);
  const iterator = Symbol.asyncIterator in queries ? queries[Symbol.asyncIterator]() : queries[Symbol.iterator]();
  let start = 0;
  let isEnd = false;
  /** A query that did not fit into the batch before. */
  let held: Query | undefined;
  const pull = async (): Promise<Batch | undefined> => {
    const batch: Query[] = [];
    const room = new Room(limits);
    if (held && room.takes(held)) batch.push(held);
    held = undefined;
    while (!room.isFull && !isEnd) {
      const step = iterator.next();
      const {done, value} = step instanceof Promise ? await step : step;
      if (done) {
        isEnd = true;
      } else if (room.takes(value)) {
        batch.push(value);
      } else {
        held = value;
        break;
      }
    }
    const begin = start;
    start += batch.length;
    return batch.length > 0 ? {start: begin, queries: batch} : undefined;
  };
  // Pulls run one after another, so that each batch holds neighbours.
  let last: Promise<unknown> = Promise.resolve();
  return () => {
    const batch = last.then(pull);
    last = batch.catch(() => {
      isEnd = true;
    });
    return batch;
  };
}

/** An array is sliced without waiting. */
function slicesOf(queries: readonly Query[], limits: BatchLimits): NextBatch {
  let next = 0;
  return () => {
    const start = next;
    next = batchEnd(queries, start, limits);
    return start < queries.length ? {start, queries: queries.slice(start, next)} : undefined;
  };
}

type BatchLimits = Pick<Teacher, 'maxBatch' | 'questions'>;

/** The index after the last query of the batch that begins at `start`. */
export function batchEnd(queries: readonly Query[], start: number, limits: BatchLimits): number {
  if (limits.questions === undefined) return Math.min(queries.length, start + limits.maxBatch);
  const room = new Room(limits);
  let end = start;
  while (end < queries.length && room.takes(queries[end]!)) end++;
  return end;
}

/** The room of one batch. Different questions about one input, one after another, count as one query. */
class Room {
  readonly #limits: BatchLimits;
  #count = 0;
  #last: Query | undefined;
  #together = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  /** True if nothing fits any more, whatever comes. */
  get isFull(): boolean {
    return this.#limits.questions === undefined && this.#count >= this.#limits.maxBatch;
  }

  /** True if this query fits; it is then in the batch. */
  takes(query: Query): boolean {
    const {maxBatch, questions} = this.#limits;
    const isTogether =
      this.#last !== undefined && areTogether(this.#last, query) && this.#together < (questions?.perRequest ?? 1);
    if (!isTogether && this.#count >= maxBatch) return false;
    if (!isTogether) this.#count++;
    this.#together = isTogether ? this.#together + 1 : 1;
    this.#last = query;
    return true;
  }
}
