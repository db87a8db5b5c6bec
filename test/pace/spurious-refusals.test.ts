import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {createAdmission} from '../../src/pace/admission.ts';
import type {Reply} from '../../src/teacher.ts';
import {VirtualClock} from './virtual-clock.ts';

interface Service {
  /** How many ask at once, each about one thing after another. */
  readonly workers: number;
  readonly requests: number;
  /** Milliseconds that an answer takes, and a refusal. */
  readonly answersIn: number;
  readonly refusesIn: number;
  /** The share of requests that are refused by chance. */
  readonly chance?: number;
  /** Requests a minute, as a bucket that fills all the time. */
  readonly perMinute?: number;
  /** True if headers report that limit. */
  readonly tells?: boolean;
  /** The most that may be under way. */
  readonly atOnce?: number;
}

/** @returns answers a second, and refusals an answer that are for a limit */
async function run(service: Service): Promise<{readonly pace: number; readonly refusals: number}> {
  const {workers, requests, answersIn, refusesIn} = service;
  const {chance = 0, perMinute = Number.POSITIVE_INFINITY, tells = false, atOnce = workers} = service;
  const clock = new VirtualClock();
  const draws = seededRandom(1, 'service');
  const random = () => randomFraction(draws);
  const admission = createAdmission({concurrency: workers, now: clock.now, sleep: clock.sleep, random});
  let [left, since, inFlight, refused] = [perMinute, clock.now(), 0, 0];
  const respond = (): Reply => {
    if (random() < chance) return {status: 429, headers: {}, body: ''};
    if (perMinute < Number.POSITIVE_INFINITY) {
      left = Math.min(perMinute, left + ((clock.now() - since) / 60_000) * perMinute);
    }
    since = clock.now();
    const isRefused = inFlight > atOnce || left < 1;
    if (isRefused) refused++;
    else left--;
    const headers = {
      'x-ratelimit-limit-requests': String(perMinute),
      'x-ratelimit-remaining-requests': String(Math.floor(left)),
      'x-ratelimit-reset-requests': `${Math.ceil(((perMinute - left) / perMinute) * 60_000)}ms`,
      ...(isRefused && {'retry-after-ms': String(Math.ceil(((1 - left) / perMinute) * 60_000))}),
    };
    return {status: isRefused ? 429 : 200, headers: tells ? headers : {}, body: ''};
  };
  const send = async () => {
    inFlight++;
    const reply = respond();
    await clock.sleep((reply.status === 200 ? answersIn : refusesIn) * (0.8 + 0.4 * random()));
    inFlight--;
    return reply;
  };
  let open = requests;
  const work = async () => {
    while (open-- > 0) for (let isAgain = false; (await admission.run({send, isAgain})).status === 429; isAgain = true);
  };
  const start = clock.now();
  await clock.until(Promise.all(Array.from({length: workers}, work)));
  return {pace: requests / ((clock.now() - start) / 1000), refusals: refused / requests};
}

describe('refusals that come by chance', () => {
  it.each([
    [16, 50, 0.8],
    [64, 50, 0.75],
    [16, 1000, 0.8],
  ])(
    'of one request in twenty leave %i workers, %i ms an answer, at least %f of their pace',
    async (workers, ms, share) => {
      const service = {workers, answersIn: ms, refusesIn: ms, requests: 10_000};
      const clean = await run(service);
      expect((await run({...service, chance: 0.05})).pace).toBeGreaterThan(share * clean.pace);
    },
  );

  it.each([true, false])(
    'and a limit of requests a minute, told in headers: %s, leave it the pace of the limit',
    async tells => {
      const service = {workers: 64, answersIn: 1000, refusesIn: 50, requests: 4800, perMinute: 600, tells};
      // One minute's worth is there at the start.
      const ideal = 4800 / (7 * 60);
      for (const chance of [0, 0.05]) {
        const {pace, refusals} = await run({...service, chance});
        expect(pace).toBeGreaterThan(0.85 * ideal);
        expect(refusals).toBeLessThan(tells ? 0.01 : 0.15);
      }
    },
  );

  it('and a limit of requests at once leave it most of that', async () => {
    const service = {workers: 256, answersIn: 1000, refusesIn: 50, requests: 8000, atOnce: 40};
    for (const chance of [0, 0.05]) {
      const {pace, refusals} = await run({...service, chance});
      expect(pace).toBeGreaterThan(0.65 * 40);
      expect(refusals).toBeLessThan(0.1);
    }
  });
});
