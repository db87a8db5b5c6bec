import {getEventListeners} from 'node:events';
import {setImmediate, setTimeout as sleep} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {coalesce, once, Semaphore, SingleFlight, untilAborted} from '../src/concurrency.ts';

describe('once', () => {
  it('makes the thing at the first call, for all calls', async () => {
    let made = 0;
    const get = once(async (name: string) => `${name} ${++made}`);
    expect(made).toBe(0);
    expect(await Promise.all([get('a'), get('b')])).toEqual(['a 1', 'a 1']);
    expect(await get('c')).toBe('a 1');
  });

  it('fails for all callers that wait, and makes the thing again at the next call', async () => {
    let tries = 0;
    const get = once(async () => {
      if (++tries === 1) throw new Error('not yet');
      return tries;
    });
    const outcomes = await Promise.allSettled([get(), get()]);
    expect(outcomes.map(({status}) => status)).toEqual(['rejected', 'rejected']);
    expect(await get()).toBe(2);
  });
});

describe('untilAborted', () => {
  it('gives up at the abort, and the work goes on for others', async () => {
    const controller = new AbortController();
    const work = new Promise<string>(resolve => setTimeout(resolve, 20, 'done'));
    const waited = untilAborted(work, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waited).rejects.toThrow('enough');
    await expect(untilAborted(work, controller.signal)).rejects.toThrow('enough');
    expect(await untilAborted(work, new AbortController().signal)).toBe('done');
  });

  it('fails as the work fails, and listens no longer', async () => {
    const {signal} = new AbortController();
    await expect(untilAborted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

describe('coalesce', () => {
  it('makes one call of all that come in one turn of the event loop, in their order', async () => {
    const calls: (readonly number[])[] = [];
    const add = coalesce<number>(async items => void calls.push(items));
    await Promise.all([add([1, 2]), add([3]), Promise.resolve().then(() => add([4]))]);
    await add([5]);
    expect(calls).toEqual([[1, 2, 3, 4], [5]]);
  });

  it('gathers what comes while a call is under way, and never makes two at once', async () => {
    const calls: (readonly number[])[] = [];
    let active = 0;
    const add = coalesce<number>(async items => {
      expect(++active).toBe(1);
      calls.push(items);
      await sleep(20);
      active--;
    });
    const first = add([1]);
    await setImmediate();
    await setImmediate();
    const others = [add([2])];
    await sleep(5);
    others.push(add([3]));
    await Promise.all([first, ...others]);
    expect(calls).toEqual([[1], [2, 3]]);
  });

  it('fails all that were in a call, and tries again with the next ones', async () => {
    let isFull = true;
    const add = coalesce<number>(async () => {
      if (isFull) throw new Error('full');
    });
    const results = await Promise.allSettled([add([1]), add([2])]);
    expect(results.map(({status}) => status)).toEqual(['rejected', 'rejected']);
    isFull = false;
    await add([3]);
  });
});

/** Work of a slot that ends when it is told. */
function work(begun: string[], name: string) {
  let [end, fail] = [() => {}, () => {}];
  const result = new Promise<string>((resolve, reject) => {
    end = () => resolve(name);
    fail = () => reject(new Error(name));
  });
  const start = () => {
    begun.push(name);
    return result;
  };
  return {start, end, fail};
}

describe('Semaphore', () => {
  it('starts so many at once, and the others in the order in which they came', async () => {
    const semaphore = new Semaphore(2);
    const begun: string[] = [];
    const works = ['a', 'b', 'c', 'd'].map(name => work(begun, name));
    const results = works.map(({start}) => semaphore.run(start, undefined));
    expect(begun).toEqual(['a', 'b']);
    works[1]!.end();
    expect(await results[1]).toBe('b');
    await setImmediate();
    expect(begun).toEqual(['a', 'b', 'c']);
    for (const {end} of works) end();
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('frees the slot of work that fails, and starts nothing after the stop', async () => {
    const semaphore = new Semaphore(1);
    const begun: string[] = [];
    const [failing, waiting] = [work(begun, 'a'), work(begun, 'b')];
    const stop = new AbortController();
    const first = semaphore.run(failing.start, stop.signal).catch((error: Error) => {
      stop.abort(error);
      return error.message;
    });
    const second = semaphore.run(waiting.start, stop.signal);
    failing.fail();
    expect(await first).toBe('a');
    await expect(second).rejects.toThrow('a');
    expect(begun).toEqual(['a']);
    expect(await semaphore.run(async () => 'c', undefined)).toBe('c');
  });
});

const always = () => true;

function finder() {
  const looked: string[][] = [];
  const find = async (keys: readonly string[]) => {
    looked.push([...keys]);
    await sleep(5);
    return new Map(keys.map(key => [key, key.toUpperCase()]));
  };
  return {looked, find};
}

describe('SingleFlight', () => {
  it('lets calls wait for each other in a ring', async () => {
    const flights = new SingleFlight<string>();
    const {looked, find} = finder();
    const found = await Promise.all([
      flights.run(['a', 'b'], find, always),
      flights.run(['b', 'c'], find, always),
      flights.run(['c', 'a'], find, always),
    ]);
    expect(found.map(values => [...values].sort())).toEqual([
      [
        ['a', 'A'],
        ['b', 'B'],
      ],
      [
        ['b', 'B'],
        ['c', 'C'],
      ],
      [
        ['a', 'A'],
        ['c', 'C'],
      ],
    ]);
    expect(looked).toEqual([['a', 'b'], ['c']]);
  });

  it('looks again for what nobody is looking for any more', async () => {
    const flights = new SingleFlight<string>();
    const {looked, find} = finder();
    await flights.run(['a'], find, always);
    await flights.run(['a'], find, always);
    expect(looked).toEqual([['a'], ['a']]);
  });

  it('looks by itself if what another found is of no use', async () => {
    const flights = new SingleFlight<string>();
    const {looked, find} = finder();
    const [, second] = await Promise.all([flights.run(['a'], find, always), flights.run(['a'], find, () => false)]);
    expect(second.get('a')).toBe('A');
    expect(looked.length).toBe(2);
  });

  it('fails only the call that fails, and leaves no rejection behind', async () => {
    const flights = new SingleFlight<string>();
    const {find} = finder();
    const failing = flights.run(['a'], async () => Promise.reject(new Error('no connection')), always);
    await expect(failing).rejects.toThrow('no connection');
    expect((await flights.run(['a'], find, always)).get('a')).toBe('A');
  });
});
