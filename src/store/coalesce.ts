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
