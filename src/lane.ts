/**
 * The second part of the contract: the batch lane of a service, where requests are handed over many together, answered
 * within a day and charged less. Types only.
 *
 * It is another way to the same answers: the teacher's identity, its keys and its `read` are those of `ask`.
 */
import type {Access, Query, Reply, Service} from './teacher.ts';

/** A service that may take batches beside its requests one by one. */
export interface BatchService<A extends Access = Access> extends Service<A> {
  readonly lane?: BatchLane;
}

/** Each of its requests that fails does so with a TeacherError; one to a batch that has ended may be sent again. */
export interface BatchLane {
  /** The most requests in a batch. */
  readonly maxRequests: number;
  /** The most bytes in a batch: those of its lines, and one after each. */
  readonly maxBytes: number;
  /** What a request is charged here, as a share of the service's `price`: 0.5 is half. */
  readonly priceShare: number;
  /**
   * A query as a line of a batch, in JSON.
   *
   * @param id - under which its reply comes: 64 hexadecimal digits
   * @throws TeacherError if the teacher can't be asked about such an input
   */
  lineOf(id: string, query: Query): string;
  /**
   * Hands a batch over. Where it rejects, the service may have the batch nevertheless, unless the error has a status
   * below 500.
   *
   * @returns the service's own id of the batch
   */
  submit(batch: NewBatch): Promise<string>;
  /**
   * Looks for a batch that was handed over without its id becoming known.
   *
   * @returns its id, or undefined if the service has no such batch. Of a service that takes no names for batches it is
   * the one that looks most like it; then `collect` tells.
   */
  find(batch: LostBatch): Promise<string | undefined>;
  /** How far a batch is. */
  poll(id: string): Promise<BatchState>;
  /**
   * What became of the requests of a batch that has ended, in any order. One that is not told of was not answered.
   */
  collect(id: string): AsyncIterable<BatchResult>;
  /** Has the service end a batch before its time. What it has finished by then can be collected. */
  cancel(id: string): Promise<void>;
}

export interface NewBatch {
  /** The caller's name for it, by which it can be found: letters, digits and hyphens, 64 at most. */
  readonly name: string;
  /** See `lineOf`. */
  readonly lines: readonly string[];
}

export interface LostBatch {
  readonly name: string;
  /** The ids of its lines. */
  readonly ids: ReadonlySet<string>;
  /** It was not handed over before, by the caller's clock. */
  readonly since: Date;
  /** The service's ids of batches that are known to be others. */
  readonly others: ReadonlySet<string>;
}

export interface BatchState {
  readonly isEnded: boolean;
  /** Requests that have an outcome; a guess while it is under way. */
  readonly done: number;
  /** Why the service did nothing of it at all, for example since it could not read it. */
  readonly failure?: Error;
}

/** What became of one request: a reply with status 200, or why there is none. */
export type BatchResult = {readonly id: string} & ({readonly reply: Reply} | {readonly error: Error});
