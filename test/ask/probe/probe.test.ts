import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {type Asking, type AskingOptions, openAsking} from '../../../src/ask/asking.ts';
import {aboutQuestion} from '../../../src/ask/compose/about-question.ts';
import {degrade} from '../../../src/ask/compose/degrade.ts';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {repeat} from '../../../src/ask/compose/repeat.ts';
import {probeTeacher} from '../../../src/ask/probe/probe.ts';
import type {ProbeOptions} from '../../../src/ask/probe/teacher-probe.ts';
import {InputError} from '../../../src/errors.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {about, fakeTeacher, scored} from '../fake-teacher.ts';
import {labels, ok, payingTeacher, refusal} from '../paying-teacher.ts';
import {questionedTeacher, size} from '../questioned-teacher.ts';

const five = {queries: about(0, 1, 2, 3, 4), needed: {kind: 'label'}, inputs: 100} as const;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-probe-'));
});

afterEach(() => rm(folder, {recursive: true}));

/** Does something with teachers whose answers are kept in the folder of the test. */
async function withAsking<T>(work: (asking: Asking) => Promise<T>, options: Partial<AskingOptions> = {}): Promise<T> {
  const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal'), ...options});
  try {
    return await work(asking);
  } finally {
    await asking.close();
  }
}

const probe = (teacher: Teacher, options: Partial<ProbeOptions> = {}, asking: Partial<AskingOptions> = {}) =>
  withAsking(opened => probeTeacher(opened, teacher, {...five, ...options}), asking);

/** The same service under another name. */
const another = (name: string, respond = labels) =>
  payingTeacher(respond, {name, identity: {service: name}, maxBatch: 1});

