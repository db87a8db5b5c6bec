import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {type CacheOptions, withCache} from '../../../src/ask/keep/cache.ts';
import {withKeeping} from '../../../src/ask/keep/keep.ts';
import {createLedger} from '../../../src/ask/ledger.ts';
import {AnswerStoreError} from '../../../src/errors.ts';
import {type AnswerStore, openAnswerStore} from '../../../src/store/store.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import type {Access, Answer, Detail, Outcome, Teacher} from '../../../src/teacher.ts';
import {about, fakeTeacher, labelled, scored} from '../fake-teacher.ts';
import {storeOver} from '../store-over.ts';

const black = {access: 'black-box', detail: {kind: 'label'}} as const;
const gray = {access: 'gray-box', detail: {kind: 'logits'}} as const;

const newStore = (): AnswerStore => openAnswerStore({store: new Map()});
const labeller = () => fakeTeacher<'black-box'>(black, numbers => numbers.map(labelled));

const cachedOver = <A extends Access>(teacher: Teacher<A>, options: CacheOptions) =>
  withCache(withKeeping(teacher, options), options);

/** A gray-box teacher that answers exactly what is wanted of it. */
function obliging() {
  return fakeTeacher<'gray-box'>(gray, (numbers, _, {detail}) =>
    numbers.map((number): Outcome<'gray-box'> => {
      if (detail?.kind !== 'top-k') return scored(number);
      const classes = Int32Array.from({length: detail.k}, (_, index) => index);
      return {answer: {kind: 'top-k', classes, logProbabilities: new Float32Array(detail.k).fill(-2), rest: 0.1}};
    }),
  );
}

async function keep(store: AnswerStore, teacher: Teacher, number: number, answer: Answer, detail: Detail) {
  await cachedOver({...teacher, ask: async () => [{answer}]} as Teacher, {store}).ask(about(number), {detail});
}

