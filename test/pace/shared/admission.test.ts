import {describe, expect, it} from 'vitest';
import {randomFraction, seededRandom} from '../../../src/data/random.ts';
import {LateError, SharedAdmission, type SharedAdmissionOptions} from '../../../src/pace/shared/admission.ts';
import type {Reply} from '../../../src/teacher.ts';
import {VirtualClock} from '../virtual-clock.ts';
import {FakeCell} from './fake-cell.ts';

const FINE: Reply = {status: 200, headers: {}, body: ''};

/** Some processes over one cell, in front of one service. */
function processes(
  count: number,
  rates: SharedAdmissionOptions['rates'],
  respond: (count: number) => Reply = () => FINE,
) {
  const clock = new VirtualClock();
  const draw = seededRandom(count);
  const random = () => randomFraction(draw);
  const cell = new FakeCell(clock, () => 0.1 + 0.4 * random());
  const options = {rates, cell, now: clock.now, sleep: clock.sleep, random};
  const admissions = Array.from({length: count}, () => new SharedAdmission(options));
  /** When each request arrived, and from whom. */
  const arrivals: {readonly at: number; readonly from: number}[] = [];
  let [inFlight, busiest] = [0, 0];
  const send = (from: number) => async () => {
    arrivals.push({at: clock.now(), from});
    busiest = Math.max(busiest, ++inFlight);
    const reply = respond(arrivals.length);
    await clock.sleep(reply.status === 429 ? 50 : 300 + 400 * random());
    inFlight--;
    return reply;
  };
  const ask = async (from: number) => {
    let reply: Reply;
    let isAgain = false;
    do {
      reply = await admissions[from]!.run({send: send(from), isAgain});
      isAgain = true;
    } while (reply.status === 429);
  };
  /** Keeps so many requests of each process waiting or under way for some time. */
  const load = async (each: number, milliseconds: number) => {
    const end = clock.now() + milliseconds;
    const loops = admissions.flatMap((_, from) =>
      Array.from({length: each}, async () => {
        while (clock.now() < end) await ask(from);
      }),
    );
    await clock.until(Promise.all(loops));
  };
  return {clock, cell, admissions, arrivals, ask, load, busiest: () => busiest};
}

