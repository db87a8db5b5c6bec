import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {collect, collectAnswered} from '../../../src/ask/collect.ts';
import {cascade} from '../../../src/ask/compose/cascade.ts';
import {degrade} from '../../../src/ask/compose/degrade.ts';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {repeat} from '../../../src/ask/compose/repeat.ts';
import {planAsking} from '../../../src/ask/plan/plan.ts';
import type {TextInputs} from '../../../src/data/inputs.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {about} from '../fake-teacher.ts';
import {type PayingTeacher, payingTeacher, type Respond} from '../paying-teacher.ts';
import {askingPlace} from './asking-place.ts';
import {scoring} from './members.ts';

const label = {access: 'black-box', detail: {kind: 'label'}} as const;
const payer = (name: string, fields: Partial<Teacher<'black-box'>> = {}, respond?: Respond): PayingTeacher => {
  const one = payingTeacher(respond, {name, identity: {service: name}, ...fields});
  return {...one, service: {...one.service, account: name}};
};
const inputs = (count: number): TextInputs => ({
  kind: 'text',
  count,
  texts: Array.from({length: count}, (_, n) => String(n)),
});
const transfer = (count: number) => ({role: 'transfer', inputs: inputs(count)}) as const;

const place = askingPlace();
const {open} = place;

describe('a teacher that is made of others, with its layers', () => {
  it('keeps every answer of every part, so that another composition of them is free', async () => {
    const [one, two] = [payer('one'), payer('two')];
    const {teacher, ledger} = (await open()).open(ensemble([one, two]));
    await collect(teacher, transfer(6));
    expect(ledger.snapshot()).toMatchObject({asked: 12, bought: 12, cached: 0, calls: 6, usd: 0.00012});
    expect(await place.asking.store.count()).toBe(12);
    await place.asking.close();

    const again = (await open()).open(
      cascade([repeat(ensemble([two, one], {weights: [2, 1]}), {samples: 1}), one], {confidence: 0.6}),
    );
    const {answers} = await collect(again.teacher, transfer(6));
    expect(answers).toMatchObject({kind: 'label', labels: Int32Array.of(0, 1, 2, 0, 1, 2)});
    expect(again.ledger.snapshot()).toMatchObject({bought: 0, cached: 12, calls: 0});
    expect([one.requests.length, two.requests.length]).toEqual([3, 3]);
  });

  it('asks nothing twice, however it is made', async () => {
    await open();
    const numbers = fc.array(fc.integer({min: 0, max: 20}), {minLength: 1, maxLength: 12});
    await fc.assert(
      fc.asyncProperty(numbers, fc.integer({min: 1, max: 3}), fc.nat(), async (some, samples, run) => {
        const one = payer(`one of run ${run} ${samples} ${some}`);
        const whole = ensemble([one, degrade(one, label), repeat(one, {samples})]);
        const {teacher} = place.asking.open(
          cascade([repeat(whole, {samples: 1}), degrade(one, label)], {confidence: 1}),
        );
        await teacher.ask(about(...some));
        await teacher.ask(about(...some));
        const distinct = new Set(some).size;
        expect(one.requests.flat().length).toBe(distinct * samples);
      }),
      {numRuns: 20},
    );
  });

  it('asks the dear part of a cascade about the unsure queries alone', async () => {
    // Three in four samples of an odd number are labelled otherwise than its even ones.
    const cheap = payer('cheap', {maxBatch: 1}, ([number], request) => ({
      ...{status: 200, headers: {}},
      body: JSON.stringify({labels: [number! % 2 === 0 ? 0 : request % 2], tokens: 1}),
    }));
    const dear = payer('dear');
    const {teacher, ledger} = (await open()).open(cascade([repeat(cheap, {samples: 4}), dear], {confidence: 0.9}));
    await collect(teacher, transfer(4));
    expect(dear.requests.flat().sort()).toEqual([1, 3]);
    expect(ledger.snapshot()).toMatchObject({asked: 18, bought: 18});
  });

  it('tells of each query once, when all of its parts have an outcome', async () => {
    const {teacher, meter} = (await open()).open(ensemble([repeat(payer('one'), {samples: 3}), payer('two')]));
    const told: number[] = [];
    await collect(teacher, transfer(10), {onProgress: done => told.push(done)});
    expect(told.at(-1)).toBe(10);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(new Set(told).size).toBe(told.length);
    expect(meter(10, 10)).toMatchObject({progress: {isDone: true, bought: 40, inFlight: 0, limit: 8}});
  });

  it('draws on one budget with all of its parts, and says whose answer is missing', async () => {
    const {teacher} = (await open({budget: [{calls: 5}]})).open(ensemble([payer('one'), payer('two')]));
    const {knowledge, missing} = await collectAnswered(teacher, transfer(8));
    expect(place.asking.spent.calls).toBe(5);
    expect(knowledge.inputs.count + missing.length).toBe(8);
    expect(missing[0]!.error).toMatchObject({name: 'BudgetError'});
  });

  it('refuses offline what one of its parts has not kept, by name', async () => {
    const [one, two] = [payer('one'), payer('two')];
    await collect((await open()).open(one).teacher, transfer(2));
    await place.asking.close();
    const {teacher} = (await open({record: 'none'})).open(ensemble([one, two]));
    await expect(collect(teacher, transfer(2))).rejects.toThrow(
      /left 2 of 2 inputs .*input 0: Teacher two: No answer is kept/s,
    );
    expect(two.requests).toEqual([]);
  });

  it('records each part once, whatever was recorded of another', async () => {
    const [one, two] = [payer('one'), payer('two')];
    await collect((await open()).open(one).teacher, transfer(2));
    await place.asking.close();
    const {teacher} = (await open({record: 'once'})).open(ensemble([one, two]));
    await collect(teacher, transfer(2));
    expect([one.requests, two.requests]).toEqual([[[0, 1]], [[0, 1]]]);
  });

  it('watches each part for drift', async () => {
    const numbers = Array.from({length: 12}, (_, number) => number);
    const changed: Respond = some => ({
      status: 200,
      headers: {},
      body: JSON.stringify({labels: some.map(n => (n + 1) % 3)}),
    });
    await collect((await open()).open(ensemble([payer('one'), payer('two')])).teacher, transfer(12));
    await place.asking.close();
    await new Promise(resolve => setTimeout(resolve, 5));
    const {teacher} = (await open({drift: {every: 4, sample: 8}})).open(
      ensemble([payer('one'), payer('two', {}, changed)]),
    );
    await expect(teacher.ask(about(...numbers, 20, 21))).rejects.toThrow('Teacher two no longer answers as it did.');
  });

  it('finishes what is under way when it is stopped, and goes on from there', async () => {
    const stop = new AbortController();
    const one = payer('one', {maxBatch: 1, concurrency: 1}, ([number]) => {
      if (number === 3) stop.abort(new Error('enough'));
      return {status: 200, headers: {}, body: JSON.stringify({labels: [0], tokens: 1})};
    });
    const two = payer('two', {maxBatch: 1});
    const {teacher} = (await open()).open(ensemble([one, two]));
    await expect(collect(teacher, transfer(8), {signal: stop.signal})).rejects.toThrow('enough');
    expect(one.requests.flat()).toEqual([0, 1, 2, 3]);
    await collect(place.asking.open(ensemble([one, two])).teacher, transfer(8));
    expect(one.requests.flat()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(new Set(two.requests.flat()).size).toBe(two.requests.flat().length);
  });

  it('shares the answers of a teacher with all that show less of it', async () => {
    const full = scoring('full', [0.5, 0.3, 0.2]);
    await open();
    const shown = [
      degrade(full, {access: 'gray-box', detail: {kind: 'log-probabilities'}, decimals: 1}),
      degrade(full, {access: 'gray-box', detail: {kind: 'top-k', k: 1}}),
      degrade(full, {...label, noise: {deviation: 1}}),
    ];
    for (const teacher of shown)
      await collect(place.asking.open<'black-box' | 'gray-box'>(teacher).teacher, transfer(4));
    expect(full.calls.flat()).toEqual([0, 1, 2, 3]);
  });
});

describe('a plan for a teacher that is made of others', () => {
  it('adds its parts up: at least those that are always asked, at most all', async () => {
    const [cheap, dear] = [payer('cheap'), payer('dear', {maxBatch: 1})];
    const teacher = cascade([repeat(cheap, {samples: 3}), dear], {confidence: 0.9});
    const {store} = await open();
    const plan = await planAsking(teacher, inputs(4), {store});
    expect(plan).toMatchObject({
      ...{teacher: teacher.name, isService: true, inputs: 4, cached: 0},
      // Twelve samples, two a request; four queries, one a request.
      calls: {low: 6, expected: 10, worst: 50},
      // A service that states no least counts with a token a query and one in the answer.
      tokens: {low: 12 * 2, expected: 16 * 15},
      parts: [
        {teacher: 'cheap', inputs: 12, cached: 0, calls: {low: 6}},
        {teacher: 'dear', inputs: 4, cached: 0, calls: {low: 0, expected: 4}},
      ],
    });
    await collect(place.asking.open(repeat(cheap, {samples: 3})).teacher, transfer(2));
    await collect(place.asking.open(dear).teacher, transfer(1));
    expect(await planAsking(teacher, inputs(4), {store})).toMatchObject({
      // The cheap one is sure of both that it was asked about, so that nobody asks the dear one about the second.
      cached: 2,
      calls: {low: 3, expected: 5},
      parts: [{cached: 6}, {cached: 2}],
    });
  });

  it('takes as long as the slowest account, whose teachers share its rate', async () => {
    const rate = {requestsPerMinute: 60};
    const paced = (name: string, account: string) => {
      const one = payer(name, {maxBatch: 1});
      return {...one, service: {...one.service, account, rate}};
    };
    const {store} = await open();
    const teacher = ensemble([paced('one', 'a'), paced('two', 'a'), paced('three', 'b')]);
    expect(await planAsking(teacher, inputs(3), {store})).toMatchObject({calls: {low: 9}, seconds: {low: 6}});
  });

  it('buys what several parts ask once', async () => {
    const one = payer('one', {maxBatch: 1});
    const {store} = await open();
    const plan = await planAsking(ensemble([one, degrade(one, label)]), inputs(3), {store});
    expect(plan).toMatchObject({cached: 0, calls: {low: 3}, parts: [{cached: 0}, {cached: 3}]});
  });
});
