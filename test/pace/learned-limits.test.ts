import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {ConcurrencyController} from '../../src/pace/learned-limits.ts';

/** One round of replies, with so much of the limit in use. */
function round(controller: ConcurrencyController, share = 1): void {
  controller.sent(Math.ceil(share * controller.limit));
  for (let left = controller.limit; left > 0; left--) controller.answered(controller.episode, 0);
}

describe('ConcurrencyController', () => {
  it('doubles the limit each round until the first refusal, and then adds a twentieth, at least one', () => {
    const controller = new ConcurrencyController(100, 0);
    const limits = [controller.limit];
    const grow = () => {
      round(controller);
      limits.push(controller.limit);
    };
    for (let time = 0; time < 2; time++) grow();
    controller.refused(controller.episode, 0);
    limits.push(controller.limit);
    for (let time = 0; time < 17; time++) grow();
    expect(limits.slice(0, 6)).toEqual([8, 16, 32, 25, 26, 27]);
    expect(limits.slice(-3)).toEqual([40, 42, 44]);
  });

  it('doubles again when it is twice what it was at the last refusal, which then had nothing to do with it', () => {
    const controller = new ConcurrencyController(100, 0);
    controller.refused(controller.episode, 0);
    const limits = Array.from({length: 13}, () => {
      round(controller);
      return controller.limit;
    });
    expect(limits).toEqual([7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32, 64, 100]);
  });

  it('never exceeds its maximum, not at the start either', () => {
    const controller = new ConcurrencyController(20, 0);
    for (let time = 0; time < 5; time++) round(controller);
    expect(controller.limit).toBe(20);
    expect(new ConcurrencyController(3, 0).limit).toBe(3);
  });

  it('cuts once an episode, however many of its requests are refused', () => {
    const controller = new ConcurrencyController(64, 0);
    for (let time = 0; time < 3; time++) round(controller);
    const {episode} = controller;
    expect(Array.from({length: 64}, () => controller.refused(episode, 0))).toEqual([
      true,
      ...new Array(63).fill(false),
    ]);
    expect(controller.limit).toBe(51);
    expect(controller.refused(controller.episode, 0)).toBe(true);
    expect(controller.limit).toBe(40);
  });

  it('takes no answer to a request of an earlier episode for a sign of room', () => {
    const controller = new ConcurrencyController(64, 0);
    controller.refused(0, 0);
    controller.sent(controller.limit);
    for (let reply = 0; reply < 50; reply++) controller.answered(0, 0);
    expect(controller.limit).toBe(6);
  });

  it('grows only if at least 80 % of the limit was in use', () => {
    const controller = new ConcurrencyController(64, 0);
    round(controller, 0.6);
    expect(controller.limit).toBe(8);
    round(controller, 0.8);
    expect(controller.limit).toBe(16);
  });

  it('does not grow in a round in which something failed, and is not cut by that', () => {
    const controller = new ConcurrencyController(64, 0);
    controller.failed();
    round(controller);
    expect(controller.limit).toBe(8);
    round(controller);
    expect(controller.limit).toBe(16);
  });

  it('stays between 1 and its maximum, and cuts by at least one, whatever happens', () => {
    const happens = fc.constantFrom('refused', 'late', 'failed', 'round', 'idle');
    fc.assert(
      fc.property(fc.integer({min: 1, max: 300}), fc.array(happens, {maxLength: 200}), (max, events) => {
        const controller = new ConcurrencyController(max, 0);
        for (const event of events) {
          const {limit, episode} = controller;
          if (event === 'refused') controller.refused(episode, 0);
          else if (event === 'late') controller.refused(episode - 1, 0);
          else if (event === 'failed') controller.failed();
          else round(controller, event === 'idle' ? 0.1 : 1);
          expect(controller.limit).toBeGreaterThanOrEqual(1);
          expect(controller.limit).toBeLessThanOrEqual(max);
          if (event === 'refused') expect(controller.limit).toBeLessThan(Math.max(limit, 2));
          else expect(controller.limit).toBeGreaterThanOrEqual(limit);
        }
      }),
    );
  });

  it('remembers its latest changes with their reasons, and not more than 32', () => {
    const controller = new ConcurrencyController(64, 5);
    round(controller);
    controller.refused(0, 7);
    expect(controller.changes).toEqual([
      {at: 5, limit: 8, why: 'start'},
      {at: 0, limit: 16, why: 'room'},
      {at: 7, limit: 12, why: 'refused'},
    ]);
    for (let time = 0; time < 100; time++) {
      round(controller);
      controller.refused(controller.episode, time);
    }
    expect(controller.changes).toHaveLength(32);
    expect(controller.changes.at(-1)!.at).toBe(99);
  });
});
