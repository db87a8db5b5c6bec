interface Place<T> {
  readonly item: T;
  readonly reject: (reason: unknown) => void;
  readonly signal: AbortSignal | undefined;
  left: boolean;
  next: Place<T> | undefined;
}

/** First come, first served. Whoever's signal aborts leaves at once, rejected with its reason. */
export class WaitingLine<T> {
  readonly #onLeave: () => void;
  /** One listener a signal, however many wait with it. */
  readonly #bySignal = new Map<AbortSignal, Set<Place<T>>>();
  #head: Place<T> | undefined;
  #tail: Place<T> | undefined;
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

  join(item: T, reject: (reason: unknown) => void, signal: AbortSignal | undefined): void {
    const place: Place<T> = {item, reject, signal, left: false, next: undefined};
    if (this.first === undefined) this.#head = place;
    else this.#tail!.next = place;
    this.#tail = place;
    this.#length++;
    if (signal) this.#watch(signal, place);
  }

  /** Lets the first one go. */
  shift(): void {
    if (this.first === undefined) return;
    const place = this.#head!;
    this.#head = place.next;
    this.#length--;
    if (place.signal) this.#forget(place.signal, place);
  }

  #watch(signal: AbortSignal, place: Place<T>): void {
    const together = this.#bySignal.get(signal);
    if (together) {
      together.add(place);
      return;
    }
    this.#bySignal.set(signal, new Set([place]));
    signal.addEventListener('abort', this.#abort, {once: true});
  }

  #forget(signal: AbortSignal, place: Place<T>): void {
    const together = this.#bySignal.get(signal)!;
    together.delete(place);
    if (together.size > 0) return;
    this.#bySignal.delete(signal);
    signal.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (event: Event): void => {
    const signal = event.target as AbortSignal;
    const together = this.#bySignal.get(signal)!;
    this.#bySignal.delete(signal);
    for (const place of together) {
      place.left = true;
      place.reject(signal.reason);
    }
    this.#length -= together.size;
    this.#onLeave();
  };
}
