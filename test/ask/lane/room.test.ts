import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {BatchRoom, type Entry, type Turn} from '../../../src/ask/lane/room.ts';
import {InputError} from '../../../src/errors.ts';

const {signal: never} = new AbortController();
const full = new Error('It answered 429.');
const load = (requests: number, tokens = 0) => ({requests, tokens});
const turnOf = (entry: Entry): Turn => {
  if (entry === 'too large' || 'refusal' in entry) throw new Error('It has no turn.');
  return entry.turn;
};

/** What came of a wait by now. */
async function now(entry: Promise<Entry>): Promise<Entry | 'waits'> {
  return Promise.race([entry, new Promise<'waits'>(resolve => setImmediate(() => resolve('waits')))]);
}

describe('a room for batches', () => {
  it('lets batches in, in order, up to the requests and tokens that are stated', async () => {
    const room = new BatchRoom({enqueuedRequests: 10, enqueuedTokens: 100});
    const first = turnOf(await room.enter(load(4, 90), never));
    const [second, third] = [room.enter(load(4, 20), never), room.enter(load(1, 1), never)];
    expect(await now(second)).toBe('waits');
    // It would fit, but it came later.
    expect(await now(third)).toBe('waits');
    expect(room.waiting).toBe(2);
    room.ended(first);
    expect(turnOf(await second).load).toEqual(load(4, 20));
    expect(turnOf(await third).load).toEqual(load(1, 1));
    expect(await now(room.enter(load(6), never))).toBe('waits');
  });

  it('names the largest batch of which four fill it, and lets a single larger one in if it is empty', async () => {
    const room = new BatchRoom({enqueuedRequests: 10, enqueuedTokens: 100});
    expect(room.largest).toEqual(load(2, 25));
    expect(new BatchRoom().largest).toEqual(load(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY));
    expect(turnOf(await room.enter(load(50, 500), never)).load.requests).toBe(50);
  });

  it('measures how many of the tokens that can be the service counts', () => {
    const room = new BatchRoom({enqueuedTokens: 100});
    room.occupy(load(1, 100));
    expect(room.tryEnter(load(1, 100))).toBeUndefined();
    room.counted({inputTokens: 40, outputTokens: 1}, {inputTokens: 10, outputTokens: 1});
    room.counted(undefined, {inputTokens: 1000, outputTokens: 1});
    expect(room.largest.tokens).toBe(100);
    expect(room.tryEnter(load(1, 300))).toBeDefined();
    expect(room.tryEnter(load(1, 1))).toBeUndefined();
  });

  it('keeps to what a service took, once it has refused more, and takes half as much again when twice as much has ended', async () => {
    const room = new BatchRoom();
    const inside = [room.occupy(load(5)), room.occupy(load(5))];
    const refused = turnOf(await room.enter(load(5), never));
    expect(room.refused(refused, full)).toBe(0);
    room.left(refused);
    const again = room.enter(load(5), never);
    expect(await now(again)).toBe('waits');
    room.ended(inside[0]!);
    const turn = turnOf(await again);
    const next = room.enter(load(5), never);
    expect(await now(next)).toBe('waits');
    room.ended(inside[1]!);
    room.ended(turn);
    room.ended(turnOf(await next));
    // Twenty requests have ended.
    expect(Array.from({length: 4}, () => room.tryEnter(load(5)) !== undefined)).toEqual([true, true, true, false]);
  });

  it('halves batches if the service refuses one alone, and waits ever longer', async () => {
    const room = new BatchRoom();
    const turn = turnOf(await room.enter(load(8), never));
    expect(room.refused(turn, full)).toBe(60_000);
    expect(await now(room.enter(load(8), never))).toBe('too large');
    expect(room.largest.requests).toBe(4);
    room.left(turn);
    const half = turnOf(await room.enter(load(4), never));
    expect(room.refused(half, full)).toBe(120_000);
    // While it waits, nothing else is tried.
    const small = room.enter(load(2), never);
    expect(await now(small)).toBe('waits');
    room.left(half);
    room.ended(turnOf(await small));
    expect(room.largest.requests).toBe(2);
    room.ended(turnOf(await room.enter(load(2), never)));
    expect(room.largest.requests).toBe(3);
  });

  it('gives up with all that wait after eight refusals without another batch under way', async () => {
    const room = new BatchRoom();
    const waiting = Array.from({length: 3}, () => {
      room.occupy(load(1));
      return room.enter(load(1), never);
    });
    expect(room.waiting).toBe(0);
    await Promise.all(waiting);
    const alone = new BatchRoom();
    let waits: readonly unknown[] = [];
    for (let refusals = 1; refusals < 8; refusals++) {
      const turn = turnOf(await alone.enter(load(1), never));
      waits = [...waits, alone.refused(turn, full)];
      alone.left(turn);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30].map(minutes => 60_000 * minutes));
    const last = turnOf(await alone.enter(load(1), never));
    const behind = alone.enter(load(1), never);
    expect(alone.refused(last, full)).toBeUndefined();
    expect(await behind).toEqual({refusal: full});
    alone.left(last);
    // Whoever comes later tries anew.
    expect(turnOf(await alone.enter(load(1), never)).load).toEqual(load(1));
  });

  it('lets those who wait leave by their signal', async () => {
    const room = new BatchRoom({enqueuedRequests: 1});
    const inside = room.occupy(load(1));
    const stop = new AbortController();
    const waiting = room.enter(load(1), stop.signal);
    stop.abort(new Error('Enough.'));
    await expect(waiting).rejects.toThrow('Enough.');
    await expect(room.enter(load(1), stop.signal)).rejects.toThrow('Enough.');
    room.ended(inside);
    expect(room.tryEnter(load(1))).toBeDefined();
  });

  it('refuses limits that are no whole numbers above 0', () => {
    expect(() => new BatchRoom({enqueuedTokens: 0.5})).toThrow(InputError);
    expect(() => new BatchRoom({enqueuedRequests: 0})).toThrow('Expected `enqueuedRequests` of `rate`');
  });

  it('brings batches through any limit, with few refusals', async () => {
    const script = fc.record({
      limit: fc.integer({min: 1, max: 60}),
      sizes: fc.array(fc.integer({min: 1, max: 30}), {minLength: 1, maxLength: 60}),
      order: fc.infiniteStream(fc.nat()),
    });
    await fc.assert(
      fc.asyncProperty(script, async ({limit, sizes, order}) => {
        const room = new BatchRoom();
        const service: {readonly requests: number; readonly end: () => void}[] = [];
        let [done, refusals] = [0, 0];
        const submit = async (requests: number): Promise<void> => {
          const entry = await room.enter(load(requests), never);
          if (entry === 'too large') {
            const part = room.largest.requests;
            await Promise.all([submit(part), submit(requests - part)]);
            return;
          }
          const turn = turnOf(entry);
          const inside = service.reduce((sum, batch) => sum + batch.requests, 0);
          if (inside + requests > limit) {
            refusals++;
            room.refused(turn, full);
            room.left(turn);
            return submit(requests);
          }
          await new Promise<void>(resolve => service.push({requests, end: resolve}));
          room.ended(turn);
          done += requests;
        };
        const all = Promise.all(sizes.map(submit));
        const total = sizes.reduce((sum, size) => sum + size, 0);
        while (done < total) {
          await new Promise(resolve => setImmediate(resolve));
          const {value} = order.next() as {value: number};
          service.splice(value % Math.max(1, service.length), 1)[0]?.end();
        }
        await all;
        expect(done).toBe(total);
        // One for each limit that is learned anew, when twice as much has ended, and those that find the first one.
        expect(refusals).toBeLessThanOrEqual(10 + total);
      }),
      {numRuns: 100},
    );
  });
});
