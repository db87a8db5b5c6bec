import type {Bucket} from './buckets.ts';

/** A change of the limit. */
export interface LimitChange {
  /** Milliseconds of the pool's clock. */
  readonly at: number;
  readonly limit: number;
  readonly why: 'start' | 'room' | 'refused';
}

/** The limit at the start, unless the maximum is lower. */
const START = 8;
/** The share of the limit that must have been in use before it grows. */
const IN_USE = 0.8;
/** The factor by which a refusal cuts the limit. */
const CUT = 0.8;
/** The share that a clean round adds to the limit after it was cut. */
const STEP = 0.05;
/** If the limit reaches this multiple of its value at the last refusal, that refusal no longer counts. */
const PROVEN = 2;
const REMEMBERED = 32;

/**
 * The limit of requests under way at once (additive increase, multiplicative decrease). The limit doubles after each
 * clean round until the first refusal, and grows by a twentieth, at least by one, after that. It doubles again when it
 * is twice its value at that refusal. A round is as many replies as the limit. It is clean if nothing failed and the
 * limit was really in use.
 *
 * Every refusal of a request that was sent before the last cut belongs to the same episode, and cuts nothing.
 */
export class ConcurrencyController {
  readonly #max: number;
  readonly #changes: LimitChange[] = [];
  #limit: number;
  /** The limit at the latest refusal. */
  #refusedAt = 0;
  #episode = 0;
  #replies = 0;
  #peak = 0;
  #clean = true;

  /** @param max - a whole number above 0, or Infinity */
  constructor(max: number, now: number) {
    this.#max = max;
    this.#limit = Math.min(START, max);
    this.#remember('start', now);
  }

  get limit(): number {
    return this.#limit;
  }

  /** How often the limit was cut. A request carries the number at the time that it was sent. */
  get episode(): number {
    return this.#episode;
  }

  /** The latest changes, the oldest first. */
  get changes(): readonly LimitChange[] {
    return [...this.#changes];
  }

  /** A request went out. @param inFlight - how many are now under way */
  sent(inFlight: number): void {
    if (inFlight > this.#peak) this.#peak = inFlight;
  }

  /** The service answered a request. */
  answered(episode: number, now: number): void {
    // A request that was sent under another limit says nothing of this one.
    if (episode !== this.#episode || ++this.#replies < this.#limit) return;
    if (this.#clean && this.#peak >= IN_USE * this.#limit && this.#limit < this.#max) {
      const grown =
        this.#limit >= PROVEN * this.#refusedAt
          ? this.#limit * 2
          : this.#limit + Math.max(1, Math.floor(this.#limit * STEP));
      this.#limit = Math.min(grown, this.#max);
      this.#remember('room', now);
    }
    this.#startRound();
  }

  /** A request failed for another reason than its limits. The limit doesn't grow in this round. */
  failed(): void {
    this.#clean = false;
  }

  /** The service refused a request for its limits. @returns true if that began a new episode */
  refused(episode: number, now: number): boolean {
    if (episode !== this.#episode) return false;
    this.#episode++;
    this.#refusedAt = this.#limit;
    this.#startRound();
    if (this.#limit > 1) {
      this.#limit = Math.floor(this.#limit * CUT);
      this.#remember('refused', now);
    }
    return true;
  }

  #startRound(): void {
    this.#replies = 0;
    this.#peak = 0;
    this.#clean = true;
  }

  #remember(why: LimitChange['why'], at: number): void {
    this.#changes.push({at, limit: this.#limit, why});
    if (this.#changes.length > REMEMBERED) this.#changes.shift();
  }
}

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
  /** The measured rate, in requests per millisecond. */
  #measured = Number.POSITIVE_INFINITY;
  /** Milliseconds in which the rate recovers to the measured one. */
  #recovery = 0;
  /** When it was learned. */
  #learnedAt = Number.NEGATIVE_INFINITY;
  /** When the next request can go. */
  #nextAt = 0;
  /** For each of the latest replies, true if it was a refusal. */
  #latest: boolean[] = [];
  /** Answers since the rate was learned. */
  #answers = 0;
  /** The latest refusal that a measurement can start from, and the answers since then. */
  #refusedAt = Number.NEGATIVE_INFINITY;
  #answersSinceRefusal = 0;
  #inVain = 0;
  #restsUntil = 0;

  wait(_: number, now: number): number {
    return Math.max(0, this.#nextAt - now);
  }

  take(_: number, now: number): void {
    const rate = this.#rate(now);
    if (rate < Number.POSITIVE_INFINITY) this.#nextAt = Math.max(this.#nextAt, now - LATE) + 1 / rate;
  }

  /** A request counts as one, however many tokens it has. */
  settle(): void {}

  /** The service answered. @param sentAt - when that request went out */
  answered(sentAt: number): void {
    // A request that was sent at another rate says nothing of this one.
    if (sentAt < this.#learnedAt) return;
    this.#answers++;
    this.#answersSinceRefusal++;
    this.#note(false);
  }

  /** The service refused a request for its limits. @param sentAt - when that request went out */
  refused(sentAt: number, now: number): void {
    if (sentAt < this.#learnedAt || now < this.#restsUntil) return;
    this.#note(true);
    if (now - this.#refusedAt > RECENT) this.#measureFrom(now);
    if (this.#rate(now) > FAR * this.#measured) this.#forget();
    const tooMany = this.#isFree ? TOO_MANY : TOO_MANY_AGAIN;
    if (this.#latest.filter(Boolean).length < tooMany) return;
    // Before the first refusal a service may have given what it had saved up.
    const whole = this.#isFree ? 0 : this.#answers / (now - this.#learnedAt);
    const recent = this.#answersSinceRefusal > 0 ? this.#answersSinceRefusal / (now - this.#refusedAt) : 0;
    const measured = Math.max(whole, recent);
    if (measured > 0) this.#learn(Math.min(measured, this.#rate(now)), now);
  }

  #learn(measured: number, now: number): void {
    const isSoon = now - this.#learnedAt < 2 * this.#recovery;
    this.#inVain = isSoon ? this.#inVain + 1 : 0;
    this.#measured = measured;
    this.#recovery = Math.min(Math.max(ANSWERS / measured, SHORTEST), LONGEST);
    this.#learnedAt = this.#nextAt = now;
    this.#latest = [];
    this.#answers = 0;
    this.#measureFrom(now);
    if (this.#inVain < IN_VAIN) return;
    this.#forget();
    this.#restsUntil = now + REST;
  }

  #forget(): void {
    this.#measured = Number.POSITIVE_INFINITY;
    this.#recovery = this.#inVain = 0;
  }

  get #isFree(): boolean {
    return this.#measured === Number.POSITIVE_INFINITY;
  }

  /** Requests per millisecond; Infinity if nothing was learned. */
  #rate(now: number): number {
    if (this.#isFree) return Number.POSITIVE_INFINITY;
    const passed = (now - this.#learnedAt) / this.#recovery;
    return this.#measured * (1 + BELOW * (passed - 1) ** 3);
  }

  #measureFrom(now: number): void {
    this.#refusedAt = now;
    this.#answersSinceRefusal = 0;
  }

  #note(isRefusal: boolean): void {
    this.#latest.push(isRefusal);
    if (this.#latest.length > LATEST) this.#latest.shift();
  }
}
