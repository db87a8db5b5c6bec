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
