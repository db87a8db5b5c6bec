import {afterEach, beforeEach, expect, it} from 'vitest';
import {type AnswerStore, openAnswerStore} from '../../../src/store/store.ts';

/** A server of a test, which can crash. */
export interface CrashingServer {
  kill(): Promise<void>;
  start(): Promise<void>;
}

/**
 * What a store does that waits for its server.
 *
 * @param urlOf - the URL of a store there that holds nothing
 */
export function testWaiting(server: CrashingServer, urlOf: () => Promise<string>): void {
  let store: AnswerStore;
  let notes: string[];

  beforeEach(async () => {
    notes = [];
    store = openAnswerStore({url: await urlOf(), onAway: note => notes.push(note)});
  });
  afterEach(() => store.close());

  it('does what was asked for while the server was away, in each of two outages, and tells of each once', async () => {
    await store.leases.acquire(['b'], 60_000);
    await store.whenThere?.();
    for (const outage of [1, 2]) {
      await server.kill();
      const waiting = [store.leases.acquire(['a'], 60_000), store.leases.renew(['b'], 60_000), store.get('x')];
      await new Promise(resolve => setTimeout(resolve, 600));
      expect(notes).toHaveLength(2 * outage - 1);
      await expect(store.whenThere?.(AbortSignal.timeout(50))).rejects.toThrow('timeout');
      const there = store.whenThere?.();
      await server.start();
      expect(await Promise.all(waiting)).toEqual([[true], [true], undefined]);
      await there;
      await store.leases.release(['a']);
    }
    expect(notes).toEqual([
      expect.stringMatching(/^The answer store \(.*\) can't be (read|written): .* It is waited for\.$/),
      expect.stringMatching(/ is back after \d+ s\.$/),
      expect.stringMatching(/ It is waited for\.$/),
      expect.stringMatching(/ is back after \d+ s\.$/),
    ]);
  });
}
