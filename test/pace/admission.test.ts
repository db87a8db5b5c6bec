import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {
  type Admission,
  type AdmissionOptions,
  type AdmissionRequest,
  createAdmission,
} from '../../src/pace/admission.ts';
import type {Reply, Usage} from '../../src/teacher.ts';
import {VirtualClock} from './virtual-clock.ts';

const FINE: Reply = {status: 200, headers: {}, body: ''};
const refusal = (headers: Reply['headers'] = {}): Reply => ({status: 429, headers, body: ''});

interface Service {
  readonly clock: VirtualClock;
  readonly admission: Admission;
  /** When each request arrived. */
  readonly arrivals: number[];
  /** The most that were under way at once. */
  busiest: number;
  /** Asks until the answer isn't a 429. @returns the statuses of all replies */
  ask(request?: Partial<AdmissionRequest>): Promise<number[]>;
}

/**
 * A pool in front of a service that takes a second for an answer, and little for a refusal.
 *
 * @param respond - decides at a request's arrival
 */
function pool(
  options: Partial<AdmissionOptions>,
  respond: (arrival: {readonly now: number; readonly inFlight: number; readonly count: number}) => Reply,
): Service {
  const clock = new VirtualClock();
  const admission = createAdmission({
    concurrency: 64,
    now: clock.now,
    sleep: clock.sleep,
    random: () => 0.5,
    ...options,
  });
  const arrivals: number[] = [];
  let inFlight = 0;
  const send = async () => {
    inFlight++;
    arrivals.push(clock.now());
    service.busiest = Math.max(service.busiest, inFlight);
    const reply = respond({now: clock.now(), inFlight, count: arrivals.length});
    await clock.sleep(reply.status === 429 ? 50 : 1000);
    inFlight--;
    return reply;
  };
  const ask = async (request: Partial<AdmissionRequest> = {}) => {
    const statuses: number[] = [];
    while (statuses.length === 0 || statuses.at(-1) === 429) {
      const isAgain = statuses.length > 0;
      statuses.push((await admission.run({send, isAgain, ...request})).status);
    }
    return statuses;
  };
  const service = {clock, admission, arrivals, busiest: 0, ask};
  return service;
}

const times = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({length: count}, make));

/** Counts requests a minute and refuses more, in windows of a minute or in a bucket that fills all the time. */
function perMinute(limit: number, kind: 'window' | 'bucket', tells = true) {
  let [left, since] = [limit, 0];
  return ({now}: {readonly now: number}): Reply => {
    if (since === 0) since = now;
    const passed = now - since;
    if (kind === 'bucket') [left, since] = [Math.min(limit, left + (passed / 60_000) * limit), now];
    else if (passed >= 60_000) [left, since] = [limit, since + Math.floor(passed / 60_000) * 60_000];
    const allowed = left >= 1;
    if (allowed) left--;
    const full = kind === 'bucket' ? ((limit - left) / limit) * 60_000 : since + 60_000 - now;
    const one = kind === 'bucket' ? ((1 - left) / limit) * 60_000 : full;
    const headers = {
      ...(tells && {
        'x-ratelimit-limit-requests': String(limit),
        'x-ratelimit-remaining-requests': String(Math.floor(left)),
        'x-ratelimit-reset-requests': `${Math.ceil(full)}ms`,
      }),
      ...(!allowed && {'retry-after-ms': String(Math.ceil(one))}),
    };
    return {status: allowed ? 200 : 429, headers, body: ''};
  };
}

