import {TeacherError} from '../../errors.ts';
import type {BatchLane} from '../../lane.ts';
import type {Journal} from '../../store/journal/journal.ts';
import type {Service, Teacher} from '../../teacher.ts';
import type {TeacherBudget} from '../budget/budget.ts';
import type {Ledger} from '../ledger.ts';
import type {OnNote} from '../notes.ts';
import {type RetryOptions, timer} from '../retry.ts';

/** The needs of submitting and collecting batches. */
export interface LaneWork {
  readonly teacher: Teacher;
  readonly service: Service;
  readonly lane: BatchLane;
  readonly journal: Journal;
  readonly ledger?: Ledger | undefined;
  /** At the price of the lane. */
  readonly budget?: TeacherBudget | undefined;
  readonly watch?: LaneWatch | undefined;
  /** Receives one note if the service's replies don't report their cost. */
  readonly onNote?: OnNote | undefined;
  /**
   * Waits, and rejects at once when the signal aborts.
   *
   * @default a timer
   */
  readonly sleep?: NonNullable<RetryOptions['sleep']> | undefined;
}

/** How often a request of the lane is sent. */
const SENDS = 8;

/** Milliseconds before a request is sent again; doubled each time. */
const BACK_OFF = 1000;
const LONGEST_BACK_OFF = 60_000;

export interface Persistence<T> {
  readonly stop?: AbortSignal | undefined;
  /**
   * The most sends.
   *
   * @default 8
   */
  readonly sends?: number;
  /** Called after an error. A value that it returns replaces the reply. */
  recover?(error: unknown): Promise<T | undefined>;
}

/** Sends a request of the lane, and sends it again after each retryable error. */
export async function persistently<T>(
  send: () => Promise<T>,
  {sleep = timer}: Pick<LaneWork, 'sleep'>,
  {stop, sends = SENDS, recover}: Persistence<T> = {},
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await send();
    } catch (error) {
      const found = await recover?.(error);
      if (found !== undefined) return found;
      if (!(error instanceof TeacherError && error.retryable) || failures === sends) throw error;
      const backOff = Math.min(LONGEST_BACK_OFF, BACK_OFF * 2 ** (failures - 1));
      await sleep(Math.max(backOff, error.retryAfter ?? 0), stop);
    }
  }
}

/** The progress of the batches that one run waits for. */
export class LaneWatch {
  readonly #batches = new Map<string, {readonly requests: number; readonly done: number}>();

  /** @param name - the batch's own, see `BatchRecord` */
  saw(name: string, requests: number, done: number): void {
    this.#batches.set(name, {requests, done});
  }

  /** Forgets a batch that is no longer awaited. */
  left(name: string): void {
    this.#batches.delete(name);
  }

  /** For people, for example `2 batches under way, 1,234 of 50,000 requests done`; undefined if there is none. */
  describe(): string | undefined {
    const batches = [...this.#batches.values()];
    if (batches.length === 0) return undefined;
    const total = (read: (batch: {readonly requests: number; readonly done: number}) => number) =>
      batches.reduce((sum, batch) => sum + read(batch), 0).toLocaleString('en-GB');
    const counted = batches.length === 1 ? 'a batch' : `${batches.length} batches`;
    return `${counted} under way, ${total(({done}) => done)} of ${total(({requests}) => requests)} requests done`;
  }
}
