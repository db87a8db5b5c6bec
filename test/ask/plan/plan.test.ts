import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {answersTo} from '../../../src/ask/collect.ts';
import type {Estimate} from '../../../src/ask/plan/cost.ts';
import {planAsking} from '../../../src/ask/plan/plan.ts';
import {stack} from '../../../src/ask/teacher-stack.ts';
import type {TextInputs} from '../../../src/data/inputs.ts';
import {type AnswerStore, openAnswerStore, type StoredAnswer} from '../../../src/store/store.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import type {Price, Service, Teacher, Unbounded, Usage} from '../../../src/teacher.ts';
import {about, fakeTeacher, labelled} from '../fake-teacher.ts';
import {batchingTeacher} from '../lane/batching-teacher.ts';
import {payingTeacher} from '../paying-teacher.ts';

const label = {kind: 'label'} as const;

function inputs(count: number, distinct = count): TextInputs {
  return {kind: 'text', count, texts: Array.from({length: count}, (_, index) => String(index % distinct))};
}

const newStore = () => openAnswerStore({store: new Map()});

/** 100 tokens for a request and 10 for each query at most, 20 and 1 at least; 1 to 5 a query in the answer. */
const tokenService: Service<'black-box'> = {
  account: 'fake',
  reader: 1,
  read: () => [],
  worstCase: ({length}) => ({inputTokens: 100 + 10 * length, outputTokens: 5 * length}),
  leastCase: ({length}) => ({inputTokens: 20 + length, outputTokens: length}),
};

function serviceTeacher(service: Partial<Service<'black-box'>> = {}, fields: Partial<Teacher<'black-box'>> = {}) {
  const all = {access: 'black-box', detail: label, maxBatch: 10, ...fields} as const;
  return fakeTeacher<'black-box'>({...all, service: {...tokenService, ...service}}, numbers => numbers.map(labelled));
}

const alike = (value: number, worst = value): Estimate => ({low: value, expected: value, worst});

/** Keeps answers about these numbers as if a reply each had been paid for. */
async function keep(
  store: AnswerStore,
  teacher: Teacher,
  numbers: readonly number[],
  usage: Usage,
  segment = 'a',
): Promise<void> {
  const {service: _, ...local} = teacher;
  await stack(local, {store}).ask(about(...numbers));
  const entries: {key: string; stored: StoredAnswer}[] = [];
  for await (const {key, stored} of store.entries()) {
    if (stored.receipt) continue;
    const reply = {segment, offset: Math.floor(entries.length / 2), length: 1};
    entries.push({key, stored: {...stored, reply, receipt: {usage}}});
  }
  await store.setMany(entries);
}

