import {describe, expect, it} from 'vitest';
import {LearnedRate} from '../../src/pace/learned-rate.ts';

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
