import {setImmediate} from 'node:timers/promises';

/** Milliseconds of computing before other requests get a turn. */
const SLICE = 15;

/** Maps many values without blocking other requests. */
export async function mapInSlices<T, R>(values: readonly T[], map: (value: T, index: number) => R): Promise<R[]> {
  const mapped: R[] = [];
  let end = performance.now() + SLICE;
  for (const [index, value] of values.entries()) {
    if (performance.now() > end) {
      await setImmediate();
      end = performance.now() + SLICE;
    }
    mapped.push(map(value, index));
  }
  return mapped;
}
