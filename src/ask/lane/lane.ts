import {InputError, TeacherError} from '../../errors.ts';
import type {BatchLane, BatchService} from '../../service-features.ts';
import type {Journal} from '../../store/journal/journal.ts';
import type {Price, Service, Teacher} from '../../teacher.ts';
import type {TeacherBudget} from '../budget/budget.ts';
import type {PricedTeacher} from '../budget/limit.ts';
import {leavesOf} from '../compose/parts.ts';
import type {Ledger} from '../ledger.ts';
import type {OnNote} from '../notes.ts';
import {type RetryOptions, timer} from '../retry.ts';
import type {BatchRoom} from './room.ts';

/** The batch lane of a teacher's service; undefined if it has none. */
export function laneOf({service}: Pick<Teacher, 'service'>): BatchLane | undefined {
  return (service as BatchService | undefined)?.lane;
}

/**
 * Checks that each service that a teacher asks has a batch lane. Teachers in this process need none.
 *
 * @throws InputError that names the one that has none
 */
export function checkLanes(teacher: Teacher): void {
  const leaves = leavesOf(teacher, teacher.detail).map(leaf => leaf.teacher);
  const without = leaves.find(leaf => leaf.service !== undefined && laneOf(leaf) === undefined);
  if (without === undefined) return;
  throw new InputError(
    `Teacher ${without.name} has no batch lane. Those of the adapters openai, anthropic and gemini have one, ` +
      'and questions need `maxQuestions: 1` for it. Ask this one without `--lane batch`.',
  );
}

/** The price of a service's batch lane; undefined if the service's price is not known. */
export function lanePrice({price}: Pick<Service, 'price'>, {priceShare}: BatchLane): Price | undefined {
  if (price === undefined) return undefined;
  return Object.fromEntries(Object.entries(price).map(([of, dollars]) => [of, dollars * priceShare]));
}

/** A teacher as a budget sees it, at the price of its batch lane if it has one. */
export function atLanePrice(teacher: Teacher): PricedTeacher {
  const {name, service} = teacher;
  const lane = laneOf(teacher);
  if (service === undefined || lane === undefined) return teacher;
  const {price: _, ...rest} = service;
  const price = lanePrice(service, lane);
  return {name, service: {...rest, price}};
}

/** The needs of submitting and collecting batches. */
export interface LaneWork {
  readonly teacher: Teacher;
  readonly service: Service;
  readonly lane: BatchLane;
  readonly journal: Journal;
  readonly ledger?: Ledger | undefined;
  /** At the price of the lane. */
  readonly budget?: TeacherBudget | undefined;
  /** Shared by all calls that ask the account. */
  readonly room: BatchRoom;
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
  #waiting = 0;

  /** @param name - the batch's own, see `BatchRecord` */
  saw(name: string, requests: number, done: number): void {
    this.#batches.set(name, {requests, done});
  }

  /** Forgets a batch that is no longer awaited. */
  left(name: string): void {
    this.#batches.delete(name);
  }

  /** So many more batches wait for room. */
  waits(more: number): void {
    this.#waiting += more;
  }

  /**
   * For people, for example `2 batches under way, 1,234 of 50,000 requests done, 3 batches wait for room`; undefined if none
   * is under way.
   */
  describe(): string | undefined {
    const batches = [...this.#batches.values()];
    if (batches.length === 0) return undefined;
    const total = (read: (batch: {readonly requests: number; readonly done: number}) => number) =>
      batches.reduce((sum, batch) => sum + read(batch), 0).toLocaleString('en-GB');
    const counted = batches.length === 1 ? 'a batch' : `${batches.length} batches`;
    const waiting =
      this.#waiting === 0
        ? ''
        : `, ${this.#waiting === 1 ? 'a batch waits' : `${this.#waiting} batches wait`} for room`;
    return `${counted} under way, ${total(({done}) => done)} of ${total(({requests}) => requests)} requests done${waiting}`;
  }
}
