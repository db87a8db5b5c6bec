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

/** What a limit of requests under way remembers, as plain data. */
export interface ConcurrencyMemory {
  limit: number;
  readonly changes: LimitChange[];
  /** The limit at the latest refusal. */
  refusedAt: number;
  episode: number;
  /** Of the present round: its replies, the most that were under way, and whether nothing failed. */
  replies: number;
  peak: number;
  clean: boolean;
}

/**
 * The limit of requests under way at once (additive increase, multiplicative decrease). The limit doubles after each
 * clean round until the first refusal, and grows by a twentieth, at least by one, after that. It doubles again when it
 * is twice its value at that refusal. A round is as many replies as the limit. It is clean if nothing failed and the
 * limit was really in use.
 *
 * Every refusal of a request that was sent before the last cut belongs to the same episode, and cuts nothing.
 */
export class ConcurrencyController {
  readonly memory: ConcurrencyMemory;
  readonly #max: number;

  /**
   * @param max - a whole number above 0, or Infinity
   * @param memory - of an earlier controller
   */
  constructor(max: number, now: number, memory?: ConcurrencyMemory) {
    this.#max = max;
    const limit = Math.min(memory?.limit ?? START, max);
    const fresh = {changes: [], refusedAt: 0, episode: 0, replies: 0, peak: 0, clean: true};
    this.memory = {...fresh, ...memory, limit};
    if (memory === undefined) this.#remember('start', now);
  }

  get limit(): number {
    return this.memory.limit;
  }

  /** How often the limit was cut. A request carries the number at the time that it was sent. */
  get episode(): number {
    return this.memory.episode;
  }

  /** The latest changes, the oldest first. */
  get changes(): readonly LimitChange[] {
    return [...this.memory.changes];
  }

  /** A request went out. @param inFlight - how many are now under way */
  sent(inFlight: number): void {
    if (inFlight > this.memory.peak) this.memory.peak = inFlight;
  }

  /** The service answered a request. */
  answered(episode: number, now: number): void {
    // A request that was sent under another limit says nothing of this one.
    if (episode !== this.memory.episode || ++this.memory.replies < this.memory.limit) return;
    if (this.memory.clean && this.memory.peak >= IN_USE * this.memory.limit && this.memory.limit < this.#max) {
      const grown =
        this.memory.limit >= PROVEN * this.memory.refusedAt
          ? this.memory.limit * 2
          : this.memory.limit + Math.max(1, Math.floor(this.memory.limit * STEP));
      this.memory.limit = Math.min(grown, this.#max);
      this.#remember('room', now);
    }
    this.#startRound();
  }

  /** A request failed for another reason than its limits. The limit doesn't grow in this round. */
  failed(): void {
    this.memory.clean = false;
  }

  /** The service refused a request for its limits. @returns true if that began a new episode */
  refused(episode: number, now: number): boolean {
    if (episode !== this.memory.episode) return false;
    this.memory.episode++;
    this.memory.refusedAt = this.memory.limit;
    this.#startRound();
    if (this.memory.limit > 1) {
      this.memory.limit = Math.floor(this.memory.limit * CUT);
      this.#remember('refused', now);
    }
    return true;
  }

  #startRound(): void {
    this.memory.replies = 0;
    this.memory.peak = 0;
    this.memory.clean = true;
  }

  #remember(why: LimitChange['why'], at: number): void {
    this.memory.changes.push({at, limit: this.memory.limit, why});
    if (this.memory.changes.length > REMEMBERED) this.memory.changes.shift();
  }
}
