interface Entry<T> {
  readonly item: T;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  left: boolean;
  next: Entry<T> | undefined;
}

/** First come, first served. If an entry's signal aborts, it leaves at once, rejected with the signal's reason. */
export class WaitingLine<T> {
  readonly #onLeave: () => void;
  /** One listener per signal, however many entries wait with it. */
  readonly #bySignal = new Map<AbortSignal, Set<Entry<T>>>();
  #head: Entry<T> | undefined;
  #tail: Entry<T> | undefined;
  #length = 0;

  /** @param onLeave - called after an abort */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  get length(): number {
    return this.#length;
  }

  get first(): T | undefined {
    while (this.#head?.left) this.#head = this.#head.next;
    return this.#head?.item;
  }

  /** In order, without those that left. */
  *[Symbol.iterator](): Generator<T> {
    for (let entry = this.#head; entry !== undefined; entry = entry.next) {
      if (!entry.left) yield entry.item;
    }
  }

  join(item: T, reject: (reason: unknown) => void, signal: AbortSignal | undefined): void {
    const location: Entry<T> = {item, reject, signal, left: false, next: undefined};
    if (this.first === undefined) this.#head = location;
    else this.#tail!.next = location;
    this.#tail = location;
    this.#length++;
    if (signal) this.#watch(signal, location);
  }

  /** Removes the first entry. */
  shift(): void {
    if (this.first === undefined) return;
    const location = this.#head!;
    this.#head = location.next;
    this.#length--;
    if (location.signal) this.#forget(location.signal, location);
  }

  #watch(signal: AbortSignal, location: Entry<T>): void {
    const together = this.#bySignal.get(signal);
    if (together) {
      together.add(location);
      return;
    }
    this.#bySignal.set(signal, new Set([location]));
    signal.addEventListener('abort', this.#abort, {once: true});
  }

  #forget(signal: AbortSignal, location: Entry<T>): void {
    const together = this.#bySignal.get(signal)!;
    together.delete(location);
    if (together.size > 0) return;
    this.#bySignal.delete(signal);
    signal.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (event: Event): void => {
    const signal = event.target as AbortSignal;
    const together = this.#bySignal.get(signal)!;
    this.#bySignal.delete(signal);
    for (const location of together) {
      location.left = true;
      location.reject(signal.reason);
    }
    this.#length -= together.size;
    this.#onLeave();
  };
}
