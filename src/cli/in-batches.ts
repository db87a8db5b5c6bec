/** Milliseconds that a batch waits to fill up, so that a client that writes line by line gets answers too. */
const PATIENCE = 200;

const LATE = Symbol('late');

/** Groups items into batches of a fixed size. A batch is smaller if no item comes for a while, or at the end. */
export async function* inBatches<T>(
  items: AsyncIterable<T>,
  size: number,
  patience: number = PATIENCE,
): AsyncGenerator<readonly T[]> {
  const iterator = items[Symbol.asyncIterator]();
  const ask = (): Promise<IteratorResult<T>> => {
    const next = iterator.next();
    // It can fail before it is awaited, and must not count as unhandled.
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
