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
/** Milliseconds by which a request can be early, so that late timers cost nothing in the end. */
const BURST = 500;
/**
 * Milliseconds beyond the minute for which a reservation counts: so much later than it was admitted a request may reach
 * the service, if a process is held up.
 */
const MARGIN = 500;
/** How many whole slots a reservation counts. */
const WINDOW = Math.ceil((MINUTE + MARGIN) / SLOT);

/** What a rate limit remembers, as plain data. */
export interface RateMemory {
  /** The reservations in each slot of the last minute and its margin, and in the present slot. */
  readonly slots: number[];
  sum: number;
  current: number;
  /** When all reservations would be used up at an even rate. */
  even: number;
}

/**
 * A limit that the user sets. No minute of the service, wherever it starts, has more than the limit, if each request
 * arrives within half a second. Reservations are spread over the minute (GCRA), because many services with a limit per
 * minute count seconds. An amount above the limit counts as the limit: it waits for an empty minute, and goes alone.
 */
export class RateBucket implements Bucket {
  readonly memory: RateMemory;
  readonly #limit: number;

  /**
   * @param perMinute - a whole number above 0
   * @param memory - of an earlier bucket
   */
  constructor(perMinute: number, memory?: RateMemory) {
    this.#limit = perMinute;
    const length = WINDOW + 1;
    const isSame = memory?.slots.length === length;
    this.memory = isSame ? memory : {slots: new Array(length).fill(0), sum: 0, current: 0, even: 0};
  }

  wait(amount: number, now: number): number {
    this.#advance(now);
    const {slots, sum, current, even} = this.memory;
    const early = Math.max(0, even - BURST - now);
    let excess = sum + this.#counted(amount) - this.#limit;
    if (excess <= 0) return early;
    let slot = current - WINDOW;
    while (excess > 0 && slot <= current) excess -= slots[slot++ % slots.length]!;
    return Math.max(early, slot * SLOT - now);
  }

  take(amount: number, now: number): void {
    this.#advance(now);
    this.memory.even = Math.max(this.memory.even, now);
    this.#add(this.#counted(amount), this.memory.current);
  }

  settle(reserved: number, used: number, at: number): void {
    const slot = this.#slotOf(at);
    if (slot >= this.memory.current - WINDOW) this.#add(used - this.#counted(reserved), slot);
  }

  #counted(amount: number): number {
    return Math.min(amount, this.#limit);
  }

  #add(amount: number, slot: number): void {
    const {memory} = this;
    memory.slots[slot % memory.slots.length]! += amount;
    memory.sum += amount;
    memory.even += (amount / this.#limit) * MINUTE;
  }

  /** Empties the slots that have left the minute. */
  #advance(now: number): void {
    const {memory} = this;
    const slot = this.#slotOf(now);
    // After a long pause each slot is emptied once, not once per round.
    memory.current = Math.max(memory.current, slot - memory.slots.length);
    while (memory.current < slot) {
      const index = ++memory.current % memory.slots.length;
      memory.sum -= memory.slots[index]!;
      memory.slots[index] = 0;
    }
  }

  /** The number of a slot. The whole slot has left the minute at `(slot + 1) * SLOT`. */
  #slotOf(time: number): number {
    return Math.floor(time / SLOT) + WINDOW;
  }
}

/** Milliseconds by which a reset can seem to move because of rounding. */
const ROUNDING = 2000;
/** The trusted share of the rate at which a quota seems to refill. */
const TRUSTED = 0.9;

/** What is known of a quota, as plain data. */
export interface QuotaMemory {
  limit: number;
  level: number;
  onItsWay: number;
  resetAt: number;
  /** The time of the next refill without a reply: the reset, or in a minute. Infinity if no refill is expected. */
  opensAt: number;
  /** The first reset reported in the present window. A bucket has none, because its resets move. */
  firstReset: number;
  moves: boolean;
  /** The refill per millisecond; for a bucket only. */
  refill: number;
  filledAt: number;
  /** The number of the latest request that brought a report. */
  latest: number;
}

/**
 * A limit as the service last reported it. Until its reset, only the remaining amount goes out, less what is under way.
 *
 * Services count in two ways, and don't say in which: a window after which the whole amount comes back, or a bucket
 * that refills all the time. With a bucket each request moves the reset. Once that is seen, refilled amounts are used
 * as they come. A reset more than a minute away is not awaited in one go: each minute one request asks again.
 */
export class QuotaBucket implements Bucket {
  readonly memory: QuotaMemory;

  /** @param memory - of an earlier bucket */
  constructor(memory?: QuotaMemory) {
    this.memory = memory ?? {
      ...{limit: Number.POSITIVE_INFINITY, level: Number.POSITIVE_INFINITY, onItsWay: 0},
      ...{resetAt: Number.POSITIVE_INFINITY, opensAt: Number.POSITIVE_INFINITY, firstReset: 0, moves: false},
      ...{refill: 0, filledAt: 0, latest: 0},
    };
  }

  wait(amount: number, now: number): number {
    const counted = Math.min(amount, this.memory.limit);
    this.#fill(counted, now);
    const missing = counted - this.memory.level;
    // If nothing is known and no request under way could tell, one must ask.
    if (missing <= 0 || (this.memory.opensAt === Number.POSITIVE_INFINITY && this.memory.onItsWay === 0)) return 0;
    const filled = this.memory.refill > 0 ? missing / this.memory.refill : Number.POSITIVE_INFINITY;
    return Math.min(this.memory.opensAt - now, filled);
  }

  take(amount: number): void {
    this.memory.level -= amount;
    this.memory.onItsWay += amount;
  }

  settle(reserved: number, used: number): void {
    this.memory.level += reserved - used;
    this.memory.onItsWay -= reserved;
  }

  /**
   * Takes in what the service reports, after `settle` of the request that brought it. A reply without a report means
   * that the service doesn't report its quota, or no longer does.
   *
   * @param request - a number that grows from request to request: a slow reply to an old one is no news
   * @param sentAt - when that request went out
   */
  learn({limit, remaining, resetIn}: Quota, request: number, sentAt: number, now: number): void {
    if (request < this.memory.latest) return;
    this.memory.latest = request;
    this.memory.limit = limit ?? Number.POSITIVE_INFINITY;
    this.memory.refill = 0;
    if (remaining === undefined || resetIn === undefined) {
      this.memory.level = this.memory.opensAt = Number.POSITIVE_INFINITY;
      return;
    }
    this.memory.level = remaining - this.memory.onItsWay;
    this.memory.resetAt = now + resetIn;
    this.memory.opensAt = now + Math.min(resetIn, MINUTE);
    if (now >= this.memory.firstReset) this.memory.firstReset = this.memory.resetAt;
    // The service counted from some moment between the request and the reply.
    else this.memory.moves ||= sentAt + resetIn > this.memory.firstReset + ROUNDING;
    if (!this.memory.moves || limit === undefined || resetIn === 0) return;
    this.memory.refill = (TRUSTED * Math.max(0, limit - remaining)) / resetIn;
    this.memory.filledAt = now;
  }

  #fill(counted: number, now: number): void {
    if (now >= this.memory.opensAt) {
      this.memory.level = now >= this.memory.resetAt ? this.memory.limit : Math.max(this.memory.level, counted);
      this.memory.opensAt = Number.POSITIVE_INFINITY;
      this.memory.refill = 0;
    } else if (this.memory.refill > 0) {
      this.memory.level = Math.min(
        this.memory.limit,
        this.memory.level + (now - this.memory.filledAt) * this.memory.refill,
      );
      this.memory.filledAt = now;
    }
  }
}