describe('withCache', () => {
  it('asks only for what is not kept, gives all in order, and counts', async () => {
    const store = newStore();
    const [teacher, ledger] = [labeller(), createLedger()];
    const cached = cachedOver(teacher, {store, ledger});
    expect(await cached.ask(about(1, 2))).toEqual([labelled(1), labelled(2)]);
    expect(await cached.ask(about(3, 2, 4, 1))).toEqual([labelled(3), labelled(2), labelled(4), labelled(1)]);
    expect(teacher.calls).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(ledger.snapshot()).toMatchObject({asked: 6, bought: 4, cached: 2, calls: 0});
  });

  it('makes no call at all if everything is kept', async () => {
    const store = newStore();
    await cachedOver(labeller(), {store}).ask(about(1, 2));
    const teacher = labeller();
    await cachedOver(teacher, {store}).ask(about(2, 1, 1));
    expect(teacher.calls).toEqual([]);
  });

  it('keeps a record that says who answered what, when, and under which key', async () => {
    const store = newStore();
    const teacher = labeller();
    const [query] = about(5);
    await cachedOver(teacher, {store}).ask([{...query!, view: 7, sample: 2}]);
    const key = answerKey(teacher.identity, {...query!, view: 7, sample: 2});
    expect(await store.get(key)).toEqual({
      format: 1,
      teacher: {name: 'a fake', identity: {service: 'fake'}},
      question: {dtype: 'text', shape: [], bytes: expect.stringMatching(/^[0-9a-f]{64}$/), view: 7, sample: 2},
      detail: {kind: 'label'},
      answer: {kind: 'label', label: 2},
      storedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
  });

  it('has kept an answer when it returns it', async () => {
    const order: string[] = [];
    const store = newStore();
    const slow = storeOver(store, {
      async setMany(entries) {
        await setTimeout(5);
        await store.setMany(entries);
        order.push('kept');
      },
    });
    await cachedOver(labeller(), {store: slow}).ask(about(1));
    order.push('returned');
    expect(order).toEqual(['kept', 'returned']);
  });

  it('keeps no error, and leaves the neighbours of a bad input alone', async () => {
    const store = newStore();
    const teacher = fakeTeacher<'black-box'>(black, (numbers, call) => {
      return numbers.map(number => (number === 2 && call === 1 ? {error: new Error('too long')} : labelled(number)));
    });
    const ledger = createLedger();
    const cached = cachedOver(teacher, {store, ledger});
    expect(await cached.ask(about(1, 2, 3))).toEqual([labelled(1), {error: new Error('too long')}, labelled(3)]);
    expect(ledger.snapshot()).toMatchObject({asked: 3, bought: 2, cached: 0, calls: 0});
    expect(await cached.ask(about(1, 2, 3))).toEqual([labelled(1), labelled(2), labelled(3)]);
    expect(teacher.calls).toEqual([[1, 2, 3], [2]]);
  });

  it('does not mix teachers, views or samples', async () => {
    const store = newStore();
    const [query] = about(1);
    const teacher = labeller();
    const cached = cachedOver(teacher, {store});
    await cached.ask([query!, {...query!, view: 1}, {...query!, sample: 1}]);
    await cachedOver({...teacher, identity: {service: 'fake', version: 2}}, {store}).ask([query!]);
    expect(teacher.calls).toEqual([[1, 1, 1], [1]]);
  });
});

describe('what a kept answer serves', () => {
  it('serves every query that wants no more, whole', async () => {
    const store = newStore();
    const teacher = obliging();
    const cached = cachedOver(teacher, {store});
    await cached.ask(about(1), {detail: {kind: 'logits'}});
    for (const detail of [{kind: 'label'}, {kind: 'top-k', k: 2}, {kind: 'log-probabilities'}] as const) {
      expect(await cached.ask(about(1), {detail})).toEqual([scored(1)]);
    }
    expect(teacher.calls.length).toBe(1);
  });

  it('is asked for again if more is wanted, in kind or in k, and then replaced', async () => {
    const store = newStore();
    const teacher = obliging();
    const cached = cachedOver(teacher, {store});
    const key = answerKey(teacher.identity, about(1)[0]!);
    const asked: readonly Detail[] = [
      {kind: 'top-k', k: 1},
      {kind: 'top-k', k: 2},
      {kind: 'top-k', k: 1},
      {kind: 'logits'},
    ];
    const kept: (Detail | undefined)[] = [];
    for (const detail of asked) {
      await cached.ask(about(1), {detail});
      kept.push((await store.get(key))?.detail);
    }
    expect(kept).toEqual([{kind: 'top-k', k: 1}, {kind: 'top-k', k: 2}, {kind: 'top-k', k: 2}, {kind: 'logits'}]);
    expect(teacher.options.map(({detail}) => detail)).toEqual([asked[0], asked[1], asked[3]]);
  });

  it("asks for the teacher's own detail if none is named", async () => {
    const teacher = obliging();
    await cachedOver(teacher, {store: newStore()}).ask(about(1));
    expect(teacher.options).toMatchObject([{detail: {kind: 'logits'}}]);
  });

  it('is never replaced by a poorer answer, even one that was on its way when it was kept', async () => {
    const store = newStore();
    const poor: Answer = {kind: 'top-k', classes: Int32Array.of(0), logProbabilities: Float32Array.of(-1), rest: 0.6};
    const teacher = fakeTeacher<'gray-box'>(gray, async () => {
      // As another process would, under the same key and past this one's calls under way.
      await keep(storeOver(store, {}), teacher, 1, scored(1).answer, {kind: 'logits'});
      return [{answer: poor}];
    });
    const outcomes = await cachedOver(teacher, {store}).ask(about(1), {detail: {kind: 'top-k', k: 1}});
    expect(outcomes).toEqual([{answer: poor}]);
    expect((await store.get(answerKey(teacher.identity, about(1)[0]!)))?.detail).toEqual({kind: 'logits'});
  });

  it('is not bought again if the teacher named fewer classes than k', async () => {
    const store = newStore();
    const short: Answer = {
      kind: 'top-k',
      classes: Int32Array.of(2),
      logProbabilities: Float32Array.of(-0.1),
      rest: 0.09,
    };
    const teacher = fakeTeacher<'gray-box'>({...gray, detail: {kind: 'top-k', k: 3}}, () => [{answer: short}]);
    const cached = cachedOver(teacher, {store});
    await cached.ask(about(1));
    expect(await cached.ask(about(1))).toEqual([{answer: short}]);
    expect(teacher.calls.length).toBe(1);
  });

  it('comes coarsened to a teacher that may not show it whole', async () => {
    const store = newStore();
    await keep(store, obliging(), 4, scored(4).answer, {kind: 'logits'});
    const teacher = labeller();
    expect(await cachedOver(teacher, {store}).ask(about(4))).toEqual([{answer: {kind: 'label', label: 0}}]);
    expect(teacher.calls).toEqual([]);
  });

  it('does not come to a teacher whose access shows more, though it wants no more', async () => {
    const store = newStore();
    await keep(store, labeller(), 1, {kind: 'label', label: 2}, {kind: 'label'});
    const teacher = obliging();
    expect(await cachedOver(teacher, {store}).ask(about(1), {detail: {kind: 'label'}})).toEqual([scored(1)]);
    expect((await store.get(answerKey(teacher.identity, about(1)[0]!)))?.detail).toEqual({kind: 'logits'});
  });
});

describe('identical queries', () => {
  it('are asked once in one call', async () => {
    const [teacher, ledger] = [labeller(), createLedger()];
    const cached = cachedOver(teacher, {store: newStore(), ledger});
    expect(await cached.ask(about(1, 2, 1, 1))).toEqual([1, 2, 1, 1].map(labelled));
    expect(teacher.calls).toEqual([[1, 2]]);
    expect(ledger.snapshot()).toMatchObject({asked: 4, bought: 2, cached: 2, calls: 0});
  });

  it('are asked once in calls under way at the same time, through two layers over one store', async () => {
    const store = newStore();
    const teacher = fakeTeacher<'black-box'>(black, async numbers => {
      await setTimeout(5);
      return numbers.map(labelled);
    });
    const [one, two] = [cachedOver(teacher, {store}), cachedOver(teacher, {store})];
    const asking = [one.ask(about(1, 2)), two.ask(about(2, 3)), one.ask(about(3, 1, 4)), two.ask(about(4))];
    expect(await Promise.all(asking)).toEqual([[1, 2], [2, 3], [3, 1, 4], [4]].map(numbers => numbers.map(labelled)));
    expect(teacher.calls.flat().sort()).toEqual([1, 2, 3, 4]);
  });

  it('are asked once by 64 calls at once, and once more for each further sample', async () => {
    const teacher = labeller();
    const cached = cachedOver(teacher, {store: newStore()});
    await Promise.all(Array.from({length: 64}, () => cached.ask(about(1))));
    expect(teacher.calls).toEqual([[1]]);
    const samples = [0, 1, 2, 3].map(sample => about(1).map(query => ({...query, sample})));
    await Promise.all(Array.from({length: 64}, (_, index) => cached.ask(samples[index % 4]!)));
    expect(teacher.calls.flat()).toEqual([1, 1, 1, 1]);
  });

  it('of 10,000 that are kept and one that is not, one is asked', async () => {
    const teacher = labeller();
    const cached = cachedOver(teacher, {store: newStore()});
    const numbers = Array.from({length: 10_000}, (_, index) => index);
    await cached.ask(about(...numbers));
    teacher.calls.length = 0;
    await cached.ask(about(...numbers, 10_000));
    expect(teacher.calls).toEqual([[10_000]]);
  });

  it('are asked again if the call under way wants less', async () => {
    const store = newStore();
    const teacher = obliging();
    const cached = cachedOver(teacher, {store});
    const [poor, full] = await Promise.all([
      cached.ask(about(1), {detail: {kind: 'top-k', k: 1}}),
      cached.ask(about(1), {detail: {kind: 'logits'}}),
    ]);
    expect(poor).toMatchObject([{answer: {kind: 'top-k'}}]);
    expect(full).toEqual([scored(1)]);
    expect(teacher.calls.length).toBe(2);
  });

  it('do not fail with the call that asks them: the other call asks them itself', async () => {
    const teacher = fakeTeacher<'black-box'>(black, async (numbers, call) => {
      await setTimeout(5);
      if (call === 1) throw new Error('no connection');
      return numbers.map(labelled);
    });
    const cached = cachedOver(teacher, {store: newStore()});
    const [first, second] = await Promise.allSettled([cached.ask(about(1)), cached.ask(about(1))]);
    expect(first).toMatchObject({status: 'rejected', reason: new Error('no connection')});
    expect(second).toEqual({status: 'fulfilled', value: [labelled(1)]});
    expect(teacher.calls.length).toBe(2);
  });

  it('share the error of an input that is bad', async () => {
    const teacher = fakeTeacher<'black-box'>(black, async () => {
      await setTimeout(5);
      return [{error: new Error('too long')}];
    });
    const cached = cachedOver(teacher, {store: newStore()});
    const outcomes = await Promise.all([cached.ask(about(1)), cached.ask(about(1))]);
    expect(outcomes).toEqual([[{error: new Error('too long')}], [{error: new Error('too long')}]]);
    expect(teacher.calls.length).toBe(1);
  });
});

describe('a store that fails', () => {
  const fail = async () => {
    throw new AnswerStoreError('The disk is full.');
  };

  it('stops the run before anything is bought, if it can not be read', async () => {
    const teacher = labeller();
    await expect(cachedOver(teacher, {store: storeOver(newStore(), {getMany: fail})}).ask(about(1))).rejects.toThrow(
      AnswerStoreError,
    );
    expect(teacher.calls).toEqual([]);
  });

  it('stops the run with the answers that it could not keep', async () => {
    const [teacher, ledger] = [labeller(), createLedger()];
    const asking = cachedOver(teacher, {store: storeOver(newStore(), {setMany: fail}), ledger}).ask(about(1));
    await expect(asking).rejects.toThrow('The disk is full.');
    expect(ledger.snapshot()).toMatchObject({asked: 1, bought: 1});
  });
});
