import {describe, expect, expectTypeOf, it} from 'vitest';
import {labelModel} from '../../src/ask/compose/label-model.ts';
import {degrade} from '../../src/ask/degrade.ts';
import {createLedger} from '../../src/ask/ledger.ts';
import {stack} from '../../src/ask/teacher-stack.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {answerKey} from '../../src/store/stored-answer.ts';
import type {Outcome, Teacher} from '../../src/teacher.ts';
import {about, fakeTeacher, labelled} from './fake-teacher.ts';

const pool = {shape: [1], values: Float32Array.of(1)};
const white = () =>
  fakeTeacher<'white-box'>({access: 'white-box', detail: {kind: 'logits', features: ['pool']}}, numbers =>
    numbers.map(
      (number): Outcome<'white-box'> => ({
        answer: {kind: 'logits', logits: Float32Array.of(number, 0, -1), features: {pool}},
      }),
    ),
  );
const black = () =>
  fakeTeacher<'black-box'>({access: 'black-box', detail: {kind: 'label'}}, numbers => numbers.map(labelled));

describe('degrade', () => {
  it('shows less of every answer', async () => {
    const teacher = white();
    const label = degrade(teacher, {access: 'black-box', detail: {kind: 'label'}});
    expectTypeOf(label).toEqualTypeOf<Teacher<'black-box'>>();
    expect(await label.ask(about(2, -3))).toEqual([
      {answer: {kind: 'label', label: 0}},
      {answer: {kind: 'label', label: 1}},
    ]);
    expect(await degrade(teacher, {access: 'gray-box', detail: {kind: 'logits'}}).ask(about(2))).toEqual([
      {answer: {kind: 'logits', logits: Float32Array.of(2, 0, -1), features: {}}},
    ]);
    expect(await degrade(teacher, {access: 'gray-box', detail: {kind: 'top-k', k: 2}}).ask(about(2))).toMatchObject([
      {answer: {kind: 'top-k', classes: Int32Array.of(0, 1)}},
    ]);
  });

  it('shows the expected level of a distribution, also after noise', async () => {
    const level = degrade(white(), {access: 'gray-box', detail: {kind: 'expected'}});
    const [weights, sum] = [[2, 0, -1].map(Math.exp), Math.exp(2) + 1 + Math.exp(-1)];
    expect(await level.ask(about(2))).toEqual([
      {answer: {kind: 'expected', level: expect.closeTo((weights[1]! + 2 * weights[2]!) / sum, 6)}},
    ]);
    const [noisy] = await degrade(white(), {access: 'gray-box', detail: {kind: 'expected'}, temperature: 3}).ask(
      about(2),
    );
    expect(noisy).toMatchObject({answer: {kind: 'expected', level: expect.any(Number)}});
    await expect(level.ask(about(2), {detail: {kind: 'label'}})).rejects.toThrow(
      'shows expected, and label was asked for',
    );
  });

  it('shows no more if less is wanted, and gives what its level may show', async () => {
    const teacher = white();
    const top = degrade(teacher, {access: 'gray-box', detail: {kind: 'top-k', k: 2}});
    expect(await top.ask(about(2), {detail: {kind: 'label'}})).toMatchObject([{answer: {kind: 'top-k'}}]);
    expect(teacher.options).toMatchObject([{detail: {kind: 'top-k', k: 2}}]);
    await expect(top.ask(about(2), {detail: {kind: 'logits'}})).rejects.toThrow(
      'Teacher a fake as gray-box shows top-k (k = 2), and logits was asked for.',
    );
  });

  it('says what it is: its level, its detail, another name and other keys', () => {
    const teacher = white();
    const top = degrade(teacher, {access: 'gray-box', detail: {kind: 'top-k', k: 2}});
    expect(top).toMatchObject({
      access: 'gray-box',
      detail: {kind: 'top-k', k: 2},
      name: 'a fake as gray-box',
      maxBatch: 2,
    });
    const other = degrade(teacher, {access: 'gray-box', detail: {kind: 'top-k', k: 1}});
    const keys = [teacher, top, other].map(({identity}) => answerKey(identity, about(1)[0]!));
    expect(new Set(keys).size).toBe(3);
  });

  it('shows what a black box estimates at its own level, and no more of it at another', async () => {
    const inputs = {kind: 'text', count: 3, texts: ['0', '1', '2']} as const;
    const voter = (name: string): Teacher<'black-box'> => ({...black(), name, identity: {service: name}});
    const model = labelModel([voter('one'), voter('two'), voter('three')], {inputs});
    const detail = {kind: 'log-probabilities'} as const;
    const rounded = degrade(model, {access: 'black-box', detail, decimals: 1});
    const [outcome] = await rounded.ask(about(1));
    const answer = outcome && 'answer' in outcome ? outcome.answer : undefined;
    const shares = answer?.kind === 'log-probabilities' ? [...answer.logProbabilities].map(Math.exp) : [];
    expect(shares.map(share => Number(share.toFixed(6)))).toEqual([0, 1, 0]);
    expect(() => degrade(model, {access: 'gray-box', detail})).toThrow("it can't be shown as gray-box");
    expect(() => degrade(model, {access: 'black-box', detail: {kind: 'top-k', k: 2}})).toThrow(
      "A black-box teacher doesn't show top-k",
    );
  });

  it('passes errors on as they are', async () => {
    const error = new Error('too long');
    const teacher = fakeTeacher<'gray-box'>({access: 'gray-box', detail: {kind: 'logits'}}, () => [{error}]);
    expect(await degrade(teacher, {access: 'black-box', detail: {kind: 'label'}}).ask(about(1))).toEqual([{error}]);
  });

  it('serves every level from one set of kept answers', async () => {
    const [teacher, ledger] = [white(), createLedger()];
    const full = stack(teacher, {store: openAnswerStore({store: new Map()}), ledger});
    await full.ask(about(1, 2));
    await degrade(full, {access: 'gray-box', detail: {kind: 'log-probabilities'}}).ask(about(1, 2));
    await degrade(full, {access: 'black-box', detail: {kind: 'label'}}).ask(about(1, 2));
    expect(ledger.snapshot()).toMatchObject({asked: 6, bought: 2, cached: 4, calls: 1});
  });

  it('refuses to show more than the teacher does, or what its level may not show', () => {
    expect(() => degrade(black(), {access: 'gray-box', detail: {kind: 'label'}})).toThrow(
      "Teacher a fake is black-box and gives label: it can't be shown as gray-box with label.",
    );
    expect(() => degrade(black(), {access: 'black-box', detail: {kind: 'votes'}})).toThrow(
      "can't be shown as black-box",
    );
    expect(() => degrade(white(), {access: 'black-box', detail: {kind: 'top-k', k: 1}})).toThrow(
      "A black-box teacher doesn't show top-k (k = 1).",
    );
    expect(() => degrade(white(), {access: 'white-box', detail: {kind: 'log-probabilities'}})).toThrow(
      "A white-box teacher doesn't show log-probabilities.",
    );
  });
});
