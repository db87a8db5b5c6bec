import type {Reply} from '../../teacher.ts';
import type {Admission, AdmissionRequest, AdmissionState} from '../admission.ts';
import {Alarm, monotonic, type Sleep, timer} from '../alarm.ts';
import type {GivenRates, Sent} from '../learned-pace.ts';
import {type Cost, costOf} from '../service-limits.ts';
import {WaitingLine} from '../waiting-line.ts';
import type {Step} from './account.ts';
import type {Cell} from './cell.ts';
import {Steps, type Taken, type Told} from './steps.ts';

/** Milliseconds after a step before the next one: at least, and as a multiple of the time that the step took. */
const GAP = 2;
const GAPS = 3;
/** Milliseconds after which a waiting process looks again, if a request may go by then. Drawn up to twice that. */
const LOOK = 15;
/** The same if that depends on the replies of others. */
const LOOK_AT_OTHERS = 40;
/** The longest wait between two looks, because what others learn can shorten it. */
const LOOK_AGAIN = 1000;
/** Milliseconds after which replies are told if nothing waits here. */
const TELL = 25;
/** Milliseconds between two signs of life while requests are under way. */
const ALIVE = 5000;
/** Milliseconds before a step that failed is tried again. */
const RETRY = 200;

/** A request was admitted and could not be sent soon after. It was not sent: it waits for admission again. */
export class LateError extends Error {}

export interface SharedAdmissionOptions {
  readonly rates: GivenRates;
  readonly cell: Cell;
  /**
   * Milliseconds for which nothing is to be admitted.
   *
   * @default none
   */
  readonly holdsFor?: () => number;
  /** Told each time that the cell can't be reached. */
  readonly onFailure?: (error: unknown) => void;
  /** @default the process's own clock */
  readonly now?: () => number;
  /** @default a timer */
  readonly sleep?: Sleep;
  /** @default Math.random */
  readonly random?: () => number;
}

interface Waiting {
  readonly request: AdmissionRequest;
  readonly cost: Cost;
  readonly line: WaitingLine<Waiting>;
  readonly resolve: (reply: Promise<Reply>) => void;
  readonly reject: (reason: unknown) => void;
}

type Heard = Told & {readonly onHold?: (milliseconds: number) => void};

/** The admission of an account that several processes ask. It goes by steps on the state that they share. */
export class SharedAdmission implements Admission {
  readonly #options: SharedAdmissionOptions;
  readonly #now: () => number;
  readonly #sleep: Sleep;
  readonly #random: () => number;
  /** Requests that must be sent again, which go first, and all others. */
  readonly #again = new WaitingLine<Waiting>(() => this.#hasten());
  readonly #line = new WaitingLine<Waiting>(() => this.#hasten());
  /** What the others have not been told. */
  readonly #heard: Heard[] = [];
  readonly #steps: Steps<Heard, Waiting>;
  readonly #alarm: Alarm;
  #isStepping = false;
  /** Something came that the step under way may not know. */
  #isOutdated = false;
  #earliest = 0;
  #isClosed = false;

