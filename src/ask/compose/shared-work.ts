import type {LayerOptions} from '../layer.ts';

/**
 * Work that many calls need and one does. What came of it is kept; where it failed, which an abort of the one call can be
 * the reason of, another one begins again.
 */
export function sharedWork<T>(work: (options: LayerOptions) => Promise<T>): (options: LayerOptions) => Promise<T> {
  let done: Promise<T> | undefined;
  return async function share(options) {
    for (;;) {
      const isOwn = done === undefined;
      done ??= work(options).catch((error: unknown) => {
        done = undefined;
        throw error;
      });
      try {
        return await done;
      } catch (error) {
        options.signal?.throwIfAborted();
        options.stop?.throwIfAborted();
        if (isOwn) throw error;
      }
    }
  };
}
