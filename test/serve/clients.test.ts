import {describe, expect, it} from 'vitest';
import {ClientRates} from '../../src/serve/clients.ts';
import {RequestFailure} from '../../src/serve/router.ts';
import {post, services} from './services.ts';

const start = services();

/** Rates on a clock of their own. */
function ratesOf(perMinute: number) {
  const clock = {now: 0};
  const rates = new ClientRates(perMinute, () => clock.now);
  const admitted = (client: string): boolean => {
    try {
      rates.admit(client);
      return true;
    } catch (error) {
      if (error instanceof RequestFailure && error.status === 429) return false;
      throw error;
    }
  };
  return {clock, rates, admitted};
}

describe('ClientRates', () => {
  it('lets a tenth of a minute go at once, and then one as each becomes free', () => {
    const {clock, admitted} = ratesOf(60);
    expect(Array.from({length: 8}, () => admitted('a'))).toEqual([...new Array(6).fill(true), false, false]);
    clock.now += 999;
    expect(admitted('a')).toBe(false);
    clock.now += 1;
    expect([admitted('a'), admitted('a')]).toEqual([true, false]);
    clock.now += 3_600_000;
    expect(Array.from({length: 7}, () => admitted('a'))).toEqual([...new Array(6).fill(true), false]);
  });

  it('counts each client by itself', () => {
    const {admitted} = ratesOf(1);
    expect([admitted('a'), admitted('a'), admitted('b')]).toEqual([true, false, true]);
  });

  it('says how long to wait', () => {
    const {rates, clock} = ratesOf(6);
    rates.admit('a');
    clock.now += 2500;
    expect(() => rates.admit('a')).toThrow(
      expect.objectContaining({status: 429, headers: {'retry-after': '8'}, message: expect.stringContaining('8 s')}),
    );
  });

  it('remembers whoever sent much among any number of others', () => {
    const {admitted, clock} = ratesOf(6);
    for (let client = 0; client < 25_000; client++) {
      expect(admitted(`client ${client}`)).toBe(true);
      clock.now += 0.01;
    }
    expect(admitted('client 24999')).toBe(false);
  });
});

describe('a rate', () => {
  it('refuses what is too much with the time to wait, and neither health checks nor others', async () => {
    const service = await start({rate: 20});
    const statuses: number[] = [];
    for (let index = 0; index < 3; index++) statuses.push((await post(service, '/classify', {text: 'ham'})).status);
    expect(statuses).toEqual([200, 200, 429]);
    const refused = await post(service, '/classify', {text: 'ham'});
    expect(refused.headers.get('retry-after')).toBe('3');
    expect(refused.body).toEqual({error: 'Too many requests. Send the next one in 3 s.'});
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
  });

  it('tells clients apart by their keys where there are several', async () => {
    const service = await start({rate: 5, key: ['one', 'two']});
    const send = async (key: string) =>
      (await post(service, '/classify', {text: 'ham'}, {authorization: `Bearer ${key}`})).status;
    expect([await send('one'), await send('one'), await send('two'), await send('three')]).toEqual([
      200, 429, 200, 401,
    ]);
  });

  it('is above 0', async () => {
    await expect(start({rate: 0})).rejects.toThrow('Expected `rate` to be above 0, got 0.');
  });
});