describe('createAdmission', () => {
  it('refuses a limit that is not a whole number above 0, and takes an endless concurrency', () => {
    for (const options of [{concurrency: 0}, {concurrency: 2.5}, {concurrency: 1, requestsPerMinute: -1}]) {
      expect(() => createAdmission(options)).toThrow(InputError);
    }
    expect(() => createAdmission({concurrency: 1, tokensPerMinute: Number.NaN})).toThrow('`tokensPerMinute`');
    expect(createAdmission({concurrency: Number.POSITIVE_INFINITY}).state.limit).toBe(8);
  });

  it('waits 120 s once for the whole pool after a 429 that says so, wakes it staggered and cuts its limit once', async () => {
    const draws = [0.9, 0.1, 0.5, 0.7, 0.3];
    let drawn = 0;
    const random = () => draws[drawn++ % draws.length]!;
    const service = pool({random}, ({count}) => (count <= 8 ? refusal({'retry-after': '120'}) : FINE));
    const {clock, admission, arrivals} = service;
    const start = clock.now();
    const all = times(20, () => service.ask());
    await clock.pass(1500);
    expect(admission.state).toMatchObject({limit: 6, inFlight: 0, waiting: 20, refused: 8, resumesIn: 118_550});
    const statuses = await clock.until(all);
    expect(statuses.filter(replies => replies.length === 2)).toHaveLength(8);
    expect(admission.state.changes.map(({limit}) => limit)).toEqual([8, 6, 7, 8]);
    const later = arrivals.slice(8).map(at => at - start - 50);
    expect(Math.min(...later)).toBeGreaterThanOrEqual(120_000);
    expect(Math.max(...later.slice(0, 6))).toBeLessThanOrEqual(120_000 * 1.2);
    expect(new Set(later.slice(0, 6)).size).toBe(6);
  });

  it('makes the pause longer if a request of the same episode is told to wait longer', async () => {
    const service = pool({}, ({count}) => (count <= 3 ? refusal({'retry-after': String(count * 10)}) : FINE));
    const start = service.clock.now();
    await service.clock.until(times(3, () => service.ask()));
    expect(service.arrivals[3]! - start).toBeGreaterThanOrEqual(30_050);
    expect(service.admission.state).toMatchObject({limit: 6, refused: 3});
  });

  it('backs off twice as long each time if a 429 says nothing, and starts again after an answer', async () => {
    const service = pool({random: () => 0}, ({count}) => (count === 4 || count > 5 ? FINE : refusal()));
    await service.clock.until(service.ask());
    await service.clock.until(service.ask());
    const [first, ...others] = service.arrivals;
    expect(others.map(at => at - first!)).toEqual([1050, 3100, 7150, 8150, 9200]);
  });

  it('backs off once for all that were refused together', async () => {
    const service = pool({}, ({count}) => (count <= 8 ? refusal({'retry-after': '0'}) : FINE));
    const all = times(8, () => service.ask());
    await service.clock.pass(60);
    expect(service.admission.state).toMatchObject({limit: 6, refused: 8, resumesIn: 990});
    await service.clock.until(all);
  });

  it('waits for the reset of a spent quota, whatever a gateway without a word of it answers in between', async () => {
    const spent = {'x-ratelimit-remaining-tokens': '0', 'x-ratelimit-reset-tokens': '30s'};
    const service = pool({}, ({count}) => {
      if (count === 1) return refusal(spent);
      return count === 2 ? {status: 502, headers: {}, body: ''} : FINE;
    });
    await service.clock.until(times(2, () => service.ask()));
    expect(service.arrivals[2]! - service.arrivals[0]!).toBeGreaterThanOrEqual(30_050);
  });

  it.each([503, 529])('pauses the pool after a %i that says for how long, and cuts nothing', async status => {
    const service = pool({}, ({count}) => (count === 1 ? {status, headers: {'retry-after': '5'}, body: ''} : FINE));
    await service.clock.until(service.ask());
    await service.clock.until(service.ask());
    expect(service.arrivals[1]! - service.arrivals[0]!).toBeGreaterThanOrEqual(6000);
    expect(service.admission.state).toMatchObject({limit: 8, refused: 0});
  });

  it('goes on at once after any other failure, and after a request without a reply', async () => {
    const service = pool({concurrency: 1}, () => ({status: 500, headers: {'retry-after': '5'}, body: ''}));
    await service.clock.until(service.ask());
    const gone = new Error('gone');
    await expect(service.admission.run({send: () => Promise.reject(gone)})).rejects.toBe(gone);
    await service.clock.until(service.ask());
    expect(service.arrivals[1]! - service.arrivals[0]!).toBe(1000);
    expect(service.admission.state).toMatchObject({inFlight: 0, waiting: 0});
  });

  it('does not grow in a round in which the service failed', async () => {
    const service = pool({}, ({count}) => (count === 3 ? {status: 500, headers: {}, body: ''} : FINE));
    await service.clock.until(times(9, () => service.ask()));
    expect(service.admission.state.limit).toBe(8);
    await service.clock.until(times(8, () => service.ask()));
    expect(service.admission.state.limit).toBe(16);
  });

  it('does not count requests without a reply as being on their way', async () => {
    const told = {'ratelimit-limit': '10', 'ratelimit-remaining': '3', 'ratelimit-reset': '60'};
    const service = pool({}, () => ({...FINE, headers: told}));
    await Promise.allSettled(
      [1, 2, 3, 4, 5].map(() => service.admission.run({send: () => Promise.reject(new Error())})),
    );
    await service.clock.until(service.ask());
    await service.clock.until(service.ask());
    expect(service.arrivals[1]! - service.arrivals[0]!).toBe(1000);
  });

  it('gives back the tokens of a request that failed', async () => {
    const estimate = {inputTokens: 40, outputTokens: 20};
    const service = pool({tokensPerMinute: 100}, () => ({status: 400, headers: {}, body: ''}));
    await service.clock.until(service.ask({estimate}));
    await service.clock.until(service.ask({estimate}));
    expect(service.arrivals[1]! - service.arrivals[0]!).toBe(1000);
  });

  it('goes on after a usage or an estimate that is no number', async () => {
    const service = pool({tokensPerMinute: 100}, () => FINE);
    const broken = {inputTokens: Number.NaN, outputTokens: 1};
    const endless = {inputTokens: 1, outputTokens: Number.POSITIVE_INFINITY};
    const requests = [{usageOf: () => broken}, {estimate: endless}, {}].map(request => service.ask(request));
    await service.clock.until(Promise.all(requests));
    expect(service.arrivals.at(-1)! - service.arrivals[0]!).toBeLessThan(5000);
  });

  it('lets no small request pass a large one that waits', async () => {
    const service = pool({tokensPerMinute: 100}, () => FINE);
    const order: string[] = [];
    const ask = (name: string, inputTokens: number) =>
      service.ask({estimate: {inputTokens, outputTokens: 0}}).then(() => order.push(name));
    const large = [ask('first', 60), ask('second', 60)];
    await service.clock.pass(40_000);
    await service.clock.until(Promise.all([...large, ask('small', 10)]));
    expect(order).toEqual(['first', 'second', 'small']);
  });

  it('looks again earlier if the one that waited longest gives up, with one timer still', async () => {
    const service = pool({tokensPerMinute: 100}, () => FINE);
    const stop = new AbortController();
    const tokens = (inputTokens: number) => ({estimate: {inputTokens, outputTokens: 0}});
    await service.clock.until(service.ask(tokens(60)));
    const large = service.ask({...tokens(100), signal: stop.signal});
    const small = service.ask(tokens(10));
    await service.clock.pass(1000);
    stop.abort();
    await expect(large).rejects.toThrow();
    await service.clock.pass(1000);
    expect(service.clock.asleep).toBe(1);
    await service.clock.until(small);
    expect(service.arrivals[1]! - service.arrivals[0]!).toBeLessThan(40_000);
  });

  it('sends in the order in which it was asked, never more at once than it may', async () => {
    const service = pool({concurrency: 3}, () => FINE);
    const order: number[] = [];
    const requests = Array.from({length: 30}, (_, index) =>
      service.admission.run({
        send: async () => {
          order.push(index);
          expect(service.admission.state.inFlight).toBeLessThanOrEqual(3);
          await service.clock.sleep(index % 4);
          return FINE;
        },
      }),
    );
    await service.clock.until(Promise.all(requests));
    expect(order).toEqual([...order.keys()]);
  });

  it('sends again first what was sent before, in order, and then what never was', async () => {
    const {clock, admission} = pool({concurrency: 1}, () => FINE);
    const order: string[] = [];
    const run = (name: string, isAgain: boolean) => {
      const send = async () => {
        order.push(name);
        await clock.sleep(1000);
        return FINE;
      };
      return admission.run({send, isAgain});
    };
    const all = [run('first', false), run('new', false), run('again 1', true), run('newer', false)];
    expect(admission.state.waiting).toBe(3);
    all.push(run('again 2', true));
    await clock.until(Promise.all(all));
    expect(order).toEqual(['first', 'again 1', 'again 2', 'new', 'newer']);
    expect(admission.state.waiting).toBe(0);
  });

  it('rejects a waiting request at once when its signal aborts, and lets the others go on', async () => {
    const service = pool({concurrency: 1}, ({count}) => (count === 1 ? refusal({'retry-after': '60'}) : FINE));
    const {clock, admission} = service;
    const stop = new AbortController();
    const kept = [service.ask(), service.ask()];
    const dropped = Promise.allSettled([...new Array(100).keys()].map(() => service.ask({signal: stop.signal})));
    const last = service.ask({signal: new AbortController().signal});
    await clock.pass(10_000);
    expect(admission.state.waiting).toBe(103);
    const reason = new Error('enough');
    stop.abort(reason);
    for (const result of await dropped) expect(result).toEqual({status: 'rejected', reason});
    expect(admission.state).toMatchObject({waiting: 3, inFlight: 0});
    expect(await clock.until(Promise.all([...kept, last]))).toEqual([[429, 200], [200], [200]]);
    expect(service.arrivals).toHaveLength(4);
    await expect(service.ask({signal: stop.signal})).rejects.toBe(reason);
    expect(service.arrivals).toHaveLength(4);
  });

  it('holds no timer when nobody waits', async () => {
    const service = pool({}, () => refusal({'retry-after': '60'}));
    const stop = new AbortController();
    const asked = service.ask({signal: stop.signal});
    await service.clock.pass(2000);
    expect(service.clock.asleep).toBe(1);
    stop.abort();
    await expect(asked).rejects.toThrow();
    expect(service.clock.asleep).toBe(0);
  });

  it('holds one timer, however many wait', async () => {
    const service = pool({requestsPerMinute: 60}, () => FINE);
    const all = times(500, () => service.ask());
    await service.clock.pass(5000);
    const [sleeps, sent] = [service.clock.sleeps, service.arrivals.length];
    await service.clock.pass(60_000);
    expect(service.arrivals.length - sent).toBeGreaterThan(50);
    // One sleep of the service and one timer for each request, and the one of the test.
    expect(service.clock.sleeps - sleeps).toBeLessThanOrEqual(3 * (service.arrivals.length - sent));
    expect(service.clock.asleep).toBeLessThanOrEqual(2);
    await service.clock.until(all);
  });

  describe('against a service that counts', () => {
    it.each([
      ['window', 600, 6000],
      ['bucket', 600, 6000],
      ['window', 60, 600],
      ['bucket', 60, 600],
    ] as const)(
      'a %s of %i a minute that tells, is used to 0.85 at least, with few refusals',
      async (kind, limit, count) => {
        const service = pool({}, perMinute(limit, kind));
        const start = service.clock.now();
        await service.clock.until(times(count, () => service.ask()));
        // The service lets one limit go at the start.
        const ideal = ((count - limit) / limit) * 60_000;
        expect((service.clock.now() - start) * 0.85).toBeLessThanOrEqual(ideal);
        expect(service.admission.state.refused).toBeLessThanOrEqual(3);
      },
    );

    it.each(['window', 'bucket'] as const)(
      'a %s that does not tell is used to 0.85 at least where the user sets its limit',
      async kind => {
        const service = pool({requestsPerMinute: 300}, perMinute(300, kind, false));
        const start = service.clock.now();
        await service.clock.until(times(3000, () => service.ask()));
        expect((service.clock.now() - start) * 0.85).toBeLessThanOrEqual(600_000);
        expect(service.admission.state.refused).toBe(0);
      },
    );

    it.each([
      ['window', 3, 0.2],
      ['bucket', 6, 0.2],
    ] as const)(
      'a %s that tells nothing answers everyone, after %i attempts at most and %d refusals an answer',
      async (kind, most, share) => {
        const service = pool({}, perMinute(120, kind, false));
        const start = service.clock.now();
        const statuses = await service.clock.until(times(1200, () => service.ask()));
        expect((service.clock.now() - start) * 0.85).toBeLessThanOrEqual(9 * 60_000);
        expect(Math.max(...statuses.map(({length}) => length))).toBeLessThanOrEqual(most);
        expect(service.admission.state.refused / 1200).toBeLessThanOrEqual(share);
      },
    );

    it('grows up to what a service takes at once, and not far beyond', async () => {
      const service = pool({concurrency: 512}, ({inFlight}) =>
        inFlight > 40 ? refusal({'retry-after-ms': '500'}) : FINE,
      );
      const start = service.clock.now();
      await service.clock.until(times(20_000, () => service.ask()));
      expect(20_000 / ((service.clock.now() - start) / 1000)).toBeGreaterThanOrEqual(0.85 * 40);
      expect(service.admission.state.refused).toBeLessThanOrEqual(0.02 * 20_000);
      expect(service.busiest).toBe(64);
    });

    it('reserves the tokens of a request and gives back what it did not use', async () => {
      const usage = (inputTokens: number): Usage => ({inputTokens, outputTokens: 0});
      const request = {estimate: usage(1000), usageOf: () => usage(100)};
      const service = pool({tokensPerMinute: 6000, concurrency: 4}, () => FINE);
      const start = service.clock.now();
      await service.clock.until(times(300, () => service.ask(request)));
      const minutes = (service.clock.now() - start) / 60_000;
      expect(minutes).toBeGreaterThanOrEqual(4.5);
      expect(minutes * 0.85).toBeLessThanOrEqual(5);
    });
  });
});
