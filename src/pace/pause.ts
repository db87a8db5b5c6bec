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
