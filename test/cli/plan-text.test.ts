import {describe, expect, it} from 'vitest';
import {planText} from '../../src/cli/plan.ts';
import type {LevelPlan, StudyPlan} from '../../src/study/plan.ts';

const nothing = {low: 0, expected: 0, worst: 0};

const paid: LevelPlan = {
  ...{level: 'gray-box', about: 'transfer set', teacher: 'chat m1', isService: true, inputs: 2000, cached: 1200},
  ...{keptReplies: 12, calls: {low: 13, expected: 13, worst: 65}, tokens: {low: 90_000, expected: 120_000, worst: 1e6}},
  ...{usd: {low: 0.31, expected: 0.42, worst: 2.1}, seconds: {low: 240, expected: 260, worst: 4000}},
};

function plan(...levels: readonly LevelPlan[]): StudyPlan {
  return {name: 'digits', cache: '.limbeck/answers', levels, total: paid};
}

describe('planText', () => {
  it('shows a level with what it takes at least, is expected to take and takes at most', () => {
    expect(planText(plan(paid)).split('\n\n')[1]).toBe(
      [
        'gray-box, transfer set: chat m1',
        '  2,000 inputs, 1,200 cached, 800 to ask',
        '                at least        expected         at most',
        '  calls               13              13              65',
        '  tokens          90,000         120,000       1,000,000',
        '  USD              $0.31           $0.42           $2.10',
        '  time         4 min 0 s      4 min 20 s       1 h 6 min',
        '  Expected: every request is answered at the first try, with replies as long as before (mean of 12 requests).',
      ].join('\n'),
    );
  });

  it('names the part that alone is planned', () => {
    const part = {rows: {from: 0, to: 500}, of: 2000};
    expect(planText({...plan(paid), part})).toMatch(/^What asking takes for rows 0:500 of 2000 of digits, with /);
  });

  it('shows the ways to ask side by side, by their money or else by their tokens', () => {
    const way = {pack: 1, byBatches: false, isPlanned: true, keptReplies: 12, calls: paid.calls, tokens: paid.tokens!};
    const packed = {...way, pack: 16, byBatches: true, isPlanned: false, calls: nothing, tokens: nothing};
    const ways = [
      {...way, usd: paid.usd!},
      {...packed, usd: {low: 0.02, expected: 0.03, worst: 0.9}},
    ];
    expect(
      planText(plan({...paid, ways}))
        .split('\n')
        .slice(10, 13),
    ).toEqual([
      '  Ways to ask                                calls    expected USD     at most USD    replies kept',
      '  one by one (as planned)                       13           $0.42           $2.10              12',
      '  16 a request, batch lane                       0          $0.030           $0.90              12',
    ]);
    const {usd: _, ...unpriced} = paid;
    expect(planText(plan({...unpriced, ways: [way, packed]}))).toContain(
      '  one by one (as planned)                       13         120,000       1,000,000              12',
    );
  });

  it('says how long workers of a queue take, and what limits them', () => {
    const workers = {
      ...{count: 8, latency: 0.5, concurrency: 16, bottleneck: 'requestsPerMinute' as const, enough: 3},
      ...{seconds: {low: 7200, expected: 7200, worst: 36_000}, limits: {requestsPerMinute: 7200, workers: 2400}},
    };
    const linesOf = (about: LevelPlan['workers']) =>
      planText(plan({...paid, workers: about!}))
        .split('\n')
        .slice(10, 13);
    expect(linesOf(workers)).toEqual([
      '  With 8 workers of a queue, together 16 requests at once, 0.5 s each',
      '  time         2 h 0 min       2 h 0 min      10 h 0 min',
      '  Limited by the requests a minute of the account: 3 workers would be as fast.',
    ]);
    const slow = {...workers, bottleneck: 'workers' as const, enough: 20};
    expect(linesOf(slow)[2]).toBe('  Limited by the workers: 20 workers would reach the next limit.');
    const {enough: _, ...nothing} = {...slow, bottleneck: 'concurrency' as const};
    expect(linesOf(nothing)[2]).toBe('  Limited by the `concurrency` of the teacher.');
  });

  it('says of a method that chooses its inputs that it asks about so many at most', () => {
    const chosen = {...paid, method: 'margin', atMost: true as const, cached: 0};
    expect(planText(plan(chosen)).split('\n').slice(2, 5)).toEqual([
      'gray-box for margin, transfer set: chat m1',
      '  at most 2,000 inputs, chosen in rounds: which ones, and how many are cached, is not known before',
      '                at least        expected         at most',
    ]);
  });

  it('says what is not known and how to let it be known', () => {
    const {tokens: _, usd: __, seconds: ___, ...unknown} = paid;
    const text = planText(plan(unknown));
    expect(text).toContain('tokens    not counted by the service');
    expect(text).toContain('USD       unknown: give the teacher’s adapter a `price`');
    expect(text).toContain('time      unknown: give --rate, in calls a second');
    expect(planText(plan({...paid, keptReplies: 0}))).toContain('because no replies are kept yet');
  });

  it('says why nobody can tell what it costs', () => {
    const {tokens: _, usd: __, ...unknown} = paid;
    const text = planText(plan({...unknown, unbounded: 'Nothing limits an answer.'}));
    expect(text).toContain('tokens    Nothing limits an answer.');
    expect(text).toContain('USD       Nothing limits an answer.');
  });

  it('shows a level that is not charged, and one with nothing to ask, in few words', () => {
    const local: LevelPlan = {
      ...{level: 'white-box', about: 'test split', teacher: 'tfjs lenet', isService: false, inputs: 500, cached: 0},
      ...{keptReplies: 0, calls: {low: 8, expected: 8, worst: 40}},
    };
    const [, first, second, ...rest] = planText(plan(local, {...paid, cached: 2000, calls: nothing})).split('\n\n');
    expect(first).toBe(
      'white-box, test split: tfjs lenet\n  500 inputs, 0 cached, 500 to ask in this process, free of charge',
    );
    expect(second).toBe('gray-box, transfer set: chat m1\n  2,000 inputs, 2,000 cached, 0 to ask');
    expect(rest).toHaveLength(1);
  });

  it('names each part of a teacher that is made of others', () => {
    const local = {...paid, teacher: 'tfjs lenet', isService: false, inputs: 4000};
    const whole = {...paid, teacher: 'ensemble of chat m1, tfjs lenet', parts: [{...paid, cached: 2000}, local]};
    expect(planText(plan(whole)).split('\n\n')[1]!.split('\n').slice(0, 7)).toEqual([
      'gray-box, transfer set: ensemble of chat m1, tfjs lenet',
      '  2,000 inputs, 1,200 cached, 800 to ask',
      '  of chat m1:',
      '    2,000 queries, 2,000 cached, 0 to ask',
      '  of tfjs lenet:',
      '    4,000 queries, 1,200 cached, 2,800 to ask in this process, free of charge',
      '                at least        expected         at most',
    ]);
  });

  it('says of batches that they take up to a day, and what is in them already', () => {
    const {seconds: _, ...rest} = paid;
    const text = planText(plan({...rest, byBatches: true, pending: 300}, {...rest, byBatches: true}));
    expect(text).toContain('  2,000 inputs, 1,200 cached, 300 in batches under way, 500 to ask');
    expect(text).toContain('time      within a day, according to the services’ terms for batches');
    expect(
      planText(plan({...paid, pending: 800}))
        .split('\n\n')[1]!
        .split('\n'),
    ).toHaveLength(2);
  });

  it('adds up what several levels ask services', () => {
    const text = planText(plan(paid, {...paid, about: 'test split'}));
    expect(text).toContain('gray-box, test split: chat m1');
    expect(text).toContain('All services together\n                at least');
    expect(planText(plan(paid))).not.toContain('All services');
  });
});
