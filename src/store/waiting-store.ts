import {setTimeout} from 'node:timers/promises';
import {AnswerStoreError} from '../errors.ts';
import type {AnswerStore} from './answer-store.ts';

/** Milliseconds between two attempts. */
const PAUSE = 250;

/**
 * A store that waits for its server instead of failing. Each operation is repeated until the server is back, so it may
 * be done twice; all of them may be.
 *
 * @param store - one that connects again by itself
 * @param onAway - told once when the server is lost, and once when it is back
 */
export function waitingStore(store: AnswerStore, onAway: (note: string) => void): AnswerStore {
  let lostAt: number | undefined;
  let isClosed = false;
  const until = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        const result = await work();
        if (lostAt !== undefined) {
          onAway(
            `The answer store (${store.name}) is back after ${Math.round((performance.now() - lostAt) / 1000)} s.`,
          );
          lostAt = undefined;
        }
        return result;
      } catch (error) {
        if (!(error instanceof AnswerStoreError && error.isAway) || isClosed) throw error;
        if (lostAt === undefined) onAway(`${error.message} It is waited for.`);
        lostAt ??= performance.now();
        await setTimeout(PAUSE);
      }
    }
  };
  const {leases} = store;
  return {
    name: store.name,
    leases: {
      shared: leases.shared,
      acquire: (...given) => until(() => leases.acquire(...given)),
      renew: (...given) => until(() => leases.renew(...given)),
      release: keys => until(() => leases.release(keys)),
    },
    open: () => until(() => store.open()),
    get: key => until(() => store.get(key)),
    getMany: keys => until(() => store.getMany(keys)),
    set: (key, stored) => until(() => store.set(key, stored)),
    setMany: entries => until(() => store.setMany(entries)),
    delete: key => until(() => store.delete(key)),
    // A listing can't go on in the middle.
    entries: () => store.entries(),
    count: () => until(() => store.count()),
    async close() {
      isClosed = true;
      await store.close();
    },
  };
}
