import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {type Bucket, QuotaBucket, RateBucket} from '../../src/pace/buckets.ts';

const MINUTE = 60_000;

interface Taken {
  readonly at: number;
  readonly amount: number;
}

/** The most that was taken in any minute that starts or ends with something taken. */
function busiestMinute(taken: readonly Taken[]): number {
  const sums = taken.map(({at: start}) =>
    taken.filter(({at}) => at >= start && at < start + MINUTE).reduce((sum, {amount}) => sum + amount, 0),
  );
  return Math.max(0, ...sums);
}

/** Takes the amounts one after the other, each as early as it may go. */
function takeAll(bucket: Bucket, amounts: readonly number[], start = 0): Taken[] {
  let now = start;
  return amounts.map(amount => {
    for (let wait = bucket.wait(amount, now); wait > 0; wait = bucket.wait(amount, now)) now += Math.ceil(wait);
    bucket.take(amount, now);
    return {at: now, amount};
  });
}

describe('RateBucket', () => {
  it('counts a reservation for half a second longer than a minute, and goes on from its memory', () => {
    const bucket = new RateBucket(1);
    bucket.take(1, 0);
    const again = new RateBucket(1, JSON.parse(JSON.stringify(bucket.memory)));
    expect(again.wait(1, 60_400)).toBeGreaterThan(0);
    expect(again.wait(1, 60_750)).toBe(0);
    // A memory of another shape is none.
    expect(new RateBucket(1, {...bucket.memory, slots: [1]}).wait(1, 500)).toBe(0);
  });

  it('never lets more than its limit go in a minute, whatever is asked, rested and refunded', () => {
    const step = fc.record({
      amount: fc.integer({min: 1, max: 120}),
      rest: fc.oneof(fc.constant(0), fc.nat(2000), fc.nat(200_000)),
      kept: fc.double({min: 0, max: 1, noNaN: true}),
    });
    fc.assert(
      fc.property(
        fc.integer({min: 1, max: 1000}),
        fc.nat(2e12),
        fc.array(step, {maxLength: 60}),
        (limit, start, steps) => {
          const bucket = new RateBucket(limit);
          const used: Taken[] = [];
          let now = start;
          for (const {amount, rest, kept} of steps) {
            now += rest;
            for (let wait = bucket.wait(amount, now); wait > 0; wait = bucket.wait(amount, now)) now += Math.ceil(wait);
            bucket.take(amount, now);
            const reserved = Math.min(amount, limit);
            const actual = Math.floor(kept * reserved);
            bucket.settle(amount, actual, now);
            used.push({at: now, amount: actual});
          }
          expect(busiestMinute(used)).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });

  it('never lets a service count more than its limit in a minute, though a process is held up for half a second', () => {
    const taken = takeAll(new RateBucket(600), new Array<number>(1300).fill(1));
    for (let held = 0; held < 70_000; held += 7000) {
      const isHeld = (at: number) => at >= held && at < held + 500;
      const arrivals = taken.map(({at, amount}) => ({at: isHeld(at) ? held + 500 : at, amount}));
      expect(busiestMinute(arrivals)).toBeLessThanOrEqual(600);
    }
  });

  it.each([
    [600, 1, 6000],
    [60, 1, 300],
    [1, 1, 4],
    [100_000, 700, 1400],
    [10_000, 2500, 40],
  ])('lets at least 0.97 of %i a minute go, in portions of %i', (limit, portion, count) => {
    const taken = takeAll(new RateBucket(limit), new Array<number>(count).fill(portion));
    const ideal = (((count - 1) * portion) / limit) * MINUTE;
    expect(taken.at(-1)!.at).toBeLessThanOrEqual(ideal / 0.97);
    expect(busiestMinute(taken)).toBeLessThanOrEqual(limit);
  });

  it('spreads what it lets go over the minute', () => {
    const taken = takeAll(new RateBucket(600), new Array<number>(600).fill(1), 1e9);
    for (const {at: start} of taken) {
      expect(taken.filter(({at}) => at >= start && at < start + 1000).length).toBeLessThanOrEqual(16);
    }
  });

  it('gives back what a request did not use, and charges what it used beyond its estimate', () => {
    const bucket = new RateBucket(1000);
    bucket.take(1000, 0);
    expect(bucket.wait(1, 30_000)).toBeGreaterThan(30_000);
    bucket.settle(1000, 100, 0);
    expect(bucket.wait(900, 30_000)).toBe(0);
    expect(bucket.wait(901, 30_000)).toBeGreaterThan(30_000);
    bucket.settle(100, 600, 0);
    expect(bucket.wait(400, 40_000)).toBe(0);
    expect(bucket.wait(401, 40_000)).toBeGreaterThan(20_000);
  });

  it('lets an amount above its limit go alone, in an empty minute', () => {
    const [first, second, third] = takeAll(new RateBucket(100), [250, 1, 250]);
    expect(first!.at).toBe(0);
    expect(second!.at).toBeGreaterThan(MINUTE);
    expect(third!.at).toBeGreaterThan(second!.at + MINUTE);
    const bucket = new RateBucket(100);
    bucket.take(250, 0);
    bucket.settle(250, 60, 0);
    expect(bucket.wait(40, 50_000)).toBe(0);
    expect(bucket.wait(41, 50_000)).toBeGreaterThan(10_000);
  });

  it('forgets a refund that comes when its minute is over', () => {
    const bucket = new RateBucket(10);
    bucket.take(10, 0);
    bucket.wait(1, 200_000);
    bucket.settle(10, 0, 0);
    bucket.take(10, 200_000);
    expect(bucket.wait(1, 200_000)).toBeGreaterThanOrEqual(MINUTE);
  });
});

describe('QuotaBucket', () => {
  it('knows no limit before the service told of one', () => {
    const bucket = new QuotaBucket();
    expect(bucket.wait(1e9, 0)).toBe(0);
    bucket.take(1e9);
    expect(bucket.wait(1e9, 0)).toBe(0);
  });

  it('lets no more go than is left, less what is on its way, until the reset', () => {
    const bucket = new QuotaBucket();
    for (let request = 0; request < 4; request++) bucket.take(1);
    bucket.settle(1, 1);
    bucket.learn({limit: 60, remaining: 5, resetIn: 20_000}, 1, 0, 1000);
    expect(bucket.wait(2, 1000)).toBe(0);
    expect(bucket.wait(3, 1000)).toBe(20_000);
    bucket.take(2);
    expect(bucket.wait(1, 11_000)).toBe(10_000);
    expect(bucket.wait(60, 21_000)).toBe(0);
    bucket.take(60);
    expect(bucket.wait(1, 21_000)).toBe(Number.POSITIVE_INFINITY);
  });

  it('gives back at once what a request did not use, if its reply tells of no quota', () => {
    const bucket = new QuotaBucket();
    bucket.learn({limit: 1000, remaining: 100, resetIn: 20_000}, 1, 0, 0);
    bucket.take(100);
    expect(bucket.wait(90, 0)).toBe(20_000);
    bucket.settle(100, 10);
    expect(bucket.wait(90, 0)).toBe(0);
    expect(bucket.wait(91, 0)).toBe(20_000);
  });

  it('lets one ask if nothing is known and no reply could tell', () => {
    const bucket = new QuotaBucket();
    bucket.take(1);
    bucket.settle(1, 1);
    bucket.learn({limit: 1, remaining: 0, resetIn: 1000}, 1, 0, 0);
    expect(bucket.wait(1, 1000)).toBe(0);
    bucket.take(1);
    expect(bucket.wait(1, 1000)).toBe(Number.POSITIVE_INFINITY);
    bucket.settle(1, 1);
    expect(bucket.wait(1, 1000)).toBe(0);
  });

  it('takes no old news from a slow reply', () => {
    const bucket = new QuotaBucket();
    bucket.learn({limit: 60, remaining: 0, resetIn: 20_000}, 7, 0, 1000);
    bucket.learn({limit: 60, remaining: 50, resetIn: 25_000}, 3, 0, 2000);
    expect(bucket.wait(1, 2000)).toBe(19_000);
  });

  it('forgets what it knew when the service no longer tells', () => {
    const bucket = new QuotaBucket();
    bucket.learn({limit: 60, remaining: 0, resetIn: 20_000}, 1, 0, 0);
    bucket.learn({}, 2, 0, 0);
    expect(bucket.wait(1000, 0)).toBe(0);
  });

  it('waits for an amount above the limit until all is there', () => {
    const bucket = new QuotaBucket();
    bucket.learn({limit: 100, remaining: 99, resetIn: 600}, 1, 0, 0);
    expect(bucket.wait(5000, 0)).toBe(600);
    expect(bucket.wait(5000, 600)).toBe(0);
  });

  it('asks once a minute if the reset is far off', () => {
    const bucket = new QuotaBucket();
    bucket.learn({limit: 5000, remaining: 0, resetIn: 3_600_000}, 1, 0, 0);
    bucket.take(1);
    expect(bucket.wait(1, 0)).toBe(MINUTE);
    expect(bucket.wait(1, MINUTE)).toBe(0);
    bucket.take(1);
    expect(bucket.wait(1, MINUTE)).toBe(Number.POSITIVE_INFINITY);
  });

  it('uses what comes back to a bucket that fills all the time, once its reset moves', () => {
    const bucket = new QuotaBucket();
    bucket.learn({limit: 60, remaining: 59, resetIn: 1000}, 1, 0, 0);
    bucket.learn({limit: 60, remaining: 0, resetIn: 60_000}, 2, 500, 500);
    const wait = bucket.wait(1, 500);
    expect(wait).toBeGreaterThan(1000);
    expect(wait).toBeLessThan(1200);
    expect(bucket.wait(1, 500 + Math.ceil(wait))).toBe(0);
  });

  it('does not take a slow reply, or a rounded reset, for a bucket', () => {
    const bucket = new QuotaBucket();
    bucket.learn({limit: 60, remaining: 40, resetIn: 30_000}, 1, 0, 0);
    bucket.learn({limit: 60, remaining: 20, resetIn: 30_000}, 2, 100, 15_000);
    bucket.learn({limit: 60, remaining: 0, resetIn: 14_000}, 3, 17_000, 17_000);
    expect(bucket.wait(1, 17_000)).toBe(14_000);
  });
});
