import {setTimeout} from 'node:timers/promises';
import {InputError} from '../errors.ts';
import type {Reply, Usage} from '../teacher.ts';
import {type Bucket, QuotaBucket, RateBucket} from './buckets.ts';
import {ConcurrencyController, type LimitChange} from './controller.ts';
import {LearnedRate} from './learned-rate.ts';
import {Pause} from './pause.ts';
import {Alarm, RefusalEvidence} from './refusal-evidence.ts';
import {
  type Cost,
  costOf,
  FAILED,
  namesLimit,
  type QuotaKind,
  readLimits,
  type ServiceLimits,
} from './service-limits.ts';
import {WaitingLine} from './waiting-line.ts';

export interface AdmissionOptions {
  /** The most requests under way at once. The real number is learned. */
  readonly concurrency: number;
  /** @default as many as the service allows */
  readonly requestsPerMinute?: number;
  /**
   * Input and output together.
   *
   * @default as many as the service allows
   */
  readonly tokensPerMinute?: number;
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
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /**
   * Draws the jitter: a number from 0 to 1.
   *
   * @default Math.random
   */
  readonly random?: () => number;
}

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

export interface AdmissionState {
  /** How many requests may be under way now. */
  readonly limit: number;
  readonly inFlight: number;
  readonly waiting: number;
  /** Requests that the service refused for its limits (429). */
  readonly refused: number;
  /** Milliseconds until the end of the pause under way; 0 if there is none. */
  readonly resumesIn: number;
  /** The latest changes of the limit, the oldest first. */
  readonly changes: readonly LimitChange[];
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

/** The state when a request was sent. */
interface Sent {
  readonly number: number;
  readonly episode: number;
  readonly at: number;
}

/** The most milliseconds for which a refusal without a limit is held back. */
const LONGEST_HOLD = 1000;
/** The weight of the latest answer in the mean latency. */
const LATEST = 0.1;

class Pool implements Admission {
  readonly #now: () => number;
  readonly #sleep: NonNullable<AdmissionOptions['sleep']>;
  readonly #pause: Pause;
  readonly #controller: ConcurrencyController;
  #inFlight = 0;
  readonly #learnedRate = new LearnedRate();
  readonly #evidence = new RefusalEvidence();
  /** The moving mean of the latency, in milliseconds. */
  #latency = LONGEST_HOLD;
  readonly #quotas: readonly (readonly [QuotaKind, QuotaBucket])[] = [
    ['requests', new QuotaBucket()],
    ['tokens', new QuotaBucket()],
    ['inputTokens', new QuotaBucket()],
    ['outputTokens', new QuotaBucket()],
  ];
  readonly #buckets: readonly (readonly [QuotaKind, Bucket])[];
  /** Requests that must be sent again, which go first, and all others. */
  readonly #again = new WaitingLine<Waiting>(() => this.#admit());
  readonly #line = new WaitingLine<Waiting>(() => this.#admit());
  readonly #alarm: Alarm;
  #sent = 0;
  #refused = 0;

  constructor({concurrency, requestsPerMinute, tokensPerMinute, ...doors}: AdmissionOptions) {
    const {now = monotonic, sleep = timer, random = Math.random} = doors;
    this.#now = now;
    this.#sleep = sleep;
    this.#alarm = new Alarm(sleep, () => this.#admit());
    this.#pause = new Pause(random);
    this.#controller = new ConcurrencyController(concurrency, now());
    const rates: [QuotaKind, Bucket][] = [];
    if (requestsPerMinute !== undefined) rates.push(['requests', new RateBucket(requestsPerMinute)]);
    if (tokensPerMinute !== undefined) rates.push(['tokens', new RateBucket(tokensPerMinute)]);
    this.#buckets = [...rates, ['requests', this.#learnedRate], ...this.#quotas];
  }

