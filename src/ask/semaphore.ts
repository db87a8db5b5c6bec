/** Limits how many callers run at once. The others wait in line. */
export class Semaphore {
  #free: number;
  readonly #line: (() => void)[] = [];

  /** @param count - how many run at once: a whole number above 0, or Infinity */
  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a slot, which `end` gives back. Resolves when a slot is free; undefined if one is free now. */
  begin(): Promise<void> | undefined {
    if (this.#free === 0) return new Promise(resolve => this.#line.push(resolve));
    this.#free--;
    return undefined;
  }

  end(): void {
    const next = this.#line.shift();
    if (next) next();
    else this.#free++;
  }
}