describe('probeTeacher', () => {
  it('asks a teacher with questions all of them together, again in the other order, and one of each input alone', async () => {
    const clerk = questionedTeacher();
    const found = await probe(aboutQuestion(clerk, 'last'));
    const [together, reversed] = [
      ['parity', 'size', 'last'],
      ['last', 'size', 'parity'],
    ];
    expect(clerk.requests.map(({names}) => names)).toEqual([
      ...Array.from({length: 5}, () => together),
      ...Array.from({length: 5}, () => reversed),
      ...[['parity'], ['size'], ['last'], ['parity'], ['size']],
    ]);
    expect(found).toMatchObject({
      ...{teacher: 'a clerk about last', classes: 10, asked: 5, problems: []},
      answers: {answers: 5, given: {kind: 'label'}},
    });
    expect(found.parts).toMatchObject([
      {
        ...{teacher: 'a clerk', classes: 10, questions: 3, asked: 5, problems: []},
        answers: {answers: 15},
        repetition: {compared: 15, identical: 15},
        isolation: {compared: 5, identical: 5},
        paid: {calls: 15, inputTokens: 10 * 130 + 5 * 110},
        requests: {whole: {inputs: 100, calls: 100, tokens: 13_000}},
      },
    ]);
  });

  it('takes no question that is answered in a detail of its own for a fault of the others', async () => {
    const clerk = questionedTeacher();
    const level = {kind: 'expected'} as const;
    const rated: Teacher = {
      ...clerk,
      ...{service: undefined, access: 'gray-box', details: {size: level}},
      async ask(queries, options) {
        const outcomes = await clerk.ask(queries, options);
        return queries.map(({question}, row) => {
          const outcome = outcomes[row]!;
          if ('error' in outcome || outcome.answer.kind !== 'label') throw new Error('Expected a label.');
          const {label} = outcome.answer;
          if (question === size) return {answer: {...level, level: label}};
          return {
            answer: {kind: 'top-k', classes: Int32Array.of(label), logProbabilities: Float32Array.of(0), rest: 0},
          };
        });
      },
      detail: {kind: 'top-k', k: 1},
    };
    const found = await probe(aboutQuestion(rated, 'last'), {needed: {kind: 'top-k', k: 1}});
    expect(found.parts).toMatchObject([
      {
        declared: {kind: 'top-k'},
        details: {size: level},
        problems: [],
        answers: {answers: 10},
        repetition: {compared: 15},
      },
    ]);
    const alone = await probe(aboutQuestion(rated, 'size'), {needed: level});
    expect(alone).toMatchObject({declared: level, answers: {given: level}, problems: []});
  });

  it('says so if the answer to a question changes with the others of its request', async () => {
    const {parts} = await probe(aboutQuestion(questionedTeacher({leaks: true}), 'last'));
    expect(parts![0]).toMatchObject({repetition: {identical: 15}, isolation: {compared: 5}});
    expect(parts![0]!.problems.map(({severity}) => severity)).toEqual(['warning']);
    expect(parts![0]!.problems[0]!.text).toContain('answers change if their question is asked alone');
  });

  it('asks a question alone, too, that its teacher keeps with the others, and names the option that does so', async () => {
    const clerk = questionedTeacher({leaks: true, areDependent: true});
    const {parts} = await probe(aboutQuestion(clerk, 'last'));
    expect(clerk.requests.map(({names}) => names.length)).toEqual([
      ...Array.from({length: 10}, () => 3),
      1,
      1,
      1,
      1,
      1,
    ]);
    expect(parts![0]).toMatchObject({repetition: {identical: 15}, isolation: {compared: 5}});
    expect(parts![0]!.problems[0]!.text).toContain('With `maxQuestions: 1` each is asked alone');
  });

  it('asks one query before the others, and each a second time in the other order', async () => {
    const payer = payingTeacher();
    const found = await probe(payer);
    expect(payer.requests).toEqual([[0], [1, 2], [3, 4], [4, 3], [2, 1], [0]]);
    expect(found).toMatchObject({
      ...{teacher: 'a payer', isService: true, classes: 3, asked: 5, declared: {kind: 'label'}, problems: []},
      answers: {answers: 5, given: {kind: 'label'}},
      repetition: {compared: 5, identical: 5, flips: 0},
      paid: {calls: 6, bought: 10, cached: 0, inputTokens: 100, usd: 0.0001},
      requests: {requests: 6, authors: ['fake-1'], whole: {inputs: 100, calls: 50, tokens: 1000}},
    });
  });

  it('keeps the first answers, serves them the next time, and asks all anew that second time', async () => {
    await probe(payingTeacher());
    const later = payingTeacher();
    const found = await probe(later);
    expect(later.requests).toEqual([[4, 3], [2, 1], [0]]);
    expect(found).toMatchObject({paid: {calls: 3, cached: 5}, repetition: {compared: 5}});
  });

  it('leaves kept answers as they are if the second ones are others', async () => {
    const payer = payingTeacher((numbers, request) => labels(numbers.map(number => number + (request > 3 ? 1 : 0))));
    const found = await probe(payer);
    expect(found.repetition).toEqual({compared: 5, identical: 0, flips: 5});
    expect(found.problems).toMatchObject([
      {severity: 'warning', text: expect.stringContaining('5 of 5 labels changed')},
    ]);
    const kept = await withAsking(asking => asking.open(payingTeacher()).teacher.ask(about(0, 1)));
    expect(kept).toEqual([{answer: {kind: 'label', label: 0}}, {answer: {kind: 'label', label: 1}}]);
  });

  it('keeps a second answer if the first asking brought none', async () => {
    const unlucky = payingTeacher((numbers, request) => (request <= 2 ? ok({labels: [7]}) : labels(numbers)), {
      maxBatch: 1,
    });
    const found = await probe(unlucky);
    expect(found).toMatchObject({answers: {answers: 5}, problems: []});
    const served = payingTeacher();
    const kept = await withAsking(asking => asking.open(served).teacher.ask(about(0, 1, 2, 3, 4)));
    expect(kept.every(outcome => 'answer' in outcome)).toBe(true);
    expect(served.requests).toEqual([]);
  });

  it('ends after one request if the set-up is broken, and says what it says', async () => {
    const payer = payingTeacher(() => refusal(401));
    const found = await probe(payer);
    expect(payer.requests).toEqual([[0]]);
    expect(found.problems).toEqual([
      {severity: 'error', text: 'Not one of 5 inputs brought an answer. It answered 401.'},
    ]);
    expect(found).not.toHaveProperty('answers');
    expect(found).not.toHaveProperty('repetition');
  });

  it('asks nothing again if no query was answered, and shows what is wrong', async () => {
    const payer = payingTeacher(() => ok({labels: [7, 7]}));
    const found = await probe(payer);
    // An unreadable answer is asked for once more.
    expect(payer.requests).toEqual([[0], [0], [1, 2], [3, 4], [1, 2], [3, 4]]);
    expect(found.problems).toEqual([
      {severity: 'error', text: 'Not one of 5 inputs brought an answer. Its label is none.'},
    ]);
  });

  it('asks nobody if nothing may be asked again and all is kept', async () => {
    await probe(payingTeacher());
    const payer = payingTeacher();
    const found = await probe(payer, {repeats: false}, {record: 'none'});
    expect(payer.requests).toEqual([]);
    expect(found).toMatchObject({answers: {answers: 5}, paid: {calls: 0, cached: 5}, problems: []});
    expect(found).not.toHaveProperty('repetition');
    // Of the raw replies of the first asking, that time one and twice two queries.
    expect(found.requests).toMatchObject({requests: 3, authors: ['fake-1'], perQuestion: {inputTokens: 10}});
  });

  it('spends no more than the budget, and says which inputs it left out', async () => {
    const payer = payingTeacher(labels, {maxBatch: 1});
    const found = await probe(payer, {}, {budget: [{calls: 3}]});
    expect(payer.requests).toHaveLength(3);
    expect(found.problems).toMatchObject([
      {severity: 'warning', text: expect.stringMatching(/^2 of 5 inputs brought no answer\. .*budget/i)},
    ]);
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    const payer = payingTeacher((numbers, request) => {
      if (request === 2) controller.abort();
      return labels(numbers);
    });
    await expect(probe(payer, {signal: controller.signal})).rejects.toThrow('aborted');
    expect(payer.requests.length).toBeLessThan(4);
  });

  it('refuses a budget that can’t be kept before it asks', async () => {
    const payer = payingTeacher();
    const {price: _, ...service} = payer.service;
    await expect(probe({...payer, service}, {}, {budget: [{usd: 1}]})).rejects.toThrow(InputError);
    expect(payer.requests).toEqual([]);
  });

  it('tells how many queries have an outcome', async () => {
    let settled = 0;
    await probe(payingTeacher(), {onSettled: count => (settled += count)});
    expect(settled).toBe(10);
  });

  it('finds what a teacher in this process gives, with the features that are needed and no others', async () => {
    const detail = {kind: 'logits', features: ['hidden', 'other']} as const;
    const asked: unknown[] = [];
    const teacher = fakeTeacher<'white-box'>({access: 'white-box', detail}, (numbers, _, options) => {
      asked.push(options.detail);
      const features = {hidden: {shape: [1], values: Float32Array.of(1)}};
      return numbers.map(number => ({answer: {...scored(number).answer, features}}));
    });
    const found = await probe(teacher, {needed: {kind: 'logits', features: ['hidden']}});
    expect(new Set(asked.map(wanted => JSON.stringify(wanted)))).toEqual(
      new Set(['{"kind":"logits","features":["hidden"]}']),
    );
    expect(found).toMatchObject({isService: false, problems: [], paid: {calls: 6}});
    expect(found.answers?.given).toEqual({kind: 'logits', features: ['hidden']});
  });

  it('finds that a teacher gives less than it declares and the recipe needs', async () => {
    const teacher = fakeTeacher<'gray-box'>({access: 'gray-box', detail: {kind: 'log-probabilities'}}, numbers =>
      numbers.map(() => ({
        answer: {kind: 'top-k', classes: Int32Array.of(1), logProbabilities: Float32Array.of(-0.1), rest: 0.095},
      })),
    );
    const found = await probe(teacher, {needed: {kind: 'log-probabilities'}});
    expect(found.problems).toMatchObject([
      {severity: 'error', text: expect.stringContaining('learns from log-probabilities, and it gives top-k (k = 1)')},
    ]);
  });
});

