/**
 * The second part of the contract: the batch lane of a service. It takes many requests in one batch, answers them
 * within a day and charges less. Types only.
 *
 * It is another way to the same answers: it uses the teacher's identity, its keys, and the `read` that `ask` uses.
 */
import type {Access, Query, Reply, Service} from './teacher.ts';

/** A service that can take batches as well as single requests. */
export interface BatchService<A extends Access = Access> extends Service<A> {
  readonly lane?: BatchLane;
}

/**
 * Each of its requests that fails does so with a TeacherError. A request to a batch that has ended may be sent again.
 */
export interface BatchLane {
  /** The most requests in a batch. */
  readonly maxRequests: number;
  /** The most bytes in a batch: its lines, and one byte after each. */
  readonly maxBytes: number;
  /** The charge for a request here, as a share of the service's `price`: 0.5 is half. */
  readonly priceShare: number;
  /**
   * A query as a line of a batch, in JSON.
   *
   * @param id - of its reply: 64 hexadecimal digits
   * @throws TeacherError if the teacher can't be asked about such an input
   */
  lineOf(id: string, query: Query): string;
  /**
   * Submits a batch. If it rejects, the service may have the batch nevertheless, unless the error has a status below
   * 500.
   *
   * @returns the service's own id of the batch
   */
  submit(batch: NewBatch): Promise<string>;
  /**
   * Looks for a batch that was submitted without its id becoming known.
   *
   * @returns its id, or undefined if the service has no such batch. If the service takes no names for batches, it is
   * the id of the most similar batch, and `collect` tells if it is the right one.
   */
  find(batch: LostBatch): Promise<string | undefined>;
  /** The progress of a batch. */
  poll(id: string): Promise<BatchState>;
  /**
   * The results of the requests of a batch that has ended, in any order. A request without a result was not answered.
   */
  collect(id: string): AsyncIterable<BatchResult>;
  /** Cancels a batch. The results that it has finished by then can be collected. */
  cancel(id: string): Promise<void>;
}

export interface NewBatch {
  /** The caller's name for it, by which it can be found: letters, digits and hyphens, at most 64. */
  readonly name: string;
  /** See `lineOf`. */
  readonly lines: readonly string[];
}

export interface LostBatch {
  readonly name: string;
  /** The ids of its lines. */
  readonly ids: ReadonlySet<string>;
  /** It was not submitted before this time, by the caller's clock. */
  readonly since: Date;
  /** The service's ids of batches that are known to be others. */
  readonly others: ReadonlySet<string>;
}

export interface BatchState {
  readonly isEnded: boolean;
  /** Requests that have an outcome; a guess while it is under way. */
  readonly done: number;
  /** Why the service did nothing of it at all, for example because it could not read it. */
  readonly failure?: Error;
}

/** The result of one request: a reply with status 200, or the error that explains why there is none. */
export type BatchResult = {readonly id: string} & ({readonly reply: Reply} | {readonly error: Error});
