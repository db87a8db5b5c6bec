import type {Quota} from './service-limits.ts';

const MINUTE = 60_000;

/** Something of which only so much may be used in a time. Amounts are whole numbers, times milliseconds of one clock. */
export interface Bucket {
  /** Milliseconds until `amount` can be taken: 0 where it can be now, Infinity where only a reply can tell. */
  wait(amount: number, now: number): number;
  /** Reserves an amount for a request that goes out now. */
  take(amount: number, now: number): void;
  /**
   * Refunds what a request reserved and did not use, and charges what it used beyond that.
   *
   * @param at - when it was reserved
   */
  settle(reserved: number, used: number, at: number): void;
}

/** Milliseconds of one slot of the minute. */
const SLOT = 250;
const SLOTS = MINUTE / SLOT;
/** Milliseconds by which a request may be early, so that late timers cost nothing in the end. */
const BURST = 500;

/**
 * A limit that the user sets. In no minute, wherever it starts, is more reserved than the limit; and it is spread over
 * the minute (GCRA), since many a service that says a minute counts seconds. An amount above the limit counts as the
 * limit: it waits for an empty minute, and goes alone.
 */
export class RateBucket implements Bucket {
  readonly #limit: number;
  /** What was reserved in each slot of the last minute, and in the one under way. */
  readonly #slots = new Float64Array(SLOTS + 1);
  #sum = 0;
  #current = 0;
  /** When all that was reserved would be used up at an even rate. */
  #even = 0;

  /** @param perMinute - a whole number above 0 */
  constructor(perMinute: number) {
    this.#limit = perMinute;
  }

  wait(amount: number, now: number): number {
    this.#advance(now);
    const early = Math.max(0, this.#even - BURST - now);
    let excess = this.#sum + this.#counted(amount) - this.#limit;
    if (excess <= 0) return early;
    let slot = this.#current - SLOTS;
    while (excess > 0 && slot <= this.#current) excess -= this.#slots[slot++ % this.#slots.length]!;
    return Math.max(early, slot * SLOT - now);
  }

  take(amount: number, now: number): void {
    this.#advance(now);
    this.#even = Math.max(this.#even, now);
    this.#add(this.#counted(amount), this.#current);
  }

  settle(reserved: number, used: number, at: number): void {
    const slot = slotOf(at);
    if (slot >= this.#current - SLOTS) this.#add(used - this.#counted(reserved), slot);
  }

  #counted(amount: number): number {
    return Math.min(amount, this.#limit);
  }

  #add(amount: number, slot: number): void {
    this.#slots[slot % this.#slots.length]! += amount;
    this.#sum += amount;
    this.#even += (amount / this.#limit) * MINUTE;
  }

  /** Empties the slots that have left the minute. */
  #advance(now: number): void {
    const slot = slotOf(now);
    // After a long rest each slot is emptied once, not once for each time round.
    this.#current = Math.max(this.#current, slot - this.#slots.length);
    while (this.#current < slot) {
      const index = ++this.#current % this.#slots.length;
      this.#sum -= this.#slots[index]!;
      this.#slots[index] = 0;
    }
  }
}

/** The number of a slot tells when it leaves the minute: all of it has, once `(slot + 1) * SLOT` has come. */
function slotOf(time: number): number {
  return Math.floor((time + MINUTE) / SLOT);
}

/** Milliseconds that a reset may seem to move because it was rounded. */
const ROUNDING = 2000;
/** Of the rate at which a quota seems to fill again, what is counted on. */
const TRUSTED = 0.9;

/**
 * A limit as the service last told of it. Until its reset no more goes out than was left, less what is on its way.
 *
 * Services count in two ways, and don't say in which: a window at whose end all comes back, or a bucket that fills all
 * the time. With a bucket each request moves the reset; once that is seen, what has come back is used as it comes. A
 * reset further off than a minute is not waited for in one go: each minute one request asks anew.
 */
export class QuotaBucket implements Bucket {
  #limit = Number.POSITIVE_INFINITY;
  #level = Number.POSITIVE_INFINITY;
  #onItsWay = 0;
  #resetAt = Number.POSITIVE_INFINITY;
  /** When more may go out without a reply: at the reset, or in a minute. Infinity where there is nothing to wait for. */
  #opensAt = Number.POSITIVE_INFINITY;
  /** The first reset told of in the window under way; a bucket has none, and the resets it tells of move. */
  #firstReset = 0;
  #moves = false;
  /** What comes back in a millisecond: of a bucket only. */
  #refill = 0;
  #filledAt = 0;
  #latest = 0;

  wait(amount: number, now: number): number {
    const counted = Math.min(amount, this.#limit);
    this.#fill(counted, now);
    const missing = counted - this.#level;
    // Where nothing is known and nothing on its way could tell, one must ask.
    if (missing <= 0 || (this.#opensAt === Number.POSITIVE_INFINITY && this.#onItsWay === 0)) return 0;
    const filled = this.#refill > 0 ? missing / this.#refill : Number.POSITIVE_INFINITY;
    return Math.min(this.#opensAt - now, filled);
  }

  take(amount: number): void {
    this.#level -= amount;
    this.#onItsWay += amount;
  }

  settle(reserved: number, used: number): void {
    this.#level += reserved - used;
    this.#onItsWay -= reserved;
  }

  /**
   * Takes the service's word, after `settle` of the request that brought it. A reply without a word means that the
   * service doesn't tell, or no longer.
   *
   * @param request - a number that grows from request to request: a slow reply to an old one is no news
   * @param sentAt - when that request went out
   */
  learn({limit, remaining, resetIn}: Quota, request: number, sentAt: number, now: number): void {
    if (request < this.#latest) return;
    this.#latest = request;
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
    this.#refill = 0;
    if (remaining === undefined || resetIn === undefined) {
      this.#level = this.#opensAt = Number.POSITIVE_INFINITY;
      return;
    }
    this.#level = remaining - this.#onItsWay;
    this.#resetAt = now + resetIn;
    this.#opensAt = now + Math.min(resetIn, MINUTE);
    if (now >= this.#firstReset) this.#firstReset = this.#resetAt;
    // The service counted from some moment between the sending and the reply.
    else this.#moves ||= sentAt + resetIn > this.#firstReset + ROUNDING;
    if (!this.#moves || limit === undefined || resetIn === 0) return;
    this.#refill = (TRUSTED * Math.max(0, limit - remaining)) / resetIn;
    this.#filledAt = now;
  }

  #fill(counted: number, now: number): void {
    if (now >= this.#opensAt) {
      this.#level = now >= this.#resetAt ? this.#limit : Math.max(this.#level, counted);
      this.#opensAt = Number.POSITIVE_INFINITY;
      this.#refill = 0;
    } else if (this.#refill > 0) {
      this.#level = Math.min(this.#limit, this.#level + (now - this.#filledAt) * this.#refill);
      this.#filledAt = now;
    }
  }
}