describe('probeTeacher of a teacher that is made of others', () => {
  it('tries out each part, and makes the whole of their answers for nothing', async () => {
    const [one, other] = [another('one'), another('other')];
    const found = await probe(ensemble([one, other]), {needed: {kind: 'votes'}});
    expect(found.parts?.map(({teacher, paid}) => [teacher, paid.calls])).toEqual([
      ['one', 10],
      ['other', 10],
    ]);
    expect(found).toMatchObject({isService: true, answers: {answers: 5, given: {kind: 'votes'}}, problems: []});
    expect([one.requests.length, other.requests.length]).toEqual([10, 10]);
  });

  it('does so if all is asked anew, too', async () => {
    const one = another('one');
    await probe(ensemble([one, another('other')]), {}, {record: 'all'});
    expect(one.requests).toHaveLength(10);
  });

  it('asks one that is a part twice as often as one that is a part once', async () => {
    const one = another('one');
    const found = await probe(ensemble([one, one]));
    expect(one.requests).toHaveLength(10);
    expect(found.parts).toHaveLength(1);
  });

  it('asks for the first of several samples alone, and counts all of them for the whole set', async () => {
    const one = another('one');
    const found = await probe(repeat(one, {samples: 7}), {needed: {kind: 'votes'}});
    expect(one.requests).toHaveLength(10);
    expect(found).not.toHaveProperty('answers');
    expect(found.problems).toEqual([]);
    expect(found.parts?.[0]?.requests?.whole.calls).toBe(700);
  });

  it('finds the rounding that the whole makes of what its part gives', async () => {
    const part = fakeTeacher<'gray-box'>({access: 'gray-box', detail: {kind: 'log-probabilities'}}, numbers =>
      numbers.map(number => {
        const weights = [1, 0.3 + number / 7, 0.123456];
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const logs = weights.map(weight => Math.log(weight / total));
        return {answer: {kind: 'log-probabilities', logProbabilities: Float32Array.from(logs)}};
      }),
    );
    const detail = {kind: 'log-probabilities'} as const;
    const found = await probe(degrade(part, {access: 'gray-box', detail, decimals: 3}), {needed: detail});
    expect(found.answers?.decimals).toEqual({probabilities: 3});
    expect(found.parts?.[0]?.answers?.decimals).toEqual({});
  });

  it('names the errors of a part, and leaves the whole with its own', async () => {
    const found = await probe(ensemble([another('one'), another('broken', () => refusal(403))]));
    expect(found.parts?.map(({problems}) => problems.length)).toEqual([0, 1]);
    expect(found.problems).toMatchObject([{severity: 'error', text: expect.stringContaining('It answered 403.')}]);
  });
});
