import {InputError} from '../errors.ts';
import {checkOptions, kinds, type Shape} from '../options.ts';
import type {Reply, Usage} from '../teacher.ts';
import {Alarm, monotonic, type Sleep, timer} from './alarm.ts';
import {type GivenRates, LearnedPace, type PaceState} from './learned-pace.ts';
import {type Cost, costOf} from './service-limits.ts';
import {WaitingLine} from './waiting-line.ts';

export interface AdmissionOptions extends GivenRates {
  /**
   * Milliseconds since 1970, never going back.
   *
   * @default the computer's clock at the start, continued by its monotonic clock
   */
  readonly now?: () => number;
  /**
   * Waits, and rejects when the signal aborts.
   *
   * @default a timer
   */
  readonly sleep?: Sleep;
  /**
   * Draws the jitter: a number from 0 to 1.
   *
   * @default Math.random
   */
  readonly random?: () => number;
}

const KINDS = {
  concurrency: kinds.number,
  requestsPerMinute: kinds.number,
  tokensPerMinute: kinds.number,
  now: kinds.call,
  sleep: kinds.call,
  random: kinds.call,
} satisfies Shape<AdmissionOptions>;

/** A request that waits to be sent. */
export interface AdmissionRequest {
  /**
   * The most tokens that it can use. They are reserved, and corrected when its reply reports its usage.
   *
   * @default one: the service doesn't count tokens, or they aren't known beforehand
   */
  readonly estimate?: Usage | undefined;
  send(): Promise<Reply>;
  /**
   * The usage that the reply reports. Never throws.
   *
   * @default the estimate
   */
  usageOf?(reply: Reply): Usage | undefined;
  /**
   * True if it was sent before and must be sent again. It came first, so it goes before requests that were never sent.
   *
   * @default false
   */
  readonly isAgain?: boolean;
  /** Ends the wait. A request that was sent belongs to its sender. */
  readonly signal?: AbortSignal | undefined;
}

export interface AdmissionState extends PaceState {
  readonly waiting: number;
}

/** Admits requests to one account of one service. Shared by everything that asks it in a process. */
export interface Admission {
  /**
   * Sends a request when it is admitted, learns from the reply, and returns the reply whatever its status. The caller
   * must repeat a refused request, which then waits here for as long as the service said. A refusal without a limit
   * behind it is returned a little later, and delays no other request.
   */
  run(request: AdmissionRequest): Promise<Reply>;
  readonly state: AdmissionState;
}

/** @throws InputError if an option isn't a whole number above 0 */
export function createAdmission(options: AdmissionOptions): Admission {
  checkOptions('createAdmission', options, KINDS, ['concurrency']);
  const {concurrency, requestsPerMinute = 1, tokensPerMinute = 1} = options;
  for (const [name, value] of Object.entries({concurrency, requestsPerMinute, tokensPerMinute})) {
    const endless = name === 'concurrency' && value === Number.POSITIVE_INFINITY;
    if (!endless && !(Number.isSafeInteger(value) && value > 0)) {
      throw new InputError(`Expected \`${name}\` to be a whole number above 0, got ${value}.`);
    }
  }
  return new Pool(options);
}

interface Waiting {
  readonly request: AdmissionRequest;
  readonly cost: Cost;
  readonly resolve: (reply: Promise<Reply>) => void;
}

/** Requests wait here until they can go. When that is, `LearnedPace` learns from the replies. */
class Pool implements Admission {
  readonly #now: () => number;
  readonly #sleep: Sleep;
  readonly #pace: LearnedPace;
  /** Requests that must be sent again, which go first, and all others. */
  readonly #again = new WaitingLine<Waiting>(() => this.#admit());
  readonly #line = new WaitingLine<Waiting>(() => this.#admit());
  readonly #alarm: Alarm;

  constructor({now = monotonic, sleep = timer, random = Math.random, ...rates}: AdmissionOptions) {
    this.#now = now;
    this.#sleep = sleep;
    this.#alarm = new Alarm(sleep, () => this.#admit());
    this.#pace = new LearnedPace(rates, {random, now: now()});
  }

  get state(): AdmissionState {
    return {...this.#pace.state(this.#now()), waiting: this.#waiting};
  }

  run(request: AdmissionRequest): Promise<Reply> {
    if (request.signal?.aborted) return Promise.reject(request.signal.reason);
    const now = this.#now();
    const cost = costOf(request.estimate);
    if (this.#waiting === 0 && this.#pace.wait(cost, now) === 0) return this.#send(request, cost, now);
    return new Promise((resolve, reject) => {
      const line = request.isAgain ? this.#again : this.#line;
      line.join({request, cost, resolve}, reject, request.signal);
      this.#admit();
    });
  }

  get #waiting(): number {
    return this.#again.length + this.#line.length;
  }

  /** Sends all requests that can go now, in order, and sets the alarm for the next one. */
  #admit(): void {
    const now = this.#now();
    while (this.#waiting > 0) {
      const line = this.#again.length > 0 ? this.#again : this.#line;
      const first = line.first!;
      const wait = this.#pace.wait(first.cost, now);
      if (wait > 0) {
        this.#alarm.set(now, wait);
        return;
      }
      line.shift();
      first.resolve(this.#send(first.request, first.cost, now));
    }
    this.#alarm.clear();
  }

  #send(request: AdmissionRequest, cost: Cost, at: number): Promise<Reply> {
    const sent = this.#pace.sent(cost, at);
    return request.send().then(
      reply => {
        const hold = this.#pace.replied(sent, reply, request.usageOf?.(reply) ?? request.estimate, this.#now());
        this.#admit();
        return hold > 0 ? this.#hold(reply, hold, request.signal) : reply;
      },
      error => {
        this.#pace.failed(sent);
        this.#admit();
        throw error;
      },
    );
  }

  /** If its sender gives up, the wait ends. */
  async #hold(reply: Reply, milliseconds: number, signal = new AbortController().signal): Promise<Reply> {
    await this.#sleep(Math.ceil(milliseconds), signal).catch(() => {});
    return reply;
  }
}
