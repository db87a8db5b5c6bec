import {getEventListeners} from 'node:events';
import {describe, expect, it} from 'vitest';
import {WaitingLine} from '../../src/pace/waiting-line.ts';

const ignore = () => {};

describe('WaitingLine', () => {
  it('lets whoever came first go first', () => {
    const line = new WaitingLine<number>(ignore);
    for (const item of [1, 2, 3]) line.join(item, ignore, undefined);
    const left: (number | undefined)[] = [];
    while (line.length > 0) {
      left.push(line.first);
      line.shift();
      if (left.length === 2) line.join(4, ignore, undefined);
    }
    expect(left).toEqual([1, 2, 3, 4]);
    expect(line.first).toBeUndefined();
  });

  it('rejects all that wait with a signal when it aborts, and closes the gaps', () => {
    let leaves = 0;
    const line = new WaitingLine<number>(() => {
      leaves++;
    });
    const stop = new AbortController();
    const rejected: unknown[] = [];
    for (const item of [1, 2, 3, 4, 5, 6]) {
      line.join(item, reason => rejected.push([item, reason]), item % 3 === 0 ? undefined : stop.signal);
    }
    line.shift();
    stop.abort('enough');
    expect(rejected).toEqual([2, 4, 5].map(item => [item, 'enough']));
    expect([line.length, line.first, leaves]).toEqual([2, 3, 1]);
    line.shift();
    expect(line.first).toBe(6);
    line.shift();
    line.join(7, ignore, undefined);
    expect([line.length, line.first]).toEqual([1, 7]);
  });

  it('goes on after all of it has left', () => {
    const line = new WaitingLine<number>(ignore);
    const stop = new AbortController();
    line.join(1, ignore, stop.signal);
    stop.abort();
    expect([line.length, line.first]).toEqual([0, undefined]);
    line.join(2, ignore, undefined);
    line.join(3, ignore, undefined);
    line.shift();
    expect([line.length, line.first]).toEqual([1, 3]);
  });

  it('holds one listener a signal, as long as someone waits with it', () => {
    const line = new WaitingLine<number>(ignore);
    const {signal} = new AbortController();
    for (let item = 0; item < 100; item++) line.join(item, ignore, signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
    while (line.length > 0) line.shift();
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
