import {mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {createLedger, EarlierPurchases, type LedgerSnapshot, receiptOf} from '../../src/ask/ledger.ts';
import {stack} from '../../src/ask/teacher-stack.ts';
import {openJournal} from '../../src/store/journal/journal.ts';
import {type AnswerStore, openAnswerStore} from '../../src/store/store.ts';
import {answerKey} from '../../src/store/stored-answer.ts';
import type {Teacher, Usage} from '../../src/teacher.ts';
import {about, fakeTeacher, labelled} from './fake-teacher.ts';
import {labels, payingTeacher} from './paying-teacher.ts';

const nothing = {
  ...{asked: 0, bought: 0, cached: 0, setAside: 0, inDoubt: 0},
  ...{calls: 0, refused: 0, inputTokens: 0, outputTokens: 0},
};

describe('a ledger', () => {
  it('adds up, and its snapshots stay as they were taken', () => {
    const ledger = createLedger();
    expect(ledger.snapshot()).toEqual(nothing);
    ledger.add({asked: 3, calls: 1});
    const before = ledger.snapshot();
    ledger.add({asked: 2, bought: 4, cached: 1, calls: 2, refused: 1, setAside: 1, inDoubt: 2});
    ledger.add({inputTokens: 100, outputTokens: 7});
    expect(before).toEqual({...nothing, asked: 3, calls: 1});
    expect(ledger.snapshot()).toEqual({
      ...{asked: 5, bought: 4, cached: 1, setAside: 1, inDoubt: 2},
      ...{calls: 3, refused: 1, inputTokens: 100, outputTokens: 7},
    });
  });

  it('knows no sum of money before a price is known, and then an exact one', () => {
    const ledger = createLedger();
    expect(ledger.snapshot()).not.toHaveProperty('usd');
    ledger.add({usd: 0});
    expect(ledger.snapshot().usd).toBe(0);
    // Ten times 0.1 is not 1 in binary fractions.
    for (let call = 0; call < 10; call++) ledger.add({usd: 0.1});
    expect(ledger.snapshot().usd).toBe(1);
  });

  it('has tokens of a prompt cache only if there were some', () => {
    const ledger = createLedger();
    ledger.add({inputTokens: 100, outputTokens: 7});
    expect(ledger.snapshot()).not.toHaveProperty('cacheReadTokens');
    ledger.add({inputTokens: 100, cacheReadTokens: 90, cacheWriteTokens: 0});
    expect(ledger.snapshot()).toMatchObject({inputTokens: 200, cacheReadTokens: 90});
    expect(ledger.snapshot()).not.toHaveProperty('cacheWriteTokens');
  });

  it('is plain data for JSON', () => {
    const ledger = createLedger();
    ledger.add({asked: 1, usd: 0.25});
    expect(JSON.parse(JSON.stringify(ledger.snapshot()))).toEqual({...nothing, asked: 1, usd: 0.25});
  });
});

const reply = {status: 200, headers: {}, body: ''};
const usageFrom = (inputTokens: unknown, outputTokens: unknown) =>
  receiptOf({receipt: () => ({model: 'm', usage: {inputTokens, outputTokens} as Usage})}, reply);

describe('a receipt', () => {
  it('leaves out a usage that has more tokens of the prompt cache than of the prompt', () => {
    const of = (cache: Partial<Usage>) =>
      receiptOf({receipt: () => ({usage: {inputTokens: 10, outputTokens: 1, ...cache}})}, reply);
    expect(of({cacheReadTokens: 6, cacheWriteTokens: 4}).usage).toBeDefined();
    expect(of({cacheReadTokens: 6, cacheWriteTokens: 5}).usage).toBeUndefined();
    expect(of({cacheReadTokens: -1}).usage).toBeUndefined();
  });

  it.each([
    [-1, 3],
    [3, -1],
    [Number.NaN, 3],
    [1.5, 3],
    [3, Number.POSITIVE_INFINITY],
    ['12', 3],
    [3, undefined],
    [null, null],
    [2 ** 60, 1],
  ])('says nothing of usage that makes no sense: %s and %s', (inputTokens, outputTokens) => {
    expect(usageFrom(inputTokens, outputTokens)).toEqual({model: 'm'});
  });

  it('says what makes sense', () => {
    expect(usageFrom(0, 12)).toEqual({model: 'm', usage: {inputTokens: 0, outputTokens: 12}});
    expect(receiptOf({}, reply)).toEqual({});
  });
});

const newStore = () => openAnswerStore({store: new Map()});
const now = () => new Date().toISOString();

/** One process: asks about numbers, with a journal of its own unless it takes over one. */
async function processOf(
  teacher: Teacher,
  store: AnswerStore,
  numbers: readonly number[],
  {earlier, folder}: {readonly earlier?: EarlierPurchases; readonly folder?: string} = {},
): Promise<LedgerSnapshot> {
  const journal = await openJournal(folder ?? (await mkdtemp(join(tmpdir(), 'limbeck-earlier-'))));
  const ledger = createLedger(earlier);
  await stack(teacher, {store, journal, ledger}).ask(about(...numbers));
  await journal.close();
  // The clock tells milliseconds.
  await setTimeout(2);
  return ledger.snapshot();
}

const all = [1, 2, 3, 4, 5, 6];

describe('EarlierPurchases', () => {
  it('makes the ledger of an interrupted run that of an undisturbed one, for services and for models here', async () => {
    const model = () => ({
      ...fakeTeacher({access: 'black-box', detail: {kind: 'label'}}, some => some.map(labelled)),
      maxBatch: 2,
    });
    for (const teacher of [payingTeacher, model]) {
      const whole = await processOf(teacher(), newStore(), all);
      const store = newStore();
      await processOf(teacher(), store, [9]);
      const from = now();
      await processOf(teacher(), store, [1, 2]);
      await processOf(teacher(), store, [3, 4]);
      const earlier = new EarlierPurchases({from, until: now()});
      const again = teacher();
      expect(await processOf(again, store, all, {earlier})).toEqual(whole);
      expect(whole).toMatchObject({asked: 6, bought: 6, cached: 0, calls: 3});
      // The next plan of the same process, and what was bought before the run began.
      expect(await processOf(again, store, [...all, 9], {earlier})).toMatchObject({bought: 0, cached: 7, calls: 0});
    }
  });

  it('counts a reply that its process could not read before it was killed', async () => {
    const whole = await processOf(payingTeacher(), newStore(), all);
    const from = now();
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-earlier-'));
    const journal = await openJournal(folder);
    const keys = about(1, 2).map(query => answerKey(payingTeacher().identity, query));
    await journal.replied(await journal.sent(keys), labels([1, 2]));
    await journal.close();
    const earlier = new EarlierPurchases({from, until: now()});
    const again = payingTeacher();
    expect(await processOf(again, newStore(), all, {earlier, folder})).toEqual(whole);
    expect(again.requests.flat().toSorted()).toEqual([3, 4, 5, 6]);
  });

  it('leaves what another process buys meanwhile among the cached', async () => {
    const store = newStore();
    const earlier = new EarlierPurchases({from: now(), until: now()});
    await processOf(payingTeacher(), store, [1, 2]);
    expect(await processOf(payingTeacher(), store, all, {earlier})).toMatchObject({bought: 4, cached: 2, calls: 2});
  });
});
