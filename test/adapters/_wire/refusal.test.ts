import {describe, expect, it} from 'vitest';
import {statusError} from '../../../adapters/_wire/refusal.ts';
import type {Reply} from '../../../src/teacher.ts';

const refused = (status: number, headers: Reply['headers'] = {}) =>
  statusError({name: 'a service', key: () => undefined}, {status, headers, body: ''});

describe('statusError', () => {
  it.each([
    [429, {'retry-after': '7'}, 7000],
    [500, {'retry-after': '7'}, 7000],
    [504, {'retry-after-ms': '250', 'retry-after': '1'}, 250],
    [503, {'x-ms-retry-after-ms': '1500'}, 1500],
    [408, {}, undefined],
    [500, {'retry-after': 'later'}, undefined],
    [500, {'retry-after': '-3'}, undefined],
    [500, {'retry-after': '0'}, undefined],
    [503, {'retry-after': '999999999'}, 86_400_000],
    [400, {'retry-after': '7'}, undefined],
  ] as const)('of a %i with the headers %j asks to wait %s ms', (status, headers, wait) => {
    expect(refused(status, headers).retryAfter).toBe(wait);
  });

  it('reads a moment as how long it is until then', () => {
    const {retryAfter} = refused(503, {'retry-after': new Date(Date.now() + 90_000).toUTCString()});
    expect(retryAfter).toBeGreaterThan(80_000);
    expect(retryAfter).toBeLessThanOrEqual(90_000);
    expect(refused(503, {'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT'}).retryAfter).toBeUndefined();
  });

  it('says of a status whether asking again can help', () => {
    const statuses = [
      301, 302, 303, 307, 308, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529,
    ];
    const retryable = statuses.filter(status => refused(status).retryable);
    expect(retryable).toEqual([408, 409, 429, 500, 502, 503, 504, 529]);
    expect(refused(409).message).toBe(
      'Teacher a service: It answered 409. Something else blocked the request. Ask again later.',
    );
  });
});