/** The most arrivals in any minute. */
function busiestMinute(arrivals: readonly {readonly at: number}[]): number {
  const times = arrivals.map(({at}) => at).sort((one, other) => one - other);
  let [most, from] = [0, 0];
  for (const [index, at] of times.entries()) {
    while (times[from]! <= at - 60_000) from++;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

describe('the admission that processes share', () => {
  it.each([1, 3])(
    'lets %i processes use 97 of 100 parts of a given rate at least and never more than all, and is fair',
    async count => {
      const rate = 1200;
      const all = processes(count, {concurrency: 64, requestsPerMinute: rate});
      await all.load(Math.ceil(64 / count), 125_000);
      const start = all.arrivals[0]!.at;
      const within = all.arrivals.filter(({at}) => at >= start + 61_000 && at < start + 121_000);
      expect(busiestMinute(all.arrivals)).toBeLessThanOrEqual(rate);
      expect(within.length).toBeGreaterThanOrEqual(0.97 * rate);
      const each = all.admissions.map((_, from) => all.arrivals.filter(arrival => arrival.from === from).length);
      expect(Math.min(...each)).toBeGreaterThan(0.7 * Math.max(...each));
    },
  );

  it('never passes a rate when the way to the cell fails one time in ten, before or after its effect', async () => {
    const all = processes(3, {concurrency: 16, requestsPerMinute: 300});
    const draw = seededRandom(9);
    all.cell.fails = () => {
      const fate = randomFraction(draw);
      return fate < 0.05 ? 'there' : fate < 0.1 ? 'back' : undefined;
    };
    await all.load(8, 90_000);
    expect(busiestMinute(all.arrivals)).toBeLessThanOrEqual(300);
    expect(all.arrivals.length).toBeGreaterThan(0.9 * 450);
    expect(all.admissions[0]!.state).toMatchObject({waiting: 0});
  });

  it('makes a pause of one a pause of all', async () => {
    const wait: Reply = {status: 429, headers: {'retry-after': '30'}, body: ''};
    const all = processes(4, {concurrency: 8}, count => (count === 20 ? wait : FINE));
    await all.load(4, 20_000);
    const at = all.arrivals[19]!.at;
    // What was on its way when the refusal came is all that goes out.
    const during = all.arrivals.filter(arrival => arrival.at > at + 60 && arrival.at < at + 30_000);
    expect(during).toEqual([]);
    expect(all.arrivals.at(-1)!.at).toBeGreaterThan(at + 30_000);
  });

  it('has no more requests under way than the account takes, and leaves no process without its turn', async () => {
    const all = processes(4, {concurrency: 2});
    await all.load(2, 60_000);
    expect(all.busiest()).toBe(2);
    const each = all.admissions.map((_, from) => all.arrivals.filter(arrival => arrival.from === from).length);
    expect(Math.min(...each)).toBeGreaterThan(0.1 * all.arrivals.length);
    expect(all.arrivals.length).toBeGreaterThan(0.85 * 240);
  });

  it('counts the requests of a process that died for half a minute, and then gives its part to the others', async () => {
    const all = processes(2, {concurrency: 2});
    const {clock, admissions, cell} = all;
    void admissions[0]!.run({send: () => new Promise(() => {})});
    void admissions[0]!.run({send: () => new Promise(() => {})});
    await clock.pass(100);
    // The first one says nothing any more.
    const {text, version} = cell;
    await clock.until(admissions[0]!.close());
    Object.assign(cell, {text, version});
    const died = clock.now();
    await clock.until(all.ask(1));
    expect(all.arrivals[0]!.at - died).toBeGreaterThan(25_000);
    expect(all.arrivals[0]!.at - died).toBeLessThan(35_000);
  });

  it('counts three seconds of the rate as used when the server has lost the state, and goes on with what it knew', async () => {
    const all = processes(2, {concurrency: 16, requestsPerMinute: 600});
    const loading = all.load(8, 90_000);
    const losing = (async () => {
      await all.clock.sleep(30_000);
      all.cell.version = '';
      all.cell.text = undefined;
    })();
    await Promise.all([loading, losing]);
    expect(busiestMinute(all.arrivals)).toBeLessThanOrEqual(600);
    expect(all.arrivals.length).toBeGreaterThan(0.9 * 900);
  });

  it('says nothing when nothing waits and nothing is under way', async () => {
    const all = processes(2, {concurrency: 4});
    await all.load(1, 1000);
    await all.clock.pass(1000);
    const before = all.cell.exchanges;
    await all.clock.pass(600_000);
    expect(all.cell.exchanges).toBe(before);
  });

  it('lets a request that could not be sent in time wait again, and sends it once', async () => {
    const {clock, admissions} = processes(1, {concurrency: 1});
    let sends = 0;
    const send = async () => {
      if (sends++ === 0) throw new LateError('late');
      return FINE;
    };
    expect(await clock.until(admissions[0]!.run({send}))).toBe(FINE);
    expect(sends).toBe(2);
  });

  it('lets a waiting request give up, before and while it is admitted', async () => {
    const {clock, admissions, arrivals, ask} = processes(1, {concurrency: 1});
    const busy = ask(0);
    const stop = new AbortController();
    const waiting = admissions[0]!.run({send: async () => FINE, signal: stop.signal});
    await clock.pass(100);
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await clock.until(busy);
    const other = new AbortController();
    const dropped = admissions[0]!.run({send: async () => FINE, signal: other.signal});
    await clock.pass(2.2);
    other.abort(new Error('now'));
    await clock.until(Promise.allSettled([dropped]));
    await clock.until(ask(0));
    expect(arrivals).toHaveLength(2);
  });
});
