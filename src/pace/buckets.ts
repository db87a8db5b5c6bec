import type {Quota} from './service-limits.ts';

const MINUTE = 60_000;

/** A limited amount per time. Amounts are whole numbers, times milliseconds of one clock. */
export interface Bucket {
  /** Milliseconds until `amount` can be taken: 0 if it can be now, Infinity if only a reply can tell. */
  wait(amount: number, now: number): number;
  /** Reserves an amount for a request that goes out now. */
  take(amount: number, now: number): void;
  /**
   * Refunds what a request reserved and did not use, and charges what it used beyond its reservation.
   *
   * @param at - when it was reserved
   */
  settle(reserved: number, used: number, at: number): void;
}

/** Milliseconds of one slot of the minute. */
const SLOT = 250;
const SLOTS = MINUTE / SLOT;
/** Milliseconds by which a request can be early, so that late timers cost nothing in the end. */
const BURST = 500;

/**
 * A limit that the user sets. No minute, wherever it starts, has more reservations than the limit. They are spread over
 * the minute (GCRA), because many services with a limit per minute count seconds. An amount above the limit counts as
 * the limit: it waits for an empty minute, and goes alone.
 */
export class RateBucket implements Bucket {
  readonly #limit: number;
  /** The reservations in each slot of the last minute, and in the present slot. */
  readonly #slots = new Float64Array(SLOTS + 1);
  #sum = 0;
  #current = 0;
  /** When all reservations would be used up at an even rate. */
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
    // After a long pause each slot is emptied once, not once per round.
    this.#current = Math.max(this.#current, slot - this.#slots.length);
    while (this.#current < slot) {
      const index = ++this.#current % this.#slots.length;
      this.#sum -= this.#slots[index]!;
      this.#slots[index] = 0;
    }
  }
}

/** The number of a slot. The whole slot has left the minute at `(slot + 1) * SLOT`. */
function slotOf(time: number): number {
  return Math.floor((time + MINUTE) / SLOT);
}

/** Milliseconds by which a reset can seem to move because of rounding. */
const ROUNDING = 2000;
/** The trusted share of the rate at which a quota seems to refill. */
const TRUSTED = 0.9;

/**
 * A limit as the service last reported it. Until its reset, only the remaining amount goes out, less what is under way.
 *
 * Services count in two ways, and don't say in which: a window after which the whole amount comes back, or a bucket
 * that refills all the time. With a bucket each request moves the reset. Once that is seen, refilled amounts are used
 * as they come. A reset more than a minute away is not awaited in one go: each minute one request asks again.
 */
export class QuotaBucket implements Bucket {
  #limit = Number.POSITIVE_INFINITY;
  #level = Number.POSITIVE_INFINITY;
  #onItsWay = 0;
  #resetAt = Number.POSITIVE_INFINITY;
  /** The time of the next refill without a reply: the reset, or in a minute. Infinity if no refill is expected. */
  #opensAt = Number.POSITIVE_INFINITY;
  /** The first reset reported in the present window. A bucket has none, because its resets move. */
  #firstReset = 0;
  #moves = false;
  /** The refill per millisecond; for a bucket only. */
  #refill = 0;
  #filledAt = 0;
  #latest = 0;

  wait(amount: number, now: number): number {
    const counted = Math.min(amount, this.#limit);
    this.#fill(counted, now);
    const missing = counted - this.#level;
    // If nothing is known and no request under way could tell, one must ask.
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
   * Takes in what the service reports, after `settle` of the request that brought it. A reply without a report means
   * that the service doesn't report its quota, or no longer does.
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
    // The service counted from some moment between the request and the reply.
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
