import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {ConcurrencyController, LearnedRate} from '../../src/pace/learned-limits.ts';

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

/** Decides whether a request that arrives now is answered. */
type Service = (now: number) => boolean;

/** Takes so many requests a second, and saves up those of a second, or one. */
function perSecond(most: number): Service {
  let level = 1;
  let since = 0;
  return now => {
    level = Math.min(Math.max(1, most), level + ((now - since) / 1000) * most);
    since = now;
    if (level < 1) return false;
    level--;
    return true;
  };
}

/** Refuses so many of every so many requests, however fast they come. */
function refusing(some: number, of: number): Service {
  let requests = 0;
  return () => requests++ % of >= some;
}

/** Sends as fast as it may, 50 requests a second at most; a refusal is followed by a pause of a second. */
class Client {
  readonly rate = new LearnedRate();
  now = 1000;
  answers = 0;
  refusals = 0;

  /** @returns answers a second in so many seconds */
  run(service: Service, seconds: number): number {
    const [end, before] = [this.now + seconds * 1000, this.answers];
    while (this.now < end) {
      this.now += Math.max(20, this.rate.wait(1, this.now));
      this.rate.take(1, this.now);
      this.#ask(service(this.now));
    }
    return (this.answers - before) / seconds;
  }

  #ask(isAnswered: boolean): void {
    if (isAnswered) {
      this.answers++;
      this.rate.answered(this.now);
    } else {
      this.refusals++;
      this.rate.refused(this.now, this.now);
      this.now += 1000;
    }
  }
}

describe('LearnedRate', () => {
  it('holds nothing back if fewer than half of the latest replies are refusals', () => {
    const client = new Client();
    expect(client.run(() => true, 10)).toBeGreaterThan(49);
    client.run(refusing(9, 20), 300);
    expect(client.refusals).toBeGreaterThan(200);
    expect(client.rate.wait(1, client.now)).toBe(0);
  });

  it.each([
    [0.2, 0.35],
    [0.5, 0.15],
    [1, 0.15],
  ])(
    'finds what a service that only refuses takes, %d a second, with at most %d refusals an answer then',
    (most, share) => {
      const client = new Client();
      const service = perSecond(most);
      client.run(service, 60);
      const {answers, refusals} = client;
      expect(client.run(service, 600)).toBeGreaterThan(0.65 * most);
      expect((client.refusals - refusals) / (client.answers - answers)).toBeLessThan(share);
    },
  );

  it('is soon as fast again as a service that takes more, and then as slow to learn as at first', () => {
    const client = new Client();
    client.run(perSecond(1), 60);
    expect(client.run(() => true, 10)).toBeLessThan(2);
    client.run(() => true, 200);
    expect(client.run(() => true, 10)).toBeGreaterThan(40);
    // Fifteen answers, and five pauses of a second.
    expect(client.run(refusing(5, 20), 40)).toBeGreaterThan(0.9 * (15 / 5.4));
  });

  it('lets go of the rate if a lower one is refused as soon', () => {
    const client = new Client();
    // Two answers, and three pauses of a second: nothing else takes time.
    const free = 2 / 3.1;
    client.run(refusing(3, 5), 60);
    expect(client.run(refusing(3, 5), 300)).toBeGreaterThan(0.95 * free);
  });

  it('takes no heed of what was sent before it learned', () => {
    const rate = new LearnedRate();
    rate.refused(0, 0);
    for (let sent = 0; sent < 4; sent++) rate.answered(sent);
    for (let sent = 4; sent < 13; sent++) rate.refused(sent, 1000);
    rate.take(1, 1000);
    const wait = rate.wait(1, 1000);
    // Four answers in a second, and a tenth less.
    expect(wait).toBeCloseTo(1000 / (4 * 0.9), 6);
    rate.answered(1000);
    for (let sent = 13; sent < 40; sent++) rate.refused(sent, 1100);
    expect(rate.wait(1, 1000)).toBe(wait);
  });
});