describe('planAsking', () => {
  it('asks nobody', async () => {
    const teacher = serviceTeacher();
    await planAsking(teacher, inputs(25), {store: newStore()});
    expect(teacher.calls).toEqual([]);
  });

  it('counts requests and what they may use: shortest, longest, and longest with every retry', async () => {
    const price = {perCall: 0.01, perMillionInputTokens: 10, perMillionOutputTokens: 100};
    const plan = await planAsking(serviceTeacher({price}), inputs(25), {store: newStore()});
    // Three requests: 60 + 25 to 300 + 250 tokens in, 25 to 125 out.
    expect(plan).toEqual({
      ...{teacher: 'a fake', isService: true, inputs: 25, cached: 0, keptReplies: 0},
      calls: alike(3, 15),
      tokens: {low: 110, expected: 675, worst: 3375},
      usd: {low: 0.03335, expected: 0.048, worst: 0.24},
    });
  });

  it('takes a token in and a token out for a query as the least, if the service tells no more', async () => {
    const {leastCase: _, ...service} = tokenService;
    const teacher = fakeTeacher<'black-box'>({access: 'black-box', detail: label, maxBatch: 10, service}, () => []);
    const plan = await planAsking(teacher, inputs(25), {store: newStore()});
    expect(plan.tokens).toMatchObject({low: 50, expected: 675});
  });

  it('counts what is kept, and what is the same as another input, as the cache does', async () => {
    const [store, teacher] = [newStore(), serviceTeacher()];
    const {service: _, ...local} = teacher;
    await stack(local, {store}).ask(about(0, 1, 2));
    const plan = await planAsking(teacher, inputs(12, 8), {store});
    expect(plan).toMatchObject({inputs: 12, cached: 7, calls: {low: 1}, tokens: {expected: 100 + 5 * 15}});
    // The same inputs at work: what was planned is what is bought.
    await stack(local, {store}).ask(about(0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3));
    expect(teacher.calls.slice(1).map(({length}) => length)).toEqual([5]);
    expect(await planAsking(teacher, inputs(12, 8), {store})).toMatchObject({cached: 12, calls: alike(0)});
  });

  it('takes an answer that holds less than is wanted for none', async () => {
    const store = newStore();
    const poor = fakeTeacher<'gray-box'>({access: 'gray-box', detail: {kind: 'top-k', k: 1}}, numbers =>
      numbers.map(() => ({
        answer: {kind: 'top-k', classes: Int32Array.of(0), logProbabilities: Float32Array.of(-0.1), rest: 0.1},
      })),
    );
    await stack(poor, {store}).ask(about(0, 1));
    const rich: Teacher = {...poor, detail: {kind: 'top-k', k: 2}};
    expect(await planAsking(rich, inputs(2), {store})).toMatchObject({cached: 0});
    expect(await planAsking(rich, inputs(2), {store, detail: {kind: 'top-k', k: 1}})).toMatchObject({cached: 2});
  });

  it('packs requests as the layers do', async () => {
    const teacher = serviceTeacher({}, {maxBatch: 100});
    // 256 inputs are looked up together, and make three requests.
    const plan = await planAsking(teacher, inputs(600), {store: newStore()});
    const {service: _, ...local} = teacher;
    await answersTo(stack(local, {store: newStore()}), inputs(600));
    expect(plan.calls.low).toBe(teacher.calls.length);
  });

  it('expects what kept replies took, each counted once', async () => {
    const [store, teacher] = [newStore(), serviceTeacher()];
    await keep(store, teacher, [0, 1, 2, 3, 4, 5], {inputTokens: 120, outputTokens: 20});
    const plan = await planAsking(teacher, inputs(25), {store});
    // Two requests about 19 queries, of 120 tokens each; an answer may be shorter, and no request longer than its most.
    expect(plan).toMatchObject({keptReplies: 3, tokens: {low: 59 + 19, expected: 280, worst: 5 * (390 + 95)}});
  });

  it('expects that the prompt cache is filled once: the first reply is left out of the mean, if others read the cache', async () => {
    const price = {perMillionInputTokens: 10, perMillionCacheReadTokens: 1, perMillionCacheWriteTokens: 20};
    const [store, teacher] = [newStore(), serviceTeacher({price})];
    await keep(store, teacher, [0, 1], {inputTokens: 120, outputTokens: 0, cacheWriteTokens: 100});
    expect((await planAsking(teacher, inputs(22), {store})).usd!.expected).toBeCloseTo(2 * 0.0022, 9);
    await setTimeout(2);
    await keep(store, teacher, [2, 3], {inputTokens: 120, outputTokens: 0, cacheReadTokens: 100}, 'b');
    const {keptReplies, tokens, usd} = await planAsking(teacher, inputs(24), {store});
    expect({keptReplies, tokens: tokens!.expected}).toEqual({keptReplies: 2, tokens: 240});
    expect(usd!.expected).toBeCloseTo(2 * 0.0003, 9);
    // At least: 20 queries of 3 tokens, all read. At most: 2 requests of up to 200 tokens, sent 5 times, none read.
    expect(usd!.low).toBeLessThanOrEqual(usd!.expected);
    expect(usd!.worst).toBeCloseTo((5 * 400 * 10) / 1e6, 9);
  });

  it('learns from answers to other inputs too, of the same teacher alone', async () => {
    const [store, teacher] = [newStore(), serviceTeacher()];
    const other = serviceTeacher({}, {identity: {service: 'another'}});
    await keep(store, other, [101, 102], {inputTokens: 1, outputTokens: 1});
    expect(await planAsking(teacher, inputs(10), {store})).toMatchObject({keptReplies: 0});
    await keep(store, teacher, [101, 102], {inputTokens: 120, outputTokens: 7});
    const plan = await planAsking(teacher, inputs(10), {store});
    expect(plan).toMatchObject({cached: 0, keptReplies: 1, tokens: {low: 37, expected: 127, worst: 1250}});
  });

  it('knows the teacher of kept answers whatever the order of the names in its identity', async () => {
    const store = newStore();
    const usage = {inputTokens: 120, outputTokens: 7};
    await keep(store, serviceTeacher({}, {identity: {service: 'fake', model: 'm'}}), [101, 102], usage);
    const turned = serviceTeacher({}, {identity: {model: 'm', service: 'fake'}});
    expect(await planAsking(turned, inputs(10), {store})).toMatchObject({keptReplies: 1});
  });

  it('counts the inputs of packs alone as well at worst, because each can have no answer in its pack', async () => {
    const probe = {inspect: () => ({ignored: []}), packing: {size: 10, at: () => serviceTeacher()}};
    const plan = await planAsking(serviceTeacher({probe} as object), inputs(25), {store: newStore()});
    expect(plan).toMatchObject({
      calls: {low: 3, expected: 3, worst: 5 * (3 + 25)},
      tokens: {expected: 675, worst: 5 * (675 + 25 * 115)},
    });
  });

  it('stays in order if kept replies took more than the worst case says', async () => {
    const [store, teacher] = [newStore(), serviceTeacher()];
    await keep(store, teacher, [101], {inputTokens: 1000, outputTokens: 1});
    const {low, expected, worst} = (await planAsking(teacher, inputs(10), {store})).tokens!;
    expect([low, expected, worst]).toEqual([31, 1001, 5 * 1050]);
  });

  it('knows no money without a price, nor with one by the token if tokens are not counted', async () => {
    const {worstCase: _, ...uncounted} = tokenService;
    const plan = (service: Service<'black-box'>) =>
      planAsking({...serviceTeacher(), service}, inputs(25), {store: newStore()});
    expect(await plan(tokenService)).not.toHaveProperty('usd');
    expect(await plan({...uncounted, price: {perMillionInputTokens: 1}})).not.toHaveProperty('usd');
    const byCall = await plan({...uncounted, price: {perCall: 0.1}});
    expect(byCall).not.toHaveProperty('tokens');
    expect(byCall.usd).toEqual(alike(0.3, 1.5));
  });

  it('says why it knows no tokens of requests without a bound, such as those about images', async () => {
    const service = {...tokenService, worstCase: () => undefined, price: {perMillionInputTokens: 1}};
    const plan = await planAsking({...serviceTeacher(), service}, inputs(25), {store: newStore()});
    expect(plan).not.toHaveProperty('tokens');
    expect(plan).not.toHaveProperty('usd');
    expect(plan.unbounded).toContain('give the adapter `imageTokens`');
  });

  it('knows neither tokens nor money if nobody can say the most that a request costs, and says why', async () => {
    const plan = (unbounded: Unbounded, price: Price) =>
      planAsking(serviceTeacher({unbounded, price}), inputs(25), {store: newStore()});
    const [tokens, fees] = [
      {of: 'tokens', problem: 'Nothing limits an answer.'} as const,
      {of: 'fees', problem: 'A tool may cost.'} as const,
    ];
    const byToken = await plan(tokens, {perMillionOutputTokens: 1});
    expect(byToken).toMatchObject({unbounded: 'Nothing limits an answer.', calls: alike(3, 15)});
    expect(byToken).not.toHaveProperty('tokens');
    expect(byToken).not.toHaveProperty('usd');
    expect((await plan(tokens, {perCall: 0.1})).usd).toEqual(alike(0.3, 1.5));
    expect(await plan(fees, {perCall: 0.1})).not.toHaveProperty('usd');
  });

  it('works out the time from the rates that are known, the slower one deciding', async () => {
    const teacher = serviceTeacher({rate: {requestsPerMinute: 6, tokensPerMinute: 675}});
    const store = newStore();
    expect((await planAsking(teacher, inputs(25), {store})).seconds).toEqual({
      low: 30,
      expected: 60,
      worst: 300,
    });
    const slow = await planAsking(teacher, inputs(25), {store, rate: {requestsPerMinute: 1}});
    expect(slow.seconds).toEqual(alike(180, 900));
    expect(await planAsking(serviceTeacher(), inputs(25), {store})).not.toHaveProperty('seconds');
  });

  it('costs nothing if nothing is left to ask, whatever the price', async () => {
    const [store, teacher] = [newStore(), serviceTeacher()];
    const {service: _, ...local} = teacher;
    await stack(local, {store}).ask(about(0));
    expect(await planAsking(teacher, inputs(1), {store})).toMatchObject({
      ...{cached: 1, calls: alike(0), tokens: alike(0), usd: alike(0), seconds: alike(0)},
    });
  });

  it('costs nothing to ask a teacher in this process, and takes so many calls', async () => {
    const {service: _, ...local} = serviceTeacher();
    expect(await planAsking(local, inputs(25), {store: newStore()})).toEqual({
      ...{teacher: 'a fake', isService: false, inputs: 25, cached: 0, keptReplies: 0},
      calls: alike(3, 15),
    });
  });
});

