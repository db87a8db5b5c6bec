import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {LONGEST_WAIT, readLimits} from '../../src/pace/service-limits.ts';
import type {Reply} from '../../src/teacher.ts';

/** Tue, 24 Nov 2026 12:21:30 GMT */
const NOW = Date.UTC(2026, 10, 24, 12, 21, 30);

describe('readLimits', () => {
  it.each([
    ['0', 0],
    ['120', 120_000],
    [' 1.5 ', 1500],
    ['7s', 7000],
    ['1m30s', 90_000],
    ['Tue, 24 Nov 2026 12:21:37 GMT', 7000],
    ['Tuesday, 24-Nov-26 12:21:37 GMT', 7000],
    ['Tue Nov 24 12:21:37 2026', 7000],
    ['Tue, 24 Nov 2026 12:21:20 GMT', 0],
    ['2026-11-24T12:21:37.250Z', 7250],
    [String(NOW / 1000 + 7), 7000],
    [String(NOW + 7), 7],
    ['172800', LONGEST_WAIT],
    ['99999999999999999999', LONGEST_WAIT],
    ['Fri, 24 Nov 2028 12:21:37 GMT', LONGEST_WAIT],
  ])('reads Retry-After: %s', (text, milliseconds) => {
    expect(readLimits({'retry-after': text}, NOW)).toEqual({retryAfter: milliseconds});
  });

  it.each([
    'soon',
    '',
    '-5',
    'NaN',
    'Infinity',
    '1e3',
    '1,000',
    '0x10',
    '2 minutes',
    '5 GMT',
    'May 5',
    '2026-11-24',
    'Tue, 99 Nov 2026 12:21:37 GMT',
    '9'.repeat(400),
    `${'9'.repeat(400)}s`,
  ])('leaves out Retry-After: %s', text => {
    expect(readLimits({'retry-after': text}, NOW)).toEqual({});
  });

  it('takes the finest of several waits that it can read', () => {
    const all = {'retry-after': '3', 'x-ms-retry-after-ms': '2600', 'retry-after-ms': '2500'};
    expect(readLimits(all, NOW)).toEqual({retryAfter: 2500});
    expect(readLimits({...all, 'retry-after-ms': 'x'}, NOW)).toEqual({retryAfter: 2600});
    expect(readLimits({'retry-after': ['4', '5'], 'retry-after-ms': 'x'}, NOW)).toEqual({retryAfter: 4000});
  });

  it("compares a moment with the service's clock, not with ours", () => {
    const headers = {
      date: 'Tue, 24 Nov 2026 15:00:00 GMT',
      'retry-after': 'Tue, 24 Nov 2026 15:00:05 GMT',
      'anthropic-ratelimit-requests-reset': '2026-11-24T15:00:09Z',
    };
    expect(readLimits(headers, NOW)).toEqual({retryAfter: 5000, requests: {resetIn: 9000}});
    expect(readLimits({...headers, date: 'today'}, NOW).retryAfter).toBe(9_515_000);
  });

  it.each([
    ['1m30s', 90_000],
    ['6ms', 6],
    ['0ms', 0],
    ['1h2m3.5s', 3_723_500],
    ['7.66s', 7660],
    ['120µs', 0.12],
    ['1d', LONGEST_WAIT],
    ['2d', LONGEST_WAIT],
    ['12', 12_000],
    ['0.25', 250],
    [String(NOW / 1000 + 60), 60_000],
    [String(NOW + 60_000), 60_000],
    [String(NOW / 1000 - 60), 0],
    ['2026-11-24T12:21:33Z', 3000],
    ['2026-11-24T13:21:33+01:00', 3000],
  ])('reads a reset of %s', (text, resetIn) => {
    expect(readLimits({'x-ratelimit-reset-tokens': text}, NOW)).toEqual({tokens: {resetIn}});
  });

  it("reads OpenAI's quotas", () => {
    const headers = {
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-reset-requests': '1s',
      'x-ratelimit-limit-tokens': '150000',
      'x-ratelimit-remaining-tokens': '149984',
      'x-ratelimit-reset-tokens': '6m0s',
    };
    expect(readLimits(headers, NOW)).toEqual({
      requests: {limit: 60, remaining: 59, resetIn: 1000},
      tokens: {limit: 150_000, remaining: 149_984, resetIn: 360_000},
    });
  });

  it("reads Anthropic's quotas", () => {
    const reset = '2026-11-24T12:22:00Z';
    const headers = Object.fromEntries(
      ['requests', 'tokens', 'input-tokens', 'output-tokens'].flatMap((kind, index) => [
        [`anthropic-ratelimit-${kind}-limit`, String(100 + index)],
        [`anthropic-ratelimit-${kind}-remaining`, String(index)],
        [`anthropic-ratelimit-${kind}-reset`, reset],
      ]),
    );
    expect(readLimits(headers, NOW)).toEqual({
      requests: {limit: 100, remaining: 0, resetIn: 30_000},
      tokens: {limit: 101, remaining: 1, resetIn: 30_000},
      inputTokens: {limit: 102, remaining: 2, resetIn: 30_000},
      outputTokens: {limit: 103, remaining: 3, resetIn: 30_000},
    });
  });

  it.each<[string, Reply['headers']]>([
    ['x-ratelimit-*', {'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '50', 'x-ratelimit-reset': '30'}],
    ['ratelimit-*', {'ratelimit-limit': '100, 100;w=60', 'ratelimit-remaining': '50', 'ratelimit-reset': '30'}],
    ['one RateLimit', {ratelimit: 'limit=100, remaining=50, reset=30'}],
    ['a named RateLimit', {ratelimit: '"default";r=50;t=30', 'ratelimit-policy': '"default";q=100;w=60'}],
    [
      'the least of several named ones',
      {ratelimit: '"day, all";r=900;t=7000, "minute";r=50;t=30', 'ratelimit-policy': '"day, all";q=1, "minute";q=100'},
    ],
  ])('reads %s', (_, headers) => {
    expect(readLimits(headers, NOW)).toEqual({requests: {limit: 100, remaining: 50, resetIn: 30_000}});
  });

  it('reads nothing if there is nothing', () => {
    expect(readLimits({'content-type': 'text/plain', server: 'x', ratelimit: undefined}, NOW)).toEqual({});
  });

  it('never gives a number that is negative, infinite or NaN, nor a wait of more than a day, whatever it reads', () => {
    const part = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.integer().map(String),
      fc.date({noInvalidDate: true}).map(date => date.toUTCString()),
      fc.date({noInvalidDate: true}).map(date => date.toISOString()),
      fc.tuple(fc.nat(), fc.constantFrom('ns', 'ms', 's', 'm', 'h', 'd')).map(written => written.join('')),
      fc.tuple(fc.string(), fc.nat(), fc.double()).map(([name, r, t]) => `"${name}";r=${r};t=${t}`),
    );
    const several = fc.tuple(fc.array(part), fc.constantFrom('', ', ', ';')).map(([parts, comma]) => parts.join(comma));
    const text = fc.oneof(part, several);
    const names = [
      ...['date', 'retry-after', 'retry-after-ms', 'x-ms-retry-after-ms', 'ratelimit', 'ratelimit-policy'],
      ...['x-ratelimit-limit', 'x-ratelimit-remaining-tokens', 'x-ratelimit-reset-requests', 'ratelimit-reset'],
      ...['anthropic-ratelimit-input-tokens-remaining', 'anthropic-ratelimit-output-tokens-reset'],
    ];
    const headers = fc.dictionary(fc.constantFrom(...names), fc.oneof(text, fc.array(text)));
    fc.assert(
      fc.property(headers, fc.double({min: 0, max: 4e12, noNaN: true}), (written, now) => {
        const {retryAfter = 0, ...quotas} = readLimits(written, now);
        const waits = [retryAfter, ...Object.values(quotas).map(({resetIn = 0}) => resetIn)];
        const counts = Object.values(quotas).flatMap(({limit = 0, remaining = 0}) => [limit, remaining]);
        for (const value of [...waits, ...counts]) expect(Number.isFinite(value) && value >= 0).toBe(true);
        for (const wait of waits) expect(wait).toBeLessThanOrEqual(LONGEST_WAIT);
      }),
      {numRuns: 2000},
    );
  });
});
