import {mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {EarlierPurchases} from '../../../src/ask/keep/earlier-purchases.ts';
import {createLedger, type LedgerSnapshot} from '../../../src/ask/ledger.ts';
import {stack} from '../../../src/ask/teacher-stack.ts';
import {openJournal} from '../../../src/store/journal/journal.ts';
import {type AnswerStore, openAnswerStore} from '../../../src/store/store.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {about, fakeTeacher, labelled} from '../fake-teacher.ts';
import {labels, payingTeacher} from '../paying-teacher.ts';

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
