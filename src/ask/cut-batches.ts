import {areTogether} from '../questions.ts';
import type {Query, Teacher} from '../teacher.ts';

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
