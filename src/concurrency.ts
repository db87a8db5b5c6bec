import {setTimeout} from 'node:timers/promises';

/** Waits. It ends early if the signal aborts. The process stays alive. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await setTimeout(milliseconds, undefined, {signal}).catch(() => {});
}

/**
 * Lets many callers share what is made once, such as a loaded model. The first call makes it. If that fails, the next
 * call makes it again.
 */
export function once<T, Arguments extends readonly unknown[]>(
  make: (...values: Arguments) => Promise<T>,
): (...values: Arguments) => Promise<T> {
  let made: Promise<T> | undefined;
  return (...values) => {
    made ??= make(...values).catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

/**
 * Stops waiting for work that can't be stopped, or that others wait for too: rejects at once with the signal's reason.
 */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([aborted, work]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/**
 * Merges all calls that come in one turn of the event loop, or while the previous call is under way, into one call.
 *
 * @param work - receives the items of all calls, in their order; if it fails, all of them fail
 */
export function coalesce<T>(work: (items: readonly T[]) => Promise<void>): (items: readonly T[]) => Promise<void> {
  let waiting: T[] = [];
  let next: Promise<void> | undefined;
  let underWay: Promise<unknown> | undefined;
  const begin = async (): Promise<void> => {
    await new Promise(resolve => setImmediate(resolve));
    await underWay?.catch(() => {});
    const items = waiting;
    waiting = [];
    next = undefined;
    underWay = work(items);
    await underWay;
  };
  return items => {
    for (const item of items) waiting.push(item);
    next ??= begin();
    return next;
  };
}

/** Limits how many callers run at once. The others wait in line. */
export class Semaphore {
  #free: number;
  readonly #line: (() => void)[] = [];

  /** @param count - how many run at once: a whole number above 0, or Infinity */
  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Calls `work` when a slot is free. Nothing starts after the stop.
   *
   * @returns the result of the work
   */
  async run<T>(work: () => Promise<T>, stop: AbortSignal | undefined): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>(resolve => this.#line.push(resolve));
    try {
      stop?.throwIfAborted();
      const result = await work();
      this.#end();
      return result;
    } catch (error) {
      // The caller's handlers run first, so that a stop reaches the waiting calls before they start.
      setImmediate(() => this.#end());
      throw error;
    }
  }

  #end(): void {
    const next = this.#line.shift();
    if (next) next();
    else this.#free++;
  }
}

type Find<T> = (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>;

/** Lets calls that are under way at the same time share what they find, so that each key is looked up once. */
export class SingleFlight<T> {
  /** By key, the result of the call that looks it up; without the key if that call fails. */
  readonly #flights = new Map<string, Promise<ReadonlyMap<string, T>>>();

  /**
   * A value for every key: from another call that looks it up now, if its value is usable; otherwise from `find`.
   *
   * @param find - gives a value for each of its keys
   */
  async run(
    keys: readonly string[],
    find: Find<T>,
    usable: (value: T, key: string) => boolean,
  ): Promise<ReadonlyMap<string, T>> {
    const values = new Map<string, T>();
    let open = keys;
    while (open.length > 0) {
      const flights = open.map(key => this.#flights.get(key));
      const claimed = open.filter((_, index) => !flights[index]);
      // Its own keys come first. A call that waits with claimed keys could deadlock with the calls that it waits for.
      for (const [key, value] of await this.#claim(claimed, find)) values.set(key, value);
      for (const [index, key] of open.entries()) {
        const flight = flights[index];
        if (!flight) continue;
        const value = (await flight).get(key);
        if (value !== undefined && usable(value, key)) values.set(key, value);
      }
      open = open.filter(key => !values.has(key));
    }
    return values;
  }

  async #claim(keys: readonly string[], find: Find<T>): Promise<ReadonlyMap<string, T>> {
    if (keys.length === 0) return new Map();
    const flight = find(keys).finally(() => {
      for (const key of keys) this.#flights.delete(key);
    });
    const shared = flight.catch(() => new Map<string, T>());
    for (const key of keys) this.#flights.set(key, shared);
    return flight;
  }
}