  get state(): AdmissionState {
    const {limit, changes} = this.#controller;
    const [inFlight, waiting, refused] = [this.#inFlight, this.#waiting, this.#refused];
    return {limit, inFlight, waiting, refused, resumesIn: this.#pause.remaining(this.#now()), changes};
  }

  run(request: AdmissionRequest): Promise<Reply> {
    if (request.signal?.aborted) return Promise.reject(request.signal.reason);
    const now = this.#now();
    const cost = costOf(request.estimate);
    if (this.#waiting === 0 && this.#wait(cost, now) === 0) return this.#send(request, cost, now);
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
      const wait = this.#wait(first.cost, now);
      if (wait > 0) {
        this.#alarm.set(now, wait);
        return;
      }
      line.shift();
      first.resolve(this.#send(first.request, first.cost, now));
    }
    this.#alarm.clear();
  }

  /** Milliseconds until such a request can go; Infinity if that depends on a reply. */
  #wait(cost: Cost, now: number): number {
    if (this.#inFlight >= this.#controller.limit) return Number.POSITIVE_INFINITY;
    let wait = this.#pause.wait(now);
    for (const [kind, bucket] of this.#buckets) wait = Math.max(wait, bucket.wait(cost[kind], now));
    return wait;
  }

  #send(request: AdmissionRequest, cost: Cost, at: number): Promise<Reply> {
    for (const [kind, bucket] of this.#buckets) bucket.take(cost[kind], at);
    this.#pause.sent(at);
    const sent: Sent = {number: ++this.#sent, episode: this.#controller.episode, at};
    this.#controller.sent(++this.#inFlight);
    return request.send().then(
      reply => {
        this.#inFlight--;
        const used = reply.status < 300 ? costOf(request.usageOf?.(reply) ?? request.estimate) : FAILED;
        this.#settle(cost, used, at);
        const hold = this.#learn(reply, sent);
        this.#admit();
        return hold > 0 ? this.#hold(reply, hold, request.signal) : reply;
      },
      error => {
        this.#inFlight--;
        // Without a reply nobody knows what the service counted, so the reservation stands.
        this.#settle(cost, cost, at);
        this.#controller.failed();
        this.#admit();
        throw error;
      },
    );
  }

  #settle(reserved: Cost, used: Cost, at: number): void {
    for (const [kind, bucket] of this.#buckets) bucket.settle(reserved[kind], used[kind], at);
  }

  /** @returns the milliseconds for which the reply is held back */
  #learn({status, headers}: Reply, sent: Sent): number {
    const now = this.#now();
    const limits = readLimits(headers, now);
    for (const [kind, quota] of this.#quotas) {
      // A gateway's error says nothing of quotas. An answer without quotas comes from a service that doesn't report
      // them.
      const told = limits[kind] ?? (status < 300 ? {} : undefined);
      if (told) quota.learn(told, sent.number, sent.at, now);
    }
    if (status === 429) return this.#refuse(limits, sent, now);
    if (status >= 500) this.#fail(status, limits.retryAfter, now);
    else this.#answer(sent, now);
    return 0;
  }

  #answer({episode, at}: Sent, now: number): void {
    this.#latency += (now - at - this.#latency) * LATEST;
    this.#evidence.answered();
    this.#pause.answered();
    this.#learnedRate.answered(at);
    this.#controller.answered(episode, now);
  }

  #refuse(limits: ServiceLimits, {episode, at}: Sent, now: number): number {
    this.#refused++;
    if (!namesLimit(limits) && !this.#evidence.refused()) return Math.min(this.#latency, LONGEST_HOLD);
    this.#learnedRate.refused(at, now);
    const {retryAfter} = limits;
    const begins = this.#controller.refused(episode, now);
    // No wait at all would be a loop. One back-off is enough for all requests that were refused together.
    if (retryAfter || begins) this.#pause.begin(retryAfter || undefined, this.#controller.limit, now);
    return 0;
  }

  /** If its sender gives up, the wait ends. */
  async #hold(reply: Reply, milliseconds: number, signal = new AbortController().signal): Promise<Reply> {
    await this.#sleep(Math.ceil(milliseconds), signal).catch(() => {});
    return reply;
  }

  #fail(status: number, retryAfter: number | undefined, now: number): void {
    this.#controller.failed();
    const overloaded = status === 503 || status === 529;
    if (overloaded && retryAfter) this.#pause.begin(retryAfter, this.#controller.limit, now);
  }
}

function monotonic(): number {
  return performance.timeOrigin + performance.now();
}

async function timer(milliseconds: number, signal: AbortSignal): Promise<void> {
  await setTimeout(milliseconds, undefined, {signal});
}
