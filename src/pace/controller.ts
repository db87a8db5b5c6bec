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
