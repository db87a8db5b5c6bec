/** The progress of the batches that one run waits for. */
export class LaneWatch {
  readonly #batches = new Map<string, {readonly requests: number; readonly done: number}>();

  /** @param name - the batch's own, see `BatchRecord` */
  saw(name: string, requests: number, done: number): void {
    this.#batches.set(name, {requests, done});
  }

  /** Forgets a batch that is no longer awaited. */
  left(name: string): void {
    this.#batches.delete(name);
  }

  /** For people, for example `2 batches under way, 1,234 of 50,000 requests done`; undefined if there is none. */
  describe(): string | undefined {
    const batches = [...this.#batches.values()];
    if (batches.length === 0) return undefined;
    const total = (read: (batch: {readonly requests: number; readonly done: number}) => number) =>
      batches.reduce((sum, batch) => sum + read(batch), 0).toLocaleString('en-GB');
    const counted = batches.length === 1 ? 'a batch' : `${batches.length} batches`;
    return `${counted} under way, ${total(({done}) => done)} of ${total(({requests}) => requests)} requests done`;
  }
}
