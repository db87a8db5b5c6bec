import type {Reply, Usage} from '../teacher.ts';
import {type Bucket, QuotaBucket, type QuotaMemory, RateBucket, type RateMemory} from './buckets.ts';
import {ConcurrencyController, type ConcurrencyMemory, type LimitChange} from './learned-limits.ts';
import {type LearnedMemory, LearnedRate} from './learned-rate.ts';
import {type EvidenceMemory, Pause, type PauseMemory, RefusalEvidence} from './pause.ts';
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
export interface Sent {
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

/** All that is known of the pace of an account, as plain data: a copy of it goes on where it was. */
export interface PaceMemory {
  inFlight: number;
  sent: number;
  refused: number;
  /** The moving mean of the latency, in milliseconds. */
  latency: number;
  readonly pause: PauseMemory;
  readonly concurrency: ConcurrencyMemory;
  readonly evidence: EvidenceMemory;
  readonly learnedRate: LearnedMemory;
  readonly quotas: Readonly<Record<QuotaKind, QuotaMemory>>;
  /** Of the given rates. */
  readonly rates: {readonly requests?: RateMemory; readonly tokens?: RateMemory};
}

export interface PaceOptions {
  /** Draws the jitter of a pause: a number from 0 to 1. */
  readonly random: () => number;
  readonly now: number;
  /**
   * What an earlier pace of the account remembered. It is changed in place.
   *
   * @default nothing
   */
  readonly memory?: PaceMemory | undefined;
}

/** How fast requests can go to one account: by the given rates, and by all that its replies have told. */
export class LearnedPace {
  readonly memory: PaceMemory;
  readonly #pause: Pause;
  readonly #controller: ConcurrencyController;
  readonly #learnedRate: LearnedRate;
  readonly #evidence: RefusalEvidence;
  readonly #rates: readonly (readonly ['requests' | 'tokens', RateBucket, number])[];
  readonly #quotas: readonly (readonly [QuotaKind, QuotaBucket])[];
  readonly #buckets: readonly (readonly [QuotaKind, Bucket])[];

  constructor(rates: GivenRates, {random, now, memory}: PaceOptions) {
    const {concurrency, requestsPerMinute, tokensPerMinute} = rates;
    this.#pause = new Pause(random, memory?.pause);
    this.#controller = new ConcurrencyController(concurrency, now, memory?.concurrency);
    this.#evidence = new RefusalEvidence(memory?.evidence);
    this.#learnedRate = new LearnedRate(memory?.learnedRate);
    this.#rates = (['requests', 'tokens'] as const).flatMap(kind => {
      const perMinute = {requests: requestsPerMinute, tokens: tokensPerMinute}[kind];
      if (perMinute === undefined) return [];
      return [[kind, new RateBucket(perMinute, memory?.rates[kind]), perMinute] as const];
    });
    this.#quotas = QUOTAS.map(kind => [kind, new QuotaBucket(memory?.quotas[kind])]);
    this.#buckets = [
      ...this.#rates.map(([kind, bucket]) => [kind, bucket] as const),
      ['requests', this.#learnedRate],
      ...this.#quotas,
    ];
    const {inFlight = 0, sent = 0, refused = 0, latency = LONGEST_HOLD} = memory ?? {};
    this.memory = {
      ...{inFlight, sent, refused, latency},
      pause: this.#pause.memory,
      concurrency: this.#controller.memory,
      evidence: this.#evidence.memory,
      learnedRate: this.#learnedRate.memory,
      quotas: memoriesOf(this.#quotas),
      rates: memoriesOf(this.#rates),
    };
  }

  state(now: number): PaceState {
    const {limit, changes} = this.#controller;
    return {
      limit,
      inFlight: this.memory.inFlight,
      refused: this.memory.refused,
      resumesIn: this.#pause.remaining(now),
      changes,
    };
  }

  /** Milliseconds until a request of this cost can go; Infinity if that depends on a reply. */
  wait(cost: Cost, now: number): number {
    if (this.memory.inFlight >= this.#controller.limit) return Number.POSITIVE_INFINITY;
    let wait = this.#pause.wait(now);
    for (const [kind, bucket] of this.#buckets) wait = Math.max(wait, bucket.wait(cost[kind], now));
    return wait;
  }

  /** A request goes out. Its cost is reserved. */
  sent(cost: Cost, at: number): Sent {
    for (const [kind, bucket] of this.#buckets) bucket.take(cost[kind], at);
    this.#pause.sent(at);
    const sent = {number: ++this.memory.sent, episode: this.#controller.episode, at, cost};
    this.#controller.sent(++this.memory.inFlight);
    return sent;
  }

  /**
   * Learns from a reply.
   *
   * @param usage - what it cost, or can cost at most
   * @returns the milliseconds for which the reply is held back
   */
  replied(
    sent: Sent,
    {status, headers}: Pick<Reply, 'status' | 'headers'>,
    usage: Usage | undefined,
    now: number,
  ): number {
    this.memory.inFlight--;
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
    this.memory.inFlight--;
    this.#settle(sent, sent.cost);
    this.#controller.failed();
  }

  /**
   * Requests of another process turn out to be under way, or, with negative numbers, not to be any more. What they
   * reserved of the given rates stands.
   */
  adjust(requests: number, cost: Cost): void {
    this.memory.inFlight += requests;
    for (const [kind, quota] of this.#quotas) {
      if (cost[kind] > 0) quota.take(cost[kind]);
      else if (cost[kind] < 0) quota.settle(-cost[kind], -cost[kind]);
    }
  }

  /** Counts as much as the given rates allow in this time: it may have gone out, and nobody knows. */
  presume(milliseconds: number, now: number): void {
    for (const [, bucket, perMinute] of this.#rates) bucket.take(Math.ceil((perMinute * milliseconds) / 60_000), now);
  }

  #settle({cost, at}: Sent, used: Cost): void {
    for (const [kind, bucket] of this.#buckets) bucket.settle(cost[kind], used[kind], at);
  }

  #answer({episode, at}: Sent, now: number): void {
    this.memory.latency += (now - at - this.memory.latency) * LATEST;
    this.#evidence.answered();
    this.#pause.answered();
    this.#learnedRate.answered(at);
    this.#controller.answered(episode, now);
  }

  #refuse(limits: ServiceLimits, {episode, at}: Sent, now: number): number {
    this.memory.refused++;
    if (!namesLimit(limits) && !this.#evidence.refused()) return Math.min(this.memory.latency, LONGEST_HOLD);
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

const QUOTAS = ['requests', 'tokens', 'inputTokens', 'outputTokens'] as const satisfies readonly QuotaKind[];

/** The memories of some buckets by what they count. */
function memoriesOf<K extends string, M>(buckets: readonly (readonly [K, {readonly memory: M}, ...unknown[]])[]) {
  return Object.fromEntries(buckets.map(([kind, {memory}]) => [kind, memory])) as Record<K, M>;
}
