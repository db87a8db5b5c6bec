import {pause} from '../../concurrency.ts';
import {Alarm, timer} from '../../pace/alarm.ts';
import {LateError} from '../../pace/shared/admission.ts';
import {WaitingLine} from '../../pace/waiting-line.ts';
import type {Budget, PartialReservation, Reservation, TeacherBudget} from '../budget/budget.ts';
import type {BudgetLimit, PricedTeacher, Spending} from '../budget/limit.ts';
import type {Charge} from '../budget/price.ts';
import {accountOf, Request} from '../budget/request.ts';
import type {OnNote} from '../notes.ts';
import type {BudgetShare} from './budget-share.ts';

/** Milliseconds after which the others are told what was spent, if nothing is reserved before. */
const TELL = 100;
/** Milliseconds after which requests that wait for those of others are tried again. */
const LOOK = 200;
/** Milliseconds between two signs of life while requests are under way. */
const ALIVE = 5000;
/** Milliseconds after which an admitted request that waited for the server is late. */
const LATE = 1000;
/** The most requests in one step. */
const MOST = 500;

interface Waiting {
  readonly request: Request;
  readonly since: number;
  readonly admit: (reservation: Reservation) => void;
  readonly refuse: (error: unknown) => void;
}

/** The budget of a run that several processes spend. Each tells its sums, and reserves in steps of the server. */
export class RedisBudget implements Budget {
  readonly #share: BudgetShare;
  readonly #onNote: OnNote;
  readonly #line = new WaitingLine<Waiting>(() => this.#plan());
  readonly #alarm = new Alarm(timer, () => this.#plan());
  #turn: Promise<unknown> = Promise.resolve();
  #isPlanned = false;
  #isClosed = false;

  constructor(share: BudgetShare, onNote: OnNote) {
    this.#share = share;
    this.#onNote = onNote;
  }

  get limits(): readonly BudgetLimit[] {
    return this.#share.limits;
  }

  get spent(): Spending {
    return this.#share.spent;
  }

  /** Tells the others at once: the server was away, and may have forgotten something. */
  tell(): void {
    this.#plan();
  }

  forTeacher(teacher: PricedTeacher): TeacherBudget {
    const excess = this.#share.excessOf(teacher.name);
    // The limits of the run can change.
    const checked = () => accountOf(teacher, this.limits, excess);
    checked();
    const requestFor = (charge: Charge) => {
      const {account, checkBound} = checked();
      checkBound(charge);
      return new Request(account, charge);
    };
    return {
      reserve: async (charge, signal) => {
        signal?.throwIfAborted();
        return this.#wait(requestFor(charge), signal);
      },
      reserveFirst: async charges => this.#reserveFirst(charges.map(requestFor)),
    };
  }

  /** Tells for the last time. What is still reserved counts as spent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#alarm.clear();
    await this.#inTurn(() => this.#share.leave());
  }

  #reservationOf(request: Request): Reservation {
    return {
      settle: actual => {
        const ratio = this.#share.end(request, actual);
        this.#planIn(ratio > 1 ? 0 : TELL);
        const isHeld = this.limits.some(limit => !('calls' in limit));
        const {excess, name} = request.account;
        const note = ratio > 1 && isHeld && excess.noteOf(ratio, name);
        if (note) this.#onNote(note);
      },
    };
  }

  async #reserveFirst(requests: readonly Request[]): Promise<PartialReservation> {
    const reservations: Reservation[] = [];
    while (reservations.length < requests.length) {
      const part = requests.slice(reservations.length, reservations.length + MOST);
      const {granted, wait} = await this.#inTurn(async () => {
        const told = await this.#share.ask(part);
        for (const request of part.slice(0, told.granted)) {
          this.#share.begin(request);
          reservations.push(this.#reservationOf(request));
        }
        return told;
      });
      const refused = part[granted];
      if (refused && wait === 0) return {reservations, refusal: this.#share.exhausted(refused)};
      if (refused) await pause(wait);
    }
    return {reservations};
  }

  #wait(request: Request, signal: AbortSignal | undefined): Promise<Reservation> {
    return new Promise((admit, refuse) => {
      this.#line.join({request, since: performance.now(), admit, refuse}, refuse, signal);
      this.#plan();
    });
  }

  /** One step at the next moment, for everything that came by then. */
  #plan(): void {
    if (this.#isPlanned || this.#isClosed) return;
    this.#isPlanned = true;
    const step = () => {
      this.#isPlanned = false;
      return this.#step();
    };
    this.#inTurn(step).catch(error => {
      for (const waiting of [...this.#line]) this.#leave(waiting) && waiting.refuse(error);
    });
  }

  #planIn(milliseconds: number): void {
    if (!this.#isClosed) this.#alarm.set(performance.now(), milliseconds);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work, work);
    this.#turn = turn;
    return turn;
  }

  async #step(): Promise<void> {
    const waiting = [...this.#line].slice(0, MOST);
    const {granted, wait, isUnderWay} = await this.#share.ask(waiting.map(({request}) => request));
    for (const one of waiting.slice(0, granted)) this.#admit(one);
    if (this.#share.isUnderWay) this.#planIn(ALIVE);
    const next = waiting[granted];
    if (wait > 0) {
      this.#planIn(wait);
    } else if (next && (isUnderWay || granted > 0)) {
      this.#planIn(LOOK);
    } else {
      if (next && this.#leave(next)) next.refuse(this.#share.exhausted(next.request));
      if (this.#line.length > 0) this.#plan();
    }
  }

  #admit(waiting: Waiting): void {
    const {request, since} = waiting;
    const isHere = this.#leave(waiting);
    const isLate = this.#share.disturbedAt > since && performance.now() - since > LATE;
    if (isHere && !isLate) {
      this.#share.begin(request);
      waiting.admit(this.#reservationOf(request));
      return;
    }
    // The next step tells that nothing is reserved for it.
    if (isHere) waiting.refuse(new LateError('Redis was away.'));
    this.#planIn(TELL);
  }

  /** @returns false if it was aborted before */
  #leave(waiting: Waiting): boolean {
    const isFirst = this.#line.first === waiting;
    if (isFirst) this.#line.shift();
    return isFirst;
  }
}
