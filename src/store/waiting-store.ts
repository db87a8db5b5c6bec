import {setTimeout} from 'node:timers/promises';
import {untilAborted} from '../concurrency.ts';
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
  let lost: Outage | undefined;
  let isClosed = false;
  const until = async <T>(work: () => Promise<T>): Promise<T> => {
    for (;;) {
      try {
        const result = await work();
        if (lost !== undefined) {
          onAway(
            `The answer store (${store.name}) is back after ${Math.round((performance.now() - lost.at) / 1000)} s.`,
          );
          lost.end();
          lost = undefined;
        }
        return result;
      } catch (error) {
        if (!(error instanceof AnswerStoreError && error.isAway) || isClosed) throw error;
        if (lost === undefined) onAway(`${error.message} It is waited for.`);
        lost ??= new Outage();
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
    whenThere: async signal => {
      if (lost) await untilAborted(lost.over, signal);
    },
    async close() {
      isClosed = true;
      lost?.end();
      await store.close();
    },
  };
}

class Outage {
  readonly at: number = performance.now();
  /** Resolves at its end. */
  readonly over: Promise<void>;
  end = (): void => {};

  constructor() {
    this.over = new Promise(resolve => {
      this.end = resolve;
    });
  }
}
