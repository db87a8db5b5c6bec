import {setTimeout} from 'node:timers/promises';

/** Waits, and rejects when the signal aborts. */
export type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>;

/** Milliseconds since 1970, never going back. */
export function monotonic(): number {
  return performance.timeOrigin + performance.now();
}

/** A timer, which rejects when the signal aborts. */
export async function timer(milliseconds: number, signal: AbortSignal): Promise<void> {
  await setTimeout(milliseconds, undefined, {signal});
}

/** At most one timer, and none when nobody waits for it, because a timer keeps the process alive. */
export class Alarm {
  readonly #sleep: Sleep;
  readonly #ring: () => void;
  #next: {readonly at: number; readonly controller: AbortController} | undefined;

  constructor(sleep: Sleep, ring: () => void) {
    this.#sleep = sleep;
    this.#ring = ring;
  }

  /** Rings after this many milliseconds or earlier. An alarm that rings too early is set again. */
  set(now: number, wait: number): void {
    const at = now + wait;
    if (this.#next && this.#next.at <= at) return;
    this.clear();
    if (at === Number.POSITIVE_INFINITY) return;
    const next = {at, controller: new AbortController()};
    const ring = () => {
      if (this.#next !== next) return;
      this.#next = undefined;
      this.#ring();
    };
    this.#next = next;
    this.#sleep(Math.ceil(wait), next.controller.signal).then(ring, ring);
  }

  clear(): void {
    this.#next?.controller.abort();
    this.#next = undefined;
  }
}
