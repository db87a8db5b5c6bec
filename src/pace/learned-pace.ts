import type {Reply, Usage} from '../teacher.ts';
import {type Bucket, QuotaBucket, RateBucket} from './buckets.ts';
import {ConcurrencyController, LearnedRate, type LimitChange} from './learned-limits.ts';
import {
  type Cost,
  costOf,
  FAILED,
  namesLimit,
  type QuotaKind,
  readLimits,
  type ServiceLimits,
} from './service-limits.ts';

export interface GivenRates {
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
}

export interface PaceState {
  /** How many requests may be under way now. */
  readonly limit: number;
  readonly inFlight: number;
  /** Requests that the service refused for its limits (429). */
  readonly refused: number;
  /** Milliseconds until the end of the pause under way; 0 if there is none. */
  readonly resumesIn: number;
  /** The latest changes of the limit, the oldest first. */
  readonly changes: readonly LimitChange[];
}

/** A request that was sent, and the state at that time. */
interface Sent {
  readonly number: number;
  readonly episode: number;
  readonly at: number;
  /** What was reserved for it. */
  readonly cost: Cost;
}

/** The most milliseconds for which a refusal without a limit is held back. */
const LONGEST_HOLD = 1000;
/** The weight of the latest answer in the mean latency. */
const LATEST = 0.1;

/** How fast requests can go to one account: by the given rates, and by all that its replies have told. */
export class LearnedPace {
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
  #sent = 0;
  #refused = 0;

  /** @param random - draws the jitter of a pause: a number from 0 to 1 */
  constructor({concurrency, requestsPerMinute, tokensPerMinute}: GivenRates, random: () => number, now: number) {
    this.#pause = new Pause(random);
    this.#controller = new ConcurrencyController(concurrency, now);
    const rates: [QuotaKind, Bucket][] = [];
    if (requestsPerMinute !== undefined) rates.push(['requests', new RateBucket(requestsPerMinute)]);
    if (tokensPerMinute !== undefined) rates.push(['tokens', new RateBucket(tokensPerMinute)]);
    this.#buckets = [...rates, ['requests', this.#learnedRate], ...this.#quotas];
  }

  state(now: number): PaceState {
    const {limit, changes} = this.#controller;
    return {limit, inFlight: this.#inFlight, refused: this.#refused, resumesIn: this.#pause.remaining(now), changes};
  }

  /** Milliseconds until a request of this cost can go; Infinity if that depends on a reply. */
  wait(cost: Cost, now: number): number {
    if (this.#inFlight >= this.#controller.limit) return Number.POSITIVE_INFINITY;
    let wait = this.#pause.wait(now);
    for (const [kind, bucket] of this.#buckets) wait = Math.max(wait, bucket.wait(cost[kind], now));
    return wait;
  }

  /** A request goes out. Its cost is reserved. */
  sent(cost: Cost, at: number): Sent {
    for (const [kind, bucket] of this.#buckets) bucket.take(cost[kind], at);
    this.#pause.sent(at);
    const sent = {number: ++this.#sent, episode: this.#controller.episode, at, cost};
    this.#controller.sent(++this.#inFlight);
    return sent;
  }

  /**
   * Learns from a reply.
   *
   * @param usage - what it cost, or can cost at most
   * @returns the milliseconds for which the reply is held back
   */
  replied(sent: Sent, {status, headers}: Reply, usage: Usage | undefined, now: number): number {
    this.#inFlight--;
    this.#settle(sent, status < 300 ? costOf(usage) : FAILED);
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

  /** No reply came. Nobody knows what the service counted, so the reservation stands. */
  failed(sent: Sent): void {
    this.#inFlight--;
    this.#settle(sent, sent.cost);
    this.#controller.failed();
  }

  #settle({cost, at}: Sent, used: Cost): void {
    for (const [kind, bucket] of this.#buckets) bucket.settle(cost[kind], used[kind], at);
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

  #fail(status: number, retryAfter: number | undefined, now: number): void {
    this.#controller.failed();
    const overloaded = status === 503 || status === 529;
    if (overloaded && retryAfter) this.#pause.begin(retryAfter, this.#controller.limit, now);
  }
}

/** Milliseconds of the first pause if the service doesn't say; doubled for each further one in a row. */
const BACK_OFF = 1000;
export const LONGEST_BACK_OFF = 60_000;
/** The most that is added to a pause, as a share of it and in milliseconds. */
const JITTER = 0.2;
const LONGEST_JITTER = 10_000;

/**
 * The time in which nothing is sent, because the service said so. After it the requests go out one after another, at
 * random distances, so that neither they nor other processes come back all at once. No request is ever early.
 */
export class Pause {
  readonly #random: () => number;
  #until = 0;
  /** When the next waiting request can go. */
  #nextAt = 0;
  #gap = 0;
  #staggered = 0;
  #inARow = 0;

  /** @param random - draws a number from 0 to 1 */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Milliseconds until a request can go. */
  wait(now: number): number {
    return Math.max(0, this.#nextAt - now);
  }

  /** Milliseconds until the end of the pause. */
  remaining(now: number): number {
    return Math.max(0, this.#until - now);
  }

  /**
   * Begins a pause, or extends the present one.
   *
   * @param milliseconds - what the service asked for; undefined for a back-off
   * @param requests - how many can come back at once
   */
  begin(milliseconds: number | undefined, requests: number, now: number): void {
    const pause = milliseconds ?? Math.min(BACK_OFF * 2 ** this.#inARow++, LONGEST_BACK_OFF);
    if (now + pause <= this.#until) return;
    this.#until = now + pause;
    this.#gap = Math.min(pause * JITTER, LONGEST_JITTER) / requests;
    this.#staggered = requests;
    this.#stagger(this.#until);
  }

  /** A request went out. */
  sent(now: number): void {
    if (this.#staggered > 0) this.#stagger(now);
  }

  /** The service answered, so the next back-off is short again. */
  answered(): void {
    this.#inARow = 0;
  }

  #stagger(from: number): void {
    this.#staggered--;
    this.#nextAt = from + this.#gap * this.#random();
  }
}

/** The share of refusals that a service can produce by chance, and the least share that a limit produces. */
const BY_CHANCE = 0.07;
const BY_LIMIT = 0.3;
/** The weights of a refusal and of an answer: logarithms of how much likelier a limit makes them. */
const REFUSAL = Math.log(BY_LIMIT / BY_CHANCE);
const ANSWER = Math.log((1 - BY_LIMIT) / (1 - BY_CHANCE));
/** The weight that proves a limit: five refusals in a row, from zero. */
const LIMIT = 5 * REFUSAL;

/**
 * Tells refusals for a limit from refusals by chance, whatever the pace: a cumulative sum (Page, 1954, Continuous
 * inspection schemes) over the replies, in which a refusal speaks for a limit and an answer against it. Under a limit
 * refusals come in rows. If one reply in twenty is a refusal by chance, that is taken for a limit once in some 60,000
 * replies; if one in ten is, once in some 700.
 *
 * At the start a refusal is taken for a limit, until some answers in a row speak against it.
 */
export class RefusalEvidence {
  #weight = LIMIT;

  /** The service answered a request. */
  answered(): void {
    this.#weight = Math.max(0, this.#weight + ANSWER);
  }

  /** The service refused a request, and did not say for which limit. @returns true if it is for a limit */
  refused(): boolean {
    this.#weight = Math.min(LIMIT, this.#weight + REFUSAL);
    return this.#weight >= LIMIT;
  }
}
