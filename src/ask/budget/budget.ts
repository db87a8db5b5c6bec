import type {BudgetError} from '../../errors.ts';
import {type OnNote, warn} from '../notes.ts';
import {Excess} from './excess.ts';
import {Balance, type BudgetLimit, checkLimit, type PricedTeacher, type Spending} from './limit.ts';
import type {Charge} from './price.ts';
import {accountOf, Request} from './request.ts';

/** The limits and the spending of one run, over all of its teachers. */
export interface Budget {
  readonly limits: readonly BudgetLimit[];
  /** The sum of what was settled so far, without reservations; as last known, if several processes keep the budget. */
  readonly spent: Spending;
  /**
   * The budget for one teacher, at its price.
   *
   * @throws InputError if a limit can't be kept, because a price, a count of tokens or a bound on them is missing
   */
  forTeacher(teacher: PricedTeacher): TeacherBudget;
}

export interface TeacherBudget {
  /**
   * Reserves the most that a request can cost. If that doesn't fit, but requests under way can cost less than was
   * reserved for them, it waits for these. Waiting requests are served in order.
   *
   * @param signal - ends the wait
   * @throws BudgetError if it doesn't fit and nothing is under way; nothing is reserved then
   */
  reserve(worst: Charge, signal?: AbortSignal): Promise<Reservation>;
  /** Reserves the most that requests which go out together can cost: for as many as fit, from the first on. */
  reserveFirst(worst: readonly Charge[]): Promise<PartialReservation>;
}

export interface PartialReservation {
  /** One for each request that fits. */
  readonly reservations: readonly Reservation[];
  /** The reason why some did not fit. */
  readonly refusal?: BudgetError | undefined;
}

export interface Reservation {
  /**
   * Replaces the reservation with the actual cost. Call it once, whatever became of the request; with no calls if it
   * never went out. If the request cost more than its worst case, the worst cases of all the teacher's requests,
   * including those under way, are multiplied by the same factor from then on.
   *
   * @throws TypeError the second time
   */
  settle(actual: Charge): void;
}

/**
 * A budget that keeps every one of these limits, however many requests are under way: it reserves a request's worst
 * case before the request goes out. A service that charges more than the worst case can pass a limit, but only by the
 * excess of the requests that are under way when the excess is first seen.
 *
 * @param limits - none: it counts and never refuses
 * @param onNote - receives a note about each service that charges more than it may
 * @default onNote a warning of Node.js
 * @throws InputError if a limit is no amount
 */
export function createBudget(limits: readonly BudgetLimit[] = [], onNote: OnNote = warn): Budget {
  limits.forEach(checkLimit);
  return new LocalBudget(limits, onNote);
}

interface Waiting {
  readonly request: Request;
  readonly admit: () => void;
  readonly refuse: (error: unknown) => void;
}

class LocalBudget implements Budget {
  readonly #onNote: OnNote;
  readonly #balance: Balance;
  readonly #underWay = new Set<Request>();
  readonly #queue: Waiting[] = [];
  /** By the teacher's name: its batch lane and its single requests belong to one service. */
  readonly #excesses = new Map<string, Excess>();

  constructor(limits: readonly BudgetLimit[], onNote: OnNote) {
    this.#balance = new Balance(limits);
    this.#onNote = onNote;
  }

  get limits(): readonly BudgetLimit[] {
    return this.#balance.limits;
  }

  get spent(): Spending {
    return this.#balance.spent;
  }

  forTeacher(teacher: PricedTeacher): TeacherBudget {
    const {name} = teacher;
    const excess = this.#excesses.get(name) ?? new Excess();
    const {account, checkBound} = accountOf(teacher, this.limits, excess);
    this.#excesses.set(name, excess);
    return {
      reserve: async (charge, signal) => {
        signal?.throwIfAborted();
        checkBound(charge);
        const request = new Request(account, charge);
        if (this.#queue.length === 0 && !this.#balance.passedBy(request.worst)) this.#admit(request);
        else await this.#wait(request, signal);
        return this.#reservationOf(request);
      },
      reserveFirst: async charges => {
        const reservations: Reservation[] = [];
        for (const charge of charges) {
          checkBound(charge);
          const request = new Request(account, charge);
          const limit = this.#balance.passedBy(request.worst);
          if (limit) return {reservations, refusal: this.#balance.exhausted(limit, request.worst)};
          this.#admit(request);
          reservations.push(this.#reservationOf(request));
        }
        return {reservations};
      },
    };
  }

  #reservationOf(request: Request): Reservation {
    return {
      settle: actual => {
        if (!this.#underWay.delete(request)) throw new TypeError('A reservation was settled twice.');
        this.#leave(request, actual);
      },
    };
  }

  #admit(request: Request): void {
    this.#underWay.add(request);
    this.#balance.reserve(request.worst);
  }

  #wait(request: Request, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        waiting.refuse(signal?.reason);
        this.#serve();
      };
      const waiting: Waiting = {
        request,
        admit: () => {
          signal?.removeEventListener('abort', stop);
          resolve();
        },
        refuse: error => {
          signal?.removeEventListener('abort', stop);
          reject(error);
        },
      };
      this.#queue.push(waiting);
      this.#serve();
      if (this.#queue.includes(waiting)) signal?.addEventListener('abort', stop);
    });
  }

  #leave({account, charge, worst}: Request, actual: Charge): void {
    this.#balance.free(worst);
    this.#balance.spend(account.amountsOf(actual));
    const ratio = account.excess.saw(charge, actual);
    if (ratio > 1) this.#raise(account.excess);
    this.#serve();
    const isHeld = this.limits.some(limit => !('calls' in limit));
    const note = ratio > 1 && isHeld && account.excess.noteOf(ratio, account.name);
    if (note) this.#onNote(note);
  }

  /** Raises the reservations of all the teacher's requests after one of them was charged too much. */
  #raise(excess: Excess): void {
    for (const request of this.#underWay) {
      if (request.account.excess !== excess) continue;
      this.#balance.free(request.worst);
      request.worst = request.raised;
      this.#balance.reserve(request.worst);
    }
  }

  /** Decides about the waiting requests in order, up to the first one that depends on the requests under way. */
  #serve(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const {request} = next;
      request.worst = request.raised;
      const limit = this.#balance.passedBy(request.worst);
      if (limit && this.#underWay.size > 0) return;
      this.#queue.shift();
      if (limit) {
        next.refuse(this.#balance.exhausted(limit, request.worst));
      } else {
        this.#admit(request);
        next.admit();
      }
    }
  }
}
