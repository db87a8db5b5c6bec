import {setImmediate} from 'node:timers/promises';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time that passes only when nothing else is left to do. */
export class VirtualClock {
  #now = 1_000_000;
  #sleepers: Sleeper[] = [];
  /** How many sleeps were begun. */
  sleeps = 0;

  readonly now = (): number => this.#now;

  /** How many are asleep. */
  get asleep(): number {
    return this.#sleepers.length;
  }

  readonly sleep = (milliseconds: number, signal?: AbortSignal): Promise<void> => {
    this.sleeps++;
    return new Promise((resolve, reject) => {
      const sleeper = {at: this.#now + milliseconds, wake: resolve};
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter(other => other !== sleeper);
        reject(signal.reason);
      });
    });
  };

  /** Lets time pass until what is awaited has happened. */
  async until<T>(awaited: Promise<T>): Promise<T> {
    let over = false;
    const end = () => {
      over = true;
    };
    awaited.then(end, end);
    for (await setImmediate(); !over; await setImmediate()) this.#wakeNext();
    return awaited;
  }

  /** Lets so much time pass. */
  async pass(milliseconds: number): Promise<void> {
    await this.until(this.sleep(milliseconds));
  }

  #wakeNext(): void {
    const at = Math.min(...this.#sleepers.map(sleeper => sleeper.at));
    if (at === Number.POSITIVE_INFINITY) throw new Error('Nobody sleeps, and what is awaited never happens.');
    this.#now = Math.max(this.#now, at);
    const woken = this.#sleepers.filter(sleeper => sleeper.at <= at);
    this.#sleepers = this.#sleepers.filter(sleeper => sleeper.at > at);
    for (const {wake} of woken) wake();
  }
}
