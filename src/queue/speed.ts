/** Answers a second, over the last ten seconds. */
export class Speed {
  readonly #times: {readonly at: number; readonly total: number}[] = [];
  #total = 0;

  add(count: number): void {
    this.#total += count;
  }

  /** The speed since the last calls, of which one is made every few seconds. */
  now(): number {
    const at = performance.now();
    this.#times.push({at, total: this.#total});
    while (this.#times.length > 2 && at - this.#times[0]!.at > 10_000) this.#times.shift();
    const first = this.#times[0]!;
    return at === first.at ? 0 : (1000 * (this.#total - first.total)) / (at - first.at);
  }
}
