import {describe, expect, it} from 'vitest';
import {answersTo, collect} from '../../src/ask/collect.ts';
import {stack} from '../../src/ask/teacher-stack.ts';
import type {TransferSet} from '../../src/data/split.ts';
import {KnowledgeError} from '../../src/errors.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {answerKey} from '../../src/store/stored-answer.ts';
import {about, fakeTeacher, labelled, scored} from './fake-teacher.ts';

const black = {access: 'black-box', detail: {kind: 'label'}} as const;

function transferOf(...numbers: readonly number[]): TransferSet {
  return {role: 'transfer', inputs: {kind: 'text', count: numbers.length, texts: numbers.map(String)}};
}

const newStore = () => openAnswerStore({store: new Map()});

describe('collect', () => {
  it('gives knowledge: who answered, what about, and the answers row by row', async () => {
    const teacher = fakeTeacher<'gray-box'>({access: 'gray-box', detail: {kind: 'logits'}}, numbers =>
      numbers.map(scored),
    );
    const transfer = transferOf(5, 3, 4);
    expect(await collect(stack(teacher, {store: newStore()}), transfer)).toEqual({
      source: {access: 'gray-box', identity: {service: 'fake'}},
      classes: ['a', 'b', 'c'],
      detail: {kind: 'logits'},
      inputs: transfer.inputs,
      answers: {kind: 'logits', count: 3, logits: Float32Array.of(5, 0, -1, 3, 0, -1, 4, 0, -1), features: {}},
    });
  });

  it('asks for the detail that is wanted and coarsens what is fuller', async () => {
    const teacher = fakeTeacher<'gray-box'>({access: 'gray-box', detail: {kind: 'logits'}}, numbers =>
      numbers.map(scored),
    );
    const {answers, detail} = await collect(stack(teacher, {store: newStore()}), transferOf(1, -5), {
      detail: {kind: 'label'},
    });
    expect(teacher.options).toMatchObject([{detail: {kind: 'label'}}]);
    expect(detail).toEqual({kind: 'label'});
    expect(answers).toEqual({kind: 'label', count: 2, labels: Int32Array.of(0, 1)});
  });

  it('is what `answersTo` gives for inputs that are not to be learned from', async () => {
    const teacher = fakeTeacher<'black-box'>(black, numbers => numbers.map(labelled));
    const {inputs} = transferOf(1, 5);
    expect(await answersTo(stack(teacher, {store: newStore()}), inputs)).toEqual({
      kind: 'label',
      count: 2,
      labels: Int32Array.of(1, 2),
    });
  });

  it('collects tensors, each asked about as it stands', async () => {
    const seen: unknown[] = [];
    const teacher = {
      ...fakeTeacher<'black-box'>(black, () => []),
      ask: async (queries: readonly unknown[]) => {
        seen.push(...queries);
        return queries.map(() => labelled(1));
      },
    };
    const inputs = {kind: 'tensor', dtype: 'uint8', shape: [2], count: 2, data: Uint8Array.of(1, 2, 3, 4)} as const;
    await collect(teacher, {role: 'transfer', inputs});
    const {count: _, ...block} = inputs;
    expect(seen).toEqual([
      {input: {...block, data: Uint8Array.of(1, 2)}},
      {input: {...block, data: Uint8Array.of(3, 4)}},
    ]);
  });

  it('asks about everything before it reports the inputs that failed, and keeps the rest', async () => {
    const bad = new Set([1, 2, 6, 8]);
    const teacher = fakeTeacher<'black-box'>(black, numbers => {
      return numbers.map(number => (bad.has(number) ? {error: new Error(`${number} is bad.`)} : labelled(number)));
    });
    const store = newStore();
    const collecting = collect(stack(teacher, {store}), transferOf(0, 1, 2, 3, 4, 5, 6, 7, 8));
    await expect(collecting).rejects.toThrow(KnowledgeError);
    await expect(collecting).rejects.toThrow(
      'Teacher a fake left 4 of 9 inputs without an answer:\n' +
        '  input 1: 1 is bad.\n  input 2: 2 is bad.\n  input 6: 6 is bad.\n  and 1 more.',
    );
    expect(await store.count()).toBe(5);
    expect(teacher.calls.length).toBe(5);
  });

  it('counts offline all that is missing, over every batch, and says what to do', async () => {
    const teacher = fakeTeacher<'black-box'>(black, numbers => numbers.map(labelled));
    const store = newStore();
    await collect(stack(teacher, {store}), transferOf(0, 1, 2));
    const key = answerKey(teacher.identity, about(7)[0]!);
    const collecting = collect(stack(teacher, {store, record: 'none'}), transferOf(0, 7, 1, 8, 2, 9));
    await expect(collecting).rejects.toThrow('Teacher a fake left 3 of 6 inputs without an answer:');
    await expect(collecting).rejects.toThrow(
      `input 1: No answer is kept under key ${key}, and offline none is bought. The nearest is `,
    );
  });

  it('works offline from kept answers alone', async () => {
    const store = newStore();
    const teacher = fakeTeacher<'black-box'>(black, numbers => numbers.map(labelled));
    const bought = await collect(stack(teacher, {store}), transferOf(4, 5, 6));
    expect(await collect(stack(teacher, {store, record: 'none'}), transferOf(4, 5, 6))).toEqual(bought);
    expect(teacher.calls.length).toBe(2);
  });

  it('refuses a detail that the teacher does not give, before it asks', async () => {
    const teacher = fakeTeacher<'black-box'>(black, numbers => numbers.map(labelled));
    await expect(collect(teacher, transferOf(1), {detail: {kind: 'top-k', k: 5}})).rejects.toThrow(
      'Teacher a fake gives label, and top-k (k = 5) was asked for.',
    );
    expect(teacher.calls).toEqual([]);
  });

  it('tells how far it is, and can be aborted', async () => {
    const teacher = fakeTeacher<'black-box'>(black, numbers => numbers.map(labelled));
    const store = newStore();
    const controller = new AbortController();
    const seen: number[] = [];
    const onProgress = (done: number) => {
      seen.push(done);
      if (done === 4) controller.abort(new Error('enough'));
    };
    const collecting = collect(stack(teacher, {store}), transferOf(1, 2, 3, 4, 5), {
      onProgress,
      signal: controller.signal,
    });
    await expect(collecting).rejects.toThrow('enough');
    expect(seen).toEqual([2, 4]);
    expect(await store.count()).toBe(4);
  });
});
