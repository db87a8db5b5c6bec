import {mkdtemp} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {collectQuestions} from '../../src/ask/collect-questions.ts';
import {createLedger} from '../../src/ask/ledger.ts';
import {stack} from '../../src/ask/teacher-stack.ts';
import type {TransferSet} from '../../src/data/split.ts';
import type {Question} from '../../src/question.ts';
import {predicate} from '../../src/questions.ts';
import {openJournal} from '../../src/store/journal/journal.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {last, parity, questionedTeacher, size} from './questioned-teacher.ts';
import {storeOver} from './store-over.ts';

const newStore = () => openAnswerStore({store: new Map()});
const newFolder = () => mkdtemp(join(tmpdir(), 'limbeck-questions-'));
const transferOf = (...numbers: readonly number[]): TransferSet => ({
  role: 'transfer',
  inputs: {kind: 'text', count: numbers.length, texts: numbers.map(String)},
});
const transfer = transferOf(7, 8, 12, 13, 20);

describe('collectQuestions', () => {
  it('gives the knowledge of each question, with its own classes', async () => {
    const teacher = questionedTeacher();
    const collections = await collectQuestions(stack(teacher, {store: newStore()}), transfer);
    expect(collections.map(({question}) => question)).toEqual([parity, size, last]);
    expect(collections.map(({knowledge}) => knowledge.question)).toEqual([parity, size, last]);
    expect(collections.map(({knowledge}) => knowledge.classes)).toEqual([
      ['no', 'yes'],
      ['small', 'middling', 'large'],
      [...'0123456789'],
    ]);
    expect(collections.map(({knowledge}) => knowledge.answers)).toEqual([
      {kind: 'label', count: 5, labels: Int32Array.of(1, 0, 0, 1, 0)},
      {kind: 'label', count: 5, labels: Int32Array.of(1, 2, 0, 1, 2)},
      {kind: 'label', count: 5, labels: Int32Array.of(7, 8, 2, 3, 0)},
    ]);
    expect(collections.flatMap(({missing}) => missing)).toEqual([]);
  });

  it('asks 20 questions about an input in one request, and charges for the input once', async () => {
    const questions = Array.from({length: 20}, (_, index) =>
      predicate(`q${index}`, `Is it divisible by ${index + 2}?`),
    );
    const [teacher, ledger] = [questionedTeacher({questions}), createLedger()];
    await collectQuestions(stack(teacher, {store: newStore(), ledger}), transfer);
    expect(teacher.requests).toEqual(
      ['7', '8', '12', '13', '20'].map(text => ({text, names: questions.map(({name}) => name)})),
    );
    expect(ledger.snapshot()).toMatchObject({asked: 100, bought: 100, calls: 5, inputTokens: 5 * (100 + 20 * 10)});
  });

  it('asks in as few requests as the most questions of one allow', async () => {
    const teacher = questionedTeacher({perRequest: 2});
    await collectQuestions(stack(teacher, {store: newStore()}), transferOf(1, 2));
    expect(teacher.requests).toHaveLength(4);
    expect(new Set(teacher.requests)).toEqual(
      new Set([
        {text: '1', names: ['parity', 'size']},
        {text: '1', names: ['last']},
        {text: '2', names: ['parity', 'size']},
        {text: '2', names: ['last']},
      ]),
    );
  });

  it('buys only the answers to a question that is added later', async () => {
    const store = newStore();
    await collectQuestions(stack(questionedTeacher({questions: [parity, last]}), {store}), transfer);
    const [teacher, ledger] = [questionedTeacher(), createLedger()];
    const collections = await collectQuestions(stack(teacher, {store, ledger}), transfer);
    expect(teacher.requests.map(({names}) => names)).toEqual(Array.from({length: 5}, () => ['size']));
    expect(ledger.snapshot()).toMatchObject({asked: 15, bought: 5, cached: 10, calls: 5});
    expect(collections.map(({knowledge}) => knowledge.inputs.count)).toEqual([5, 5, 5]);
  });

  it('buys a question again if it is reworded, and not if it is renamed or moved', async () => {
    const store = newStore();
    await collectQuestions(stack(questionedTeacher(), {store}), transfer);
    const renamed: Question = {...size, name: 'magnitude'};
    const moved = questionedTeacher({questions: [last, renamed, parity]});
    await collectQuestions(stack(moved, {store}), transfer);
    expect(moved.requests).toEqual([]);
    const reworded = questionedTeacher({questions: [parity, {...size, instructions: 'How big is it?'}, last]});
    await collectQuestions(stack(reworded, {store}), transfer);
    expect(reworded.requests.map(({names}) => names)).toEqual(Array.from({length: 5}, () => ['size']));
  });

  it('keeps the refusal of one question, asks it no more, and answers its neighbours', async () => {
    const [store, folder] = [newStore(), await newFolder()];
    const ask = async (retryQuarantined: boolean) => {
      const teacher = questionedTeacher({refuses: ['size']});
      const journal = await openJournal(folder);
      const layered = stack(teacher, {store, journal, retryQuarantined});
      const failed = await collectQuestions(layered, transfer).catch((error: unknown) => error);
      const collections = await collectQuestions(layered, transfer, {questions: [parity, last]});
      await journal.close();
      return {requests: teacher.requests, failed, collections};
    };
    const first = await ask(false);
    expect(String(first.failed)).toContain('It refuses to answer question size.');
    expect(first.requests).toHaveLength(5);
    expect(first.collections.map(({missing}) => missing)).toEqual([[], []]);
    const second = await ask(false);
    expect(second.requests).toEqual([]);
    expect(String(second.failed)).toContain('`--retry-quarantined`');
    expect((await ask(true)).requests.map(({names}) => names)).toEqual(Array.from({length: 5}, () => ['size']));
  });

  it('stops if the service refuses a question about five inputs whose other questions it answers', async () => {
    const [store, folder] = [newStore(), await newFolder()];
    const teacher = questionedTeacher({takesNot: ['size']});
    const journal = await openJournal(folder);
    const layered = stack(teacher, {store, journal});
    const many = transferOf(...Array.from({length: 200}, (_, number) => number));
    await expect(collectQuestions(layered, many)).rejects.toThrow(
      'It refuses the question `size` about each of 5 inputs whose other questions it answers',
    );
    // Each input costs the refused request and one for its other questions, and a few inputs are under way at the end.
    expect(teacher.requests.length).toBeLessThan(30);
    const before = teacher.requests.length;
    const [parities] = await collectQuestions(layered, transferOf(0, 1, 2), {questions: [parity]});
    expect(parities!.knowledge.inputs.count).toBe(3);
    expect(teacher.requests.length).toBe(before);
    await journal.close();
  });

  it('reads every answer of a reply that was kept before any of its answers was', async () => {
    const [store, folder] = [newStore(), await newFolder()];
    const full = storeOver(store, {
      setMany: () => Promise.reject(new Error('The disk is full.')),
    });
    const journal = await openJournal(folder);
    const first = questionedTeacher();
    await expect(collectQuestions(stack(first, {store: full, journal}), transfer)).rejects.toThrow('The disk is full.');
    await journal.close();
    const paid = new Set(first.requests.map(({text}) => text));
    const again = await openJournal(folder);
    const second = questionedTeacher();
    const collections = await collectQuestions(stack(second, {store, journal: again}), transfer);
    expect(second.requests.filter(({text}) => paid.has(text))).toEqual([]);
    expect(collections.map(({knowledge}) => knowledge.inputs.count)).toEqual([5, 5, 5]);
    await again.close();
  });

  it('finds the answers of a lost store in the journal, each of its question', async () => {
    const folder = await newFolder();
    const journal = await openJournal(folder);
    const bought = await collectQuestions(stack(questionedTeacher(), {store: newStore(), journal}), transfer);
    await journal.close();
    const again = await openJournal(folder);
    const teacher = questionedTeacher();
    const found = await collectQuestions(stack(teacher, {store: newStore(), journal: again}), transfer);
    expect(teacher.requests).toEqual([]);
    expect(found).toEqual(bought);
    await again.close();
  });

  it('says so if the teacher has no questions', async () => {
    const teacher = questionedTeacher();
    await expect(collectQuestions(stack(teacher, {store: newStore()}), transfer, {questions: []})).rejects.toThrow(
      'Teacher a clerk has no questions to be asked.',
    );
  });

  describe('with questions that influence each other', () => {
    const dependent = (questions: readonly Question[], rest = {}) =>
      questionedTeacher({questions, leaks: true, areDependent: true, ...rest});

    it('keeps an answer for its list of questions, and buys all of a changed list', async () => {
      const store = newStore();
      const [both] = await collectQuestions(stack(dependent([parity, last]), {store}), transfer);
      expect(both!.knowledge.answers).toEqual({kind: 'label', count: 5, labels: Int32Array.of(1, 0, 0, 1, 0)});
      const all = dependent([parity, last, size]);
      const [one] = await collectQuestions(stack(all, {store}), transfer);
      expect(one!.knowledge.answers).toEqual({kind: 'label', count: 5, labels: Int32Array.of(0, 1, 1, 0, 1)});
      expect(all.requests.map(({names}) => names)).toEqual(Array.from({length: 5}, () => ['parity', 'last', 'size']));
      const again = dependent([parity, last]);
      await collectQuestions(stack(again, {store}), transfer);
      expect(again.requests).toEqual([]);
    });

    it('asks each alone if a request carries one, and keeps the answers whatever else is asked', async () => {
      const store = newStore();
      await collectQuestions(stack(dependent([parity, last], {perRequest: 1}), {store}), transfer);
      const more = dependent([size, parity, last], {perRequest: 1});
      await collectQuestions(stack(more, {store}), transfer);
      expect(more.requests.map(({names}) => names)).toEqual(Array.from({length: 5}, () => ['size']));
      const single = dependent([last]);
      await collectQuestions(stack(single, {store}), transfer);
      expect(single.requests).toEqual([]);
    });

    it('asks about all of them again for one that has no answer, and keeps the others as they are', async () => {
      const [store, folder] = [newStore(), await newFolder()];
      const journal = await openJournal(folder);
      const broken = dependent([parity, last, size], {refuses: ['last']});
      await collectQuestions(stack(broken, {store, journal}), transfer).catch(() => {});
      const mended = dependent([parity, last, size]);
      const ledger = createLedger();
      const layered = stack(mended, {store, journal, ledger, retryQuarantined: true});
      await collectQuestions(layered, transfer);
      expect(mended.requests.map(({names}) => names)).toEqual(
        Array.from({length: 5}, () => ['parity', 'last', 'size']),
      );
      expect(ledger.snapshot()).toMatchObject({bought: 5, cached: 10, calls: 5});
      await journal.close();
    });

    it('counts a refused request as one refused input, and asks for none of its parts', async () => {
      const journal = await openJournal(await newFolder());
      const teacher = dependent([parity, last, size], {takesNot: ['last']});
      const many = transferOf(...Array.from({length: 100}, (_, number) => number));
      await expect(collectQuestions(stack(teacher, {store: newStore(), journal}), many)).rejects.toThrow(
        'It seems to refuse every such request',
      );
      expect(teacher.requests.length).toBeLessThan(12);
      expect(new Set(teacher.requests.map(({text}) => text)).size).toBe(teacher.requests.length);
      await journal.close();
    });
  });
});
