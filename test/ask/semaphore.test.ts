import {describe, expect, it} from 'vitest';
import {Semaphore} from '../../src/ask/semaphore.ts';

describe('Turns', () => {
  it('lets so many begin at once, and the others in the order in which they came', async () => {
    const turns = new Semaphore(2);
    expect([turns.begin(), turns.begin()]).toEqual([undefined, undefined]);
    const begun: string[] = [];
    const waiting = ['a', 'b', 'c'].map(async name => {
      await turns.begin();
      begun.push(name);
    });
    await Promise.resolve();
    expect(begun).toEqual([]);
    turns.end();
    await waiting[0];
    expect(begun).toEqual(['a']);
    turns.end();
    turns.end();
    await Promise.all(waiting);
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('frees a slot that nobody waits for', () => {
    const turns = new Semaphore(1);
    for (let time = 0; time < 3; time++) {
      expect(turns.begin()).toBeUndefined();
      turns.end();
    }
  });
});
