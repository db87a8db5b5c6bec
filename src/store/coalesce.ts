/**
 * Makes one call of all that come in one turn of the event loop, and while the call before is under way.
 *
 * @param work - takes what the calls were given, in their order; where it fails, all of them do
 */
export function together<T>(work: (items: readonly T[]) => Promise<void>): (items: readonly T[]) => Promise<void> {
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
