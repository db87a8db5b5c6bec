import type {Bucket} from './buckets.ts';

/**
 * How many of the latest replies are looked at, how many refusals among them are too many to be chance, and how many are
 * too many where a rate is kept already.
 */
const LATEST = 20;
const TOO_MANY = 10;
const TOO_MANY_AGAIN = 4;
/** How many times what was measured the rate may be, until it is none any more. */
const FAR = 10;
/** What a learned rate begins below what was measured, as a share of it, and passes it by after as long again. */
const CUT = 0.1;
/** How many answers it takes to come back to what was measured, and in how many milliseconds at least and at most. */
const ANSWERS = 20;
const SHORTEST = 5000;
const LONGEST = 30_000;
/** Milliseconds for which a refusal is a beginning to measure from. */
const RECENT = 30_000;
/** How often in a row a lower rate may be refused as soon, and for how many milliseconds nothing is learned then. */
const IN_VAIN = 2;
const REST = 600_000;
/** Milliseconds that a timer may be late without the rate being lower for it. */
const LATE = 20;

/**
 * The rate of a service that only refuses: that tells in no header how many requests it takes. What it answers between
 * two refusals is what it takes. Once half of the latest replies are refusals, requests go out a tenth more slowly than
 * that, and from there by a cubic curve (as CUBIC, RFC 9438): faster, hardly faster where the rate was measured, then
 * ever faster, until there are too many refusals again. Fewer refusals are no reason: there a pause, and the limit of
 * requests under way, are enough.
 *
 * Where a lower rate is refused as soon, twice in a row, refusals have nothing to do with the rate, and for a while none
 * is kept.
 */
export class LearnedRate implements Bucket {
  /** What was measured, in requests a millisecond. */
  #measured = Number.POSITIVE_INFINITY;
  /** Milliseconds in which the rate comes back to that. */
  #recovery = 0;
  /** When it was learned. */
  #learnedAt = Number.NEGATIVE_INFINITY;
  /** When the next request may go. */
  #nextAt = 0;
  /** Whether each of the latest replies was a refusal. */
  #latest: boolean[] = [];
  /** Answers since the rate was learned. */
  #answers = 0;
  /** The latest refusal that there is something to measure from, and answers since. */
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
    // What was sent at another rate says nothing of this one.
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

  /** Requests a millisecond; Infinity where nothing was learned. */
  #rate(now: number): number {
    if (this.#isFree) return Number.POSITIVE_INFINITY;
    const passed = (now - this.#learnedAt) / this.#recovery;
    return this.#measured * (1 + CUT * (passed - 1) ** 3);
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
