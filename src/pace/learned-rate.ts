import type {Bucket} from './buckets.ts';

/**
 * How many of the latest replies count, how many refusals among them are too many to be chance, and how many are too
 * many if a rate is already kept.
 */
const LATEST = 20;
const TOO_MANY = 10;
const TOO_MANY_AGAIN = 4;
/** The rate ends when it reaches this multiple of the measured rate. */
const FAR = 10;
/**
 * A learned rate starts this share below the measured rate, and passes it by the same share after twice the recovery
 * time.
 */
const BELOW = 0.1;
/** How many answers the recovery to the measured rate takes, and its least and most milliseconds. */
const ANSWERS = 20;
const SHORTEST = 5000;
const LONGEST = 30_000;
/** Milliseconds for which a refusal can be the start of a measurement. */
const RECENT = 30_000;
/** How often in a row a lower rate can be refused as soon, and for how many milliseconds nothing is learned then. */
const IN_VAIN = 2;
const REST = 600_000;
/** Milliseconds by which a timer can be late without lowering the rate. */
const LATE = 20;

/** Longer ago than anything else. */
const NEVER = -Number.MAX_VALUE;

/** What a learned rate remembers, as plain data. */
export interface LearnedMemory {
  /** The measured rate, in requests per millisecond. */
  measured: number;
  /** Milliseconds in which the rate recovers to the measured one. */
  recovery: number;
  /** When it was learned. */
  learnedAt: number;
  /** When the next request can go. */
  nextAt: number;
  /** For each of the latest replies, true if it was a refusal. */
  latest: boolean[];
  /** Answers since the rate was learned. */
  answers: number;
  /** The latest refusal that a measurement can start from, and the answers since then. */
  refusedAt: number;
  answersSinceRefusal: number;
  inVain: number;
  restsUntil: number;
}

/**
 * The rate of a service that only refuses: no header says how many requests it takes. Its capacity is the rate of its
 * answers between two refusals. Once half of the latest replies are refusals, requests go out a tenth more slowly than
 * that. From there the rate follows a cubic curve (as CUBIC, RFC 9438): it grows fast, hardly at all near the measured
 * rate, then ever faster, until there are too many refusals again. For fewer refusals, a pause and the limit of
 * requests under way are enough.
 *
 * If a lower rate is refused as soon, twice in a row, the refusals do not depend on the rate, and for a while none is
 * kept.
 */
export class LearnedRate implements Bucket {
  readonly memory: LearnedMemory;

  /** @param memory - of an earlier rate */
  constructor(memory?: LearnedMemory) {
    this.memory = memory ?? {
      ...{measured: Number.POSITIVE_INFINITY, recovery: 0, learnedAt: NEVER, nextAt: 0, latest: []},
      ...{answers: 0, refusedAt: NEVER, answersSinceRefusal: 0, inVain: 0, restsUntil: 0},
    };
  }

  wait(_: number, now: number): number {
    return Math.max(0, this.memory.nextAt - now);
  }

  take(_: number, now: number): void {
    const rate = this.#rate(now);
    if (rate < Number.POSITIVE_INFINITY) this.memory.nextAt = Math.max(this.memory.nextAt, now - LATE) + 1 / rate;
  }

  /** A request counts as one, however many tokens it has. */
  settle(): void {}

  /** The service answered. @param sentAt - when that request went out */
  answered(sentAt: number): void {
    // A request that was sent at another rate says nothing of this one.
    if (sentAt < this.memory.learnedAt) return;
    this.memory.answers++;
    this.memory.answersSinceRefusal++;
    this.#note(false);
  }

  /** The service refused a request for its limits. @param sentAt - when that request went out */
  refused(sentAt: number, now: number): void {
    if (sentAt < this.memory.learnedAt || now < this.memory.restsUntil) return;
    this.#note(true);
    if (now - this.memory.refusedAt > RECENT) this.#measureFrom(now);
    if (this.#rate(now) > FAR * this.memory.measured) this.#forget();
    const tooMany = this.#isFree ? TOO_MANY : TOO_MANY_AGAIN;
    if (this.memory.latest.filter(Boolean).length < tooMany) return;
    // Before the first refusal a service may have given what it had saved up.
    const whole = this.#isFree ? 0 : this.memory.answers / (now - this.memory.learnedAt);
    const recent =
      this.memory.answersSinceRefusal > 0 ? this.memory.answersSinceRefusal / (now - this.memory.refusedAt) : 0;
    const measured = Math.max(whole, recent);
    if (measured > 0) this.#learn(Math.min(measured, this.#rate(now)), now);
  }

  #learn(measured: number, now: number): void {
    const isSoon = now - this.memory.learnedAt < 2 * this.memory.recovery;
    this.memory.inVain = isSoon ? this.memory.inVain + 1 : 0;
    this.memory.measured = measured;
    this.memory.recovery = Math.min(Math.max(ANSWERS / measured, SHORTEST), LONGEST);
    this.memory.learnedAt = this.memory.nextAt = now;
    this.memory.latest = [];
    this.memory.answers = 0;
    this.#measureFrom(now);
    if (this.memory.inVain < IN_VAIN) return;
    this.#forget();
    this.memory.restsUntil = now + REST;
  }

  #forget(): void {
    this.memory.measured = Number.POSITIVE_INFINITY;
    this.memory.recovery = this.memory.inVain = 0;
  }

  get #isFree(): boolean {
    return this.memory.measured === Number.POSITIVE_INFINITY;
  }

  /** Requests per millisecond; Infinity if nothing was learned. */
  #rate(now: number): number {
    if (this.#isFree) return Number.POSITIVE_INFINITY;
    const passed = (now - this.memory.learnedAt) / this.memory.recovery;
    return this.memory.measured * (1 + BELOW * (passed - 1) ** 3);
  }

  #measureFrom(now: number): void {
    this.memory.refusedAt = now;
    this.memory.answersSinceRefusal = 0;
  }

  #note(isRefusal: boolean): void {
    this.memory.latest.push(isRefusal);
    if (this.memory.latest.length > LATEST) this.memory.latest.shift();
  }
}
