import {describe, expect, it} from 'vitest';
import {callable} from '../../../adapters/callable.ts';
import {collect} from '../../../src/ask/collect.ts';
import {aboutQuestion} from '../../../src/ask/compose/about-question.ts';
import {createLedger} from '../../../src/ask/ledger.ts';
import {planAsking} from '../../../src/ask/plan/plan.ts';
import {stack} from '../../../src/ask/teacher-stack.ts';
import type {TransferSet} from '../../../src/data/split.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import {about} from '../fake-teacher.ts';
import {last, parity, questionedTeacher, size} from '../questioned-teacher.ts';

const newStore = () => openAnswerStore({store: new Map()});
const transfer: TransferSet = {role: 'transfer', inputs: {kind: 'text', count: 3, texts: ['7', '8', '12']}};

describe('aboutQuestion', () => {
  it('is a teacher with the classes of one question, which buys all questions about an input together', async () => {
    const [teacher, store] = [questionedTeacher(), newStore()];
    const digits = aboutQuestion(teacher, 'last');
    expect(digits).toMatchObject({name: 'a clerk about last', access: 'black-box', classes: [...'0123456789']});
    expect(digits.identity).toEqual({question: last, of: {service: 'clerk'}});
    const {answers} = await collect(stack(digits, {store}), transfer);
    expect(answers).toEqual({kind: 'label', count: 3, labels: Int32Array.of(7, 8, 2)});
    const parity = await collect(stack(aboutQuestion(teacher, 'parity'), {store}), transfer);
    expect(parity.answers).toEqual({kind: 'label', count: 3, labels: Int32Array.of(1, 0, 0)});
    expect(teacher.requests.map(({names}) => names)).toEqual(Array.from({length: 3}, () => ['parity', 'size', 'last']));
  });

  it('asks only about the questions that are to be asked together', async () => {
    const teacher = questionedTeacher();
    const alone = aboutQuestion(teacher, 'size', {together: []});
    await stack(alone, {store: newStore()}).ask(about(1, 2));
    await stack(aboutQuestion(teacher, 'size', {together: ['last']}), {store: newStore()}).ask(about(3));
    expect(teacher.requests.map(({names}) => names)).toEqual([['size'], ['size'], ['size', 'last']]);
  });

  it('shares the answers of questions that influence each other with a teacher about another of them', async () => {
    const [teacher, store] = [questionedTeacher({leaks: true, areDependent: true}), newStore()];
    const digits = aboutQuestion(teacher, 'last', {together: ['parity']});
    await stack(digits, {store}).ask(about(1, 2));
    await stack(aboutQuestion(teacher, 'parity', {together: ['last']}), {store}).ask(about(1, 2));
    expect(teacher.requests.map(({names}) => names)).toEqual([
      ['parity', 'last'],
      ['parity', 'last'],
    ]);
    const alone = aboutQuestion(teacher, 'last', {together: []});
    const [outcome] = await stack(alone, {store}).ask(about(1));
    expect(outcome).toEqual({answer: {kind: 'label', label: 2}});
    expect(teacher.requests).toHaveLength(3);
    expect(alone.identity).toEqual({question: last, of: {service: 'clerk'}});
    expect(digits.identity).toEqual({question: last, of: {service: 'clerk'}, together: [parity, last]});
  });

  it('passes on the features of a model, and says which of its outputs answers', async () => {
    const inner = callable({
      ...{name: 'model', version: '1', questions: [parity, size], access: 'white-box', features: ['state']},
      answer: () => ({logits: {parity: 2, size: [0, 1, 2]}, features: {state: {shape: [2], values: [3, 4]}}}),
    });
    const model = {...inner, questions: {...inner.questions!, sources: {size: {logits: 'head'}}}};
    const teacher = aboutQuestion(model, 'size');
    expect(teacher).toMatchObject({access: 'white-box', identity: {source: {logits: 'head'}}, detail: inner.detail});
    const [outcome] = await stack(teacher, {store: newStore()}).ask(about(1), {detail: teacher.detail});
    expect(outcome).toEqual({
      answer: {
        kind: 'logits',
        logits: Float32Array.of(0, 1, 2),
        features: {state: {shape: [2], values: Float32Array.of(3, 4)}},
      },
    });
  });

  it('answers its question if the service refuses another', async () => {
    const teacher = questionedTeacher({refuses: ['parity']});
    const outcomes = await stack(aboutQuestion(teacher, 'size'), {store: newStore()}).ask(about(1, 5));
    expect(outcomes).toEqual([{answer: {kind: 'label', label: 1}}, {answer: {kind: 'label', label: 2}}]);
  });

  it('is planned as it is bought: a request an input, whose tokens count the input once', async () => {
    const [teacher, store, ledger] = [questionedTeacher(), newStore(), createLedger()];
    const digits = aboutQuestion(teacher, 'last');
    const plan = await planAsking(digits, transfer.inputs, {store});
    await collect(stack(digits, {store, ledger}), transfer);
    const {calls, inputTokens} = ledger.snapshot();
    expect(plan.calls.expected).toBe(calls);
    expect(plan.tokens?.expected).toBe(inputTokens);
    expect((await planAsking(digits, transfer.inputs, {store})).calls.expected).toBe(0);
  });

  it('tells of each input once', async () => {
    const settled: number[] = [];
    const layered = stack(aboutQuestion(questionedTeacher(), 'last'), {store: newStore()});
    await layered.ask(about(1, 2, 3), {onSettled: count => settled.push(count)});
    expect(settled.reduce((sum, count) => sum + count, 0)).toBe(3);
  });

  it('refuses a question that the teacher does not have, and names those that it has', () => {
    const teacher = questionedTeacher();
    expect(() => aboutQuestion(teacher, 'colour')).toThrow(
      'Teacher a clerk has no question `colour`. Its questions: `parity`, `size`, `last`.',
    );
    expect(() => aboutQuestion(teacher, 'last', {together: ['colour']})).toThrow('no question `colour`');
  });
});