describe('planAsking by batches', () => {
  const price = {perCall: 0.02};
  const batched = () => batchingTeacher({teacher: payingTeacher(undefined, {maxBatch: 1})});

  it('costs its share, takes no time that is known, and sends nothing more than three times', async () => {
    const teacher = {...batched()};
    const priced = {...teacher, service: {...teacher.service, price}};
    const [alone, together] = [
      await planAsking(priced, inputs(10), {store: newStore(), rate: {requestsPerMinute: 1}}),
      await planAsking(priced, inputs(10), {store: newStore(), rate: {requestsPerMinute: 1}, byBatches: true}),
    ];
    expect(alone).toMatchObject({calls: alike(10, 50), usd: alike(0.2, 1), seconds: alike(600, 3000)});
    expect(together).toMatchObject({calls: alike(10, 30), usd: alike(0.1, 0.3), byBatches: true});
    expect(together).not.toHaveProperty('seconds');
    expect(alone).not.toHaveProperty('byBatches');
  });

  it('leaves out what is in a batch already, whichever way it is asked', async () => {
    const teacher = batched();
    const keys = about(1, 2).map(query => answerKey(teacher.identity, query));
    const record = {format: 1, name: 'n', teacher: 't', plannedAt: '', attempt: 1, keys} as const;
    const batches = {all: () => [record]};
    for (const byBatches of [true, false]) {
      const plan = await planAsking(teacher, inputs(5), {store: newStore(), batches, byBatches});
      expect(plan).toMatchObject({inputs: 5, cached: 0, pending: 2, calls: {expected: 3}});
    }
    expect(await planAsking(teacher, inputs(5), {store: newStore()})).not.toHaveProperty('pending');
  });
});
