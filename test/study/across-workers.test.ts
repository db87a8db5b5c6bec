import {describe, expect, it} from 'vitest';
import {ensemble} from '../../src/ask/compose/ensemble.ts';
import type {AskPlan} from '../../src/ask/plan/plan.ts';
import {InputError} from '../../src/errors.ts';
import {acrossWorkers, checkWorkers} from '../../src/study/across-workers.ts';
import type {Rate, Teacher} from '../../src/teacher.ts';
import {fakeTeacher} from '../ask/fake-teacher.ts';
import {payingTeacher} from '../ask/paying-teacher.ts';

const label = {kind: 'label'} as const;

function asked(calls: number, tokens?: number): AskPlan {
  const estimate = (value: number) => ({low: value, expected: value, worst: 5 * value});
  const about = {teacher: 'a payer', isService: true, inputs: calls, cached: 0, keptReplies: 0};
  return {...about, calls: estimate(calls), ...(tokens !== undefined && {tokens: estimate(tokens)})};
}

function service(rate: Rate, changes: Partial<Teacher> = {}, account = 'an account'): Teacher {
  const teacher = payingTeacher();
  return {...teacher, concurrency: 16, service: {...teacher.service, account, rate}, ...changes} as Teacher;
}

const grayBox = (account: string) => service({}, {access: 'gray-box'}, account) as Teacher<'gray-box'>;

describe('acrossWorkers', () => {
  it('takes as long as the account allows, however many workers there are', () => {
    const about = service({requestsPerMinute: 5000}, {concurrency: 256});
    expect(acrossWorkers(about, label, asked(10_000_000), {count: 8}, {})).toEqual({
      ...{count: 8, latency: 1, concurrency: 256, bottleneck: 'requestsPerMinute'},
      seconds: {low: 120_000, expected: 120_000, worst: 600_000},
      limits: {requestsPerMinute: 120_000, concurrency: 39_062.5, workers: 10_000_000 / 24_000},
      // One answers 3,000 a second, and the account takes 83.
      enough: 1,
    });
  });

  it('takes as long as the requests at once need, of which more workers have no more', () => {
    const about = service({requestsPerMinute: 60_000}, {concurrency: 16});
    for (const count of [1, 8]) {
      const plan = acrossWorkers(about, label, asked(64_000), {count, latency: 0.5}, {});
      expect(plan).toMatchObject({bottleneck: 'concurrency', seconds: {expected: 2000}, enough: 1});
    }
  });

  it('takes as long as the workers need if they are too few', () => {
    const about = service({requestsPerMinute: 1_440_000}, {concurrency: 100_000});
    const plan = acrossWorkers(about, label, asked(6_000_000), {count: 2, latency: 0.5}, {});
    expect(plan).toMatchObject({bottleneck: 'workers', seconds: {expected: 1000}, enough: 8});
  });

  it('goes by tokens if they last longer, and by the rate that the command gives', () => {
    const about = service({requestsPerMinute: 6000, tokensPerMinute: 1_000_000});
    const plan = acrossWorkers(about, label, asked(6000, 60_000_000), {count: 8}, {});
    expect(plan).toMatchObject({bottleneck: 'tokensPerMinute', seconds: {expected: 3600}});
    const slower = acrossWorkers(about, label, asked(6000, 60_000_000), {count: 8}, {requestsPerMinute: 1});
    expect(slower).toMatchObject({bottleneck: 'requestsPerMinute', seconds: {expected: 360_000}});
  });

  it('says nothing of teachers here, of batches, or of several accounts', () => {
    const here = fakeTeacher({access: 'black-box', detail: label}, () => []);
    expect(acrossWorkers(here, label, asked(5), {count: 8}, {})).toBeUndefined();
    expect(acrossWorkers(service({}), label, {...asked(5), byBatches: true}, {count: 8}, {})).toBeUndefined();
    const both = ensemble([grayBox('one'), grayBox('two')]);
    expect(acrossWorkers(both, label, asked(5), {count: 8}, {})).toBeUndefined();
  });
});

describe('checkWorkers', () => {
  it('refuses workers by halves and seconds that are none', () => {
    expect(() => checkWorkers({count: 1.5})).toThrow(InputError);
    expect(() => checkWorkers({count: 0})).toThrow('Expected a whole number of workers above 0, got 0.');
    expect(() => checkWorkers({count: 1, latency: 0})).toThrow(InputError);
    expect(() => checkWorkers({count: 1, latency: 0.01})).not.toThrow();
  });
});