  constructor(options: SharedAdmissionOptions) {
    const {rates, cell, now = monotonic, sleep = timer, random = Math.random} = options;
    this.#options = options;
    this.#now = now;
    this.#sleep = sleep;
    this.#random = random;
    this.#alarm = new Alarm(sleep, () => void this.#run());
    const lines = [this.#again, this.#line];
    const waiting = function* () {
      for (const line of lines) yield* line;
    };
    this.#steps = new Steps({rates, cell, now, random}, {events: () => this.#heard, waiting});
  }

  /** As this process last knew it. The limit and the requests under way are those of all processes together. */
  get state(): AdmissionState {
    return {...this.#steps.state, waiting: this.#waiting};
  }

  run(request: AdmissionRequest): Promise<Reply> {
    if (request.signal?.aborted) return Promise.reject(request.signal.reason);
    return new Promise((resolve, reject) => {
      const line = request.isAgain ? this.#again : this.#line;
      this.#join({request, cost: costOf(request.estimate), line, resolve, reject});
    });
  }

  /** Tells the others what became of the last requests, and leaves them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#alarm.clear();
    await this.#steps.leave();
  }

  get #waiting(): number {
    return this.#again.length + this.#line.length;
  }

  #join(waiting: Waiting): void {
    waiting.line.join(waiting, waiting.reject, waiting.request.signal);
    this.#hasten();
  }

  #hear(heard: Heard): void {
    this.#heard.push(heard);
    if (this.#waiting > 0 || heard.onHold) this.#hasten();
    else this.#plan(TELL);
  }

  /** Something changed, so the next step comes as early as it may. */
  #hasten(): void {
    this.#isOutdated = true;
    this.#plan(0);
  }

  #plan(milliseconds: number): void {
    if (this.#isStepping || this.#isClosed) return;
    const now = this.#now();
    this.#alarm.set(now, Math.max(milliseconds, this.#earliest - now));
  }

  async #run(): Promise<void> {
    if (this.#isStepping || this.#isClosed) return;
    this.#isStepping = true;
    const begun = this.#now();
    let next = this.#options.holdsFor?.() ?? 0;
    if (next === 0) {
      this.#isOutdated = false;
      next = await this.#takeStep();
    }
    const now = this.#now();
    this.#earliest = Math.max(this.#earliest, now + Math.max(GAP, Math.min(GAPS * (now - begun), RETRY)));
    this.#isStepping = false;
    if (this.#isOutdated) this.#plan(0);
    if (next < Number.POSITIVE_INFINITY) this.#plan(next);
  }

  /** @returns milliseconds until the next step, if nothing comes before */
  async #takeStep(): Promise<number> {
    let taken: Taken<Heard, Waiting>;
    try {
      taken = await this.#steps.take();
    } catch (error) {
      this.#options.onFailure?.(error);
      this.#isOutdated = false;
      this.#earliest = this.#now() + RETRY;
      return RETRY;
    }
    const {step, events, waiting} = taken;
    this.#heard.splice(0, events.length);
    for (const [index, {onHold}] of events.entries()) onHold?.(step.holds[index]!);
    for (const [index, sent] of step.sent.entries()) this.#send(waiting[index]!, sent);
    return this.#nextAfter(step);
  }

  #nextAfter({wait, needsOthers}: Step): number {
    if (this.#waiting > 0) {
      const jitter = 1 + this.#random();
      if (wait < Number.POSITIVE_INFINITY) return Math.min(Math.max(wait, LOOK * jitter), LOOK_AGAIN);
      return needsOthers ? LOOK_AT_OTHERS * jitter : LOOK_AGAIN;
    }
    if (this.#heard.length > 0) return TELL;
    return this.#steps.inFlight > 0 ? ALIVE : Number.POSITIVE_INFINITY;
  }

  #send(waiting: Waiting, sent: Sent): void {
    const {request, line, resolve} = waiting;
    // It was aborted while the step was taken.
    if (line.first !== waiting) {
      this.#hear({sent, at: this.#now()});
      return;
    }
    line.shift();
    const reply = request.send().then(
      reply => this.#replied(request, sent, reply),
      error => {
        this.#hear({sent, at: this.#now()});
        throw error;
      },
    );
    reply.then(
      () => resolve(reply),
      error => {
        if (error instanceof LateError && !request.signal?.aborted) this.#join({...waiting, line: this.#again});
        else waiting.reject(error);
      },
    );
  }

  #replied(request: AdmissionRequest, sent: Sent, reply: Reply): Promise<Reply> | Reply {
    const {status, headers} = reply;
    const usage = request.usageOf?.(reply) ?? request.estimate;
    const heard = {sent, reply: {status, headers}, usage, ago: 0, at: this.#now()};
    if (status !== 429) {
      this.#hear(heard);
      return reply;
    }
    // A refusal is told before its request comes back, so that this finds the pause.
    const told = new Promise<number>(resolve => {
      const end = () => onHold(0);
      const onHold = (hold: number) => {
        request.signal?.removeEventListener('abort', end);
        resolve(hold);
      };
      request.signal?.addEventListener('abort', end);
      this.#hear({...heard, onHold});
    });
    return told.then(hold => this.#hold(reply, hold, request.signal));
  }

  /** If its sender gives up, the wait ends. */
  async #hold(reply: Reply, milliseconds: number, signal = new AbortController().signal): Promise<Reply> {
    if (milliseconds > 0) await this.#sleep(Math.ceil(milliseconds), signal).catch(() => {});
    return reply;
  }
}
