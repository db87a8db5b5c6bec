/** Failures in a row after which a teacher is left alone. */
const FAILURES = 5;
/** Milliseconds for which it is. */
const REST = 30_000;

/** Leaves a teacher alone that fails again and again, so that requests need not wait for nothing. */
export class Rest {
  readonly #now: () => number;
  #failures = 0;
  #until = Number.NEGATIVE_INFINITY;

  /** @param now - milliseconds, for tests; @default performance.now */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  get isResting(): boolean {
    return this.#now() < this.#until;
  }

  answered(): void {
    this.#failures = 0;
  }

  /** After the rest one more failure is enough for the next. */
  failed(): void {
    this.#failures++;
    if (this.#failures >= FAILURES) this.#until = this.#now() + REST;
  }
}
