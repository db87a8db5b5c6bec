import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {createLedger} from '../../src/ask/ledger.ts';
import {stack} from '../../src/ask/teacher-stack.ts';
import {AnswerStoreError, TeacherError} from '../../src/errors.ts';
import {openJournal} from '../../src/store/journal/journal.ts';
import {type AnswerStore, openAnswerStore} from '../../src/store/store.ts';
import type {Teacher} from '../../src/teacher.ts';
import {about, fakeTeacher, labelled} from './fake-teacher.ts';
import {labels, payingTeacher, refusal} from './paying-teacher.ts';
import {storeOver} from './store-over.ts';

const fields = {access: 'black-box', detail: {kind: 'label'}} as const;
const ten = about(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);

let folder: string;
let store: AnswerStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-stack-'));
  store = openAnswerStore({path: join(folder, 'answers.lmdb')});
});

afterEach(async () => {
  await store.close();
  await rm(folder, {recursive: true});
});

describe('a stack of layers', () => {
  it('keeps every paid answer of a run that breaks off: the next run buys only the others', async () => {
    const breaking = fakeTeacher<'black-box'>(fields, (numbers, call) => {
      if (call === 3) throw new TeacherError('a fake', 'It refused the key.', {status: 401});
      return numbers.map(labelled);
    });
    await expect(stack(breaking, {store}).ask(ten)).rejects.toThrow('It refused the key.');
    expect(breaking.calls.length).toBe(3);

    const teacher = fakeTeacher<'black-box'>(fields, numbers => numbers.map(labelled));
    const ledger = createLedger();
    expect(await stack(teacher, {store, ledger}).ask(ten)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(labelled));
    expect(teacher.calls).toEqual([
      [5, 6],
      [7, 8],
      [9, 10],
    ]);
    expect(ledger.snapshot()).toMatchObject({asked: 10, bought: 6, cached: 4, calls: 3});
  });

  it('keeps what the batches under way bring when another fails', async () => {
    const teacher = fakeTeacher<'black-box'>({...fields, concurrency: 3}, async (numbers, call) => {
      if (call === 1) throw new Error('no connection');
      await new Promise(resolve => setTimeout(resolve, 5));
      return numbers.map(labelled);
    });
    await expect(stack(teacher, {store}).ask(ten)).rejects.toThrow('no connection');
    expect(await store.count()).toBe(4);
  });

  it('buys nothing more once the store fails', async () => {
    const teacher = fakeTeacher<'black-box'>(fields, numbers => numbers.map(labelled));
    const failing = storeOver(store, {
      async setMany(entries) {
        if (teacher.calls.length === 2) throw new AnswerStoreError('The disk is full.');
        await store.setMany(entries);
      },
    });
    await expect(stack(teacher, {store: failing}).ask(ten)).rejects.toThrow('The disk is full.');
    expect(teacher.calls.length).toBe(2);
  });

  it('serves offline what is kept, refuses the rest, and calls nobody', async () => {
    const teacher = fakeTeacher<'black-box'>(fields, numbers => numbers.map(labelled));
    await stack(teacher, {store}).ask(about(1, 2));
    const ledger = createLedger();
    const outcomes = await stack(teacher, {store, ledger, record: 'none'}).ask(about(1, 2, 3, 4));
    expect(outcomes.slice(0, 2)).toEqual([labelled(1), labelled(2)]);
    expect(outcomes.slice(2)).toMatchObject([{error: {name: 'KnowledgeError'}}, {error: {name: 'KnowledgeError'}}]);
    expect(teacher.calls.length).toBe(1);
    expect(ledger.snapshot()).toMatchObject({asked: 4, bought: 0, cached: 2, calls: 0});
  });
});

it('a stack keeps the answers of replies that a full journal could not take, and then fails', async () => {
  const journal = await openJournal(join(folder, 'journal'));
  const full = new AnswerStoreError('The journal can’t be written.');
  const replied = () => Promise.reject(full);
  const kept = () => Promise.reject(full);
  const limited = new Proxy(journal, {
    get: (of, name) => {
      const own = {replied, kept}[name as string] ?? Reflect.get(of, name, of);
      return typeof own === 'function' ? own.bind(of) : own;
    },
  });
  const payer = payingTeacher(() => labels([1, 2]));
  await expect(stack(payer, {store, journal: limited}).ask(about(1, 2))).rejects.toBe(full);
  await journal.close();
  const silent = payingTeacher(() => new Error('It is not asked again.'));
  expect(await stack(silent, {store}).ask(about(1, 2))).toMatchObject([1, 2].map(labelled));
});

it('a stack on its own waits as long as the service says, for all requests together', async () => {
  const store = openAnswerStore({store: new Map()});
  const sentAt: number[] = [];
  const busy = payingTeacher((numbers, request) => {
    sentAt.push(performance.now());
    return request <= 2 ? refusal(429, {'retry-after-ms': '120'}) : labels(numbers);
  });
  const teacher = stack(busy, {store});
  const asking = [0, 1].map(number => teacher.ask(about(number)));
  expect(await Promise.all(asking)).toEqual([[labelled(0)], [labelled(1)]]);
  expect(sentAt).toHaveLength(4);
  expect(sentAt[2]! - sentAt[1]!).toBeGreaterThanOrEqual(119);
});

it('a stack that watches for drift ends the run when the service answers otherwise than it did', async () => {
  const store = openAnswerStore({store: new Map()});
  const old = about(...Array.from({length: 20}, (_, number) => number));
  await stack(payingTeacher(), {store}).ask(old);
  await pause(5);
  const changed = payingTeacher(numbers => labels(numbers.map(number => number + 1)));
  const teacher = stack(changed, {store, drift: {every: 4, sample: 8}});
  await expect(teacher.ask([...old, ...about(30, 31)])).rejects.toThrow(/Of 8 answers .* 8 have another label/);
  expect(changed.requests.flat()).not.toContain(30);
});

it('a stack that records all anew asks again about what an embedded store holds, and replaces it', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'limbeck-stack-')), 'answers');
  const store = openAnswerStore({path});
  await stack(payingTeacher(), {store}).ask(about(1, 2));
  const changed = payingTeacher(numbers => labels(numbers.map(number => number + 1)));
  expect(await stack(changed, {store, record: 'all'}).ask(about(1, 2))).toEqual([labelled(2), labelled(0)]);
  expect(await stack(changed, {store}).ask(about(1, 2))).toEqual([labelled(2), labelled(0)]);
  expect(changed.requests).toEqual([[1, 2]]);
  await store.close();
});

it('a stack refuses a teacher, not made of others, whose access does not show the detail that it declares', () => {
  const estimating = payingTeacher(labels, {detail: {kind: 'log-probabilities'}});
  expect(() => stack(estimating, {store})).toThrow('is a black-box and gives log-probabilities');
  const labelling = {...payingTeacher(), access: 'gray-box'} as unknown as Teacher;
  expect(() => stack(labelling, {store})).toThrow('Mend its `access` or its `detail`.');
});
