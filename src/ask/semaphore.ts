/** Lets so many at once do something; the others wait in line. */
export class Semaphore {
  #free: number;
  readonly #line: (() => void)[] = [];

  /** @param count - how many at once: a whole number above 0, or Infinity */
  constructor(count: number) {
    this.#free = count;
  }

  /** Begins a turn, which is to be ended. Resolves when it has come; undefined where it is there. */
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
