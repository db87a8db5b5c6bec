/** Milliseconds that a batch waits to be full: whoever writes line by line is answered, too. */
const PATIENCE = 200;

const LATE = Symbol('late');

/** Items in batches of so many; fewer where no more come for a while, and at the end. */
export async function* inBatches<T>(
  items: AsyncIterable<T>,
  size: number,
  patience: number = PATIENCE,
): AsyncGenerator<readonly T[]> {
  const iterator = items[Symbol.asyncIterator]();
  const ask = (): Promise<IteratorResult<T>> => {
    const next = iterator.next();
    // It may fail while nobody waits for it; it is waited for later.
    next.catch(() => {});
    return next;
  };
  let clock = startClock(patience);
  let batch: T[] = [];
  try {
    for (let next = ask(); ; ) {
      const result = batch.length === 0 ? await next : await Promise.race([next, clock.late]);
      if (result !== LATE) {
        if (result.done) break;
        if (batch.length === 0) {
          clock.stop();
          clock = startClock(patience);
        }
        batch.push(result.value);
        next = ask();
        if (batch.length < size) continue;
      }
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  } finally {
    clock.stop();
    await iterator.return?.();
  }
}

function startClock(milliseconds: number): {readonly late: Promise<typeof LATE>; stop(): void} {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>(resolve => {
    timer = setTimeout(() => resolve(LATE), milliseconds);
  });
  return {late, stop: () => clearTimeout(timer)};
}
