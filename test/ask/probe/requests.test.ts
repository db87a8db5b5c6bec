import {describe, expect, it} from 'vitest';
import {findInRequests, type Seen} from '../../../src/ask/probe/requests.ts';
import type {Reply} from '../../../src/teacher.ts';
import {about, fakeTeacher, labelled} from '../fake-teacher.ts';
import {labels, payingTeacher, refusal} from '../paying-teacher.ts';

const seen = (seconds: number | undefined, reply: Reply | undefined, ...numbers: readonly number[]): Seen => ({
  queries: about(...numbers),
  count: numbers.length,
  seconds,
  reply,
});

const leaf = {teacher: payingTeacher(), samples: 1};

describe('findInRequests', () => {
  it('finds nothing if nothing was answered', () => {
    expect(findInRequests([], leaf, 100)).toBeUndefined();
    expect(findInRequests([seen(1, refusal(400), 1)], leaf, 100)).toBeUndefined();
  });

  it('takes tokens a query from what was counted, and the whole set’s from them', () => {
    // 10 tokens a query at a dollar a million; two queries a request, four requests at once.
    const found = findInRequests([seen(3, labels([1, 2]), 1, 2), seen(1, labels([3]), 3)], leaf, 101);
    expect(found).toMatchObject({requests: 2, seconds: 2, perQuestion: {inputTokens: 10, outputTokens: 0}});
    expect(found?.whole).toEqual({inputs: 101, calls: 51, tokens: 1010, usd: 0.00101, seconds: (51 * 2) / 4});
  });

  it('counts each of several samples', () => {
    const found = findInRequests([seen(1, labels([1]), 1)], {...leaf, samples: 5}, 10);
    expect(found?.whole).toMatchObject({inputs: 10, calls: 25, tokens: 500});
  });

  it('leaves out a cost that is not known: tokens that are not counted, and money by such tokens', () => {
    const uncounted: Reply = {status: 200, headers: {}, body: '{"labels": [1]}'};
    const found = findInRequests([seen(1, uncounted, 1)], leaf, 10);
    expect(found).not.toHaveProperty('perQuestion');
    expect(found?.whole).toEqual({inputs: 10, calls: 5, seconds: 1.25});
    const flat = payingTeacher();
    const priced = {...flat, service: {...flat.service, price: {perCall: 0.01}}};
    expect(findInRequests([seen(1, uncounted, 1)], {teacher: priced, samples: 1}, 10)?.whole.usd).toBe(0.05);
  });

  it('names each model that answered once, with its fingerprint', () => {
    const replies = ['m-1', 'm-2', 'm-1'].map((model, place) =>
      seen(1, {status: 200, headers: {}, body: JSON.stringify({labels: [1], model})}, place),
    );
    expect(findInRequests(replies, leaf, 10)?.authors).toEqual(['m-1', 'm-2']);
    const {service} = leaf.teacher;
    const signing = {...leaf.teacher, service: {...service, receipt: () => ({model: 'm', fingerprint: 'fp_1'})}};
    expect(findInRequests(replies, {teacher: signing, samples: 1}, 10)?.authors).toEqual(['m (fp_1)']);
  });

  it('reads limits from the headers of all replies, the later ones first', () => {
    const headers = (left: string) => ({'x-ratelimit-limit-requests': '60', 'x-ratelimit-remaining-requests': left});
    const found = findInRequests(
      [
        seen(1, {...labels([1]), headers: headers('59')}, 1),
        seen(1, refusal(429, {...headers('0'), 'x-ratelimit-limit-tokens': '1000'}), 2),
      ],
      leaf,
      10,
    );
    expect(found?.limits).toEqual({requests: {limit: 60, remaining: 0}, tokens: {limit: 1000}});
  });

  it('takes cost and author from kept replies, and neither time nor limits', () => {
    const headers = {'x-ratelimit-limit-requests': '60'};
    const found = findInRequests([{...seen(undefined, {...labels([1, 2]), headers}, 1), count: 2}], leaf, 10);
    expect(found).toEqual({
      ...{requests: 1, limits: {}, authors: ['fake-1'], perQuestion: {inputTokens: 10, outputTokens: 0}},
      whole: {inputs: 10, calls: 5, tokens: 100, usd: 0.0001},
    });
  });

  it('knows calls and their time of a teacher in this process, and no cost', () => {
    const teacher = fakeTeacher<'black-box'>({access: 'black-box', detail: {kind: 'label'}}, numbers =>
      numbers.map(labelled),
    );
    const found = findInRequests([seen(0.5, undefined, 1, 2)], {teacher, samples: 1}, 10);
    expect(found).toEqual({requests: 1, seconds: 0.5, limits: {}, authors: [], whole: {inputs: 10, calls: 5}});
  });
});
