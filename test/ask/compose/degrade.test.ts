import fc from 'fast-check';
import {describe, expect, expectTypeOf, it} from 'vitest';
import {callable} from '../../../adapters/callable.ts';
import {collect} from '../../../src/ask/collect.ts';
import {collectQuestions} from '../../../src/ask/collect-questions.ts';
import {aboutQuestion} from '../../../src/ask/compose/about-question.ts';
import {degrade, disturbed, rounded} from '../../../src/ask/compose/degrade.ts';
import {labelModel} from '../../../src/ask/compose/label-model.ts';
import {createLedger} from '../../../src/ask/ledger.ts';
import {stack} from '../../../src/ask/teacher-stack.ts';
import type {TransferSet} from '../../../src/data/split.ts';
import {choice} from '../../../src/questions.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import {answerKey} from '../../../src/store/stored-answer.ts';
import type {LogitsAnswer, Outcome, Teacher} from '../../../src/teacher.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {about, fakeTeacher, labelled, scored} from '../fake-teacher.ts';
import {parity, questionedTeacher, size} from '../questioned-teacher.ts';
import {naming, probabilitiesIn, scoring, voting} from './members.ts';

const topic = choice('topic', 'What is it about?', ['billing', 'fault', 'other']);
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

describe('degrade of a teacher with several questions', () => {
  const questions = [topic, parity, size];
  const modelOf = (calls: string[]) =>
    callable({
      ...{name: 'model', version: '1', questions, access: 'white-box', features: ['state']},
      answer: input => {
        const text = input.kind === 'text' ? input.text : '';
        calls.push(text);
        const logits = {topic: [0, 1, 2], parity: Number(text) % 2 === 1 ? 2 : -2, size: [2, 1, 0]};
        return {logits, features: {state: {shape: [1], values: [3]}}};
      },
    });
  const transfer: TransferSet = {role: 'transfer', inputs: {kind: 'text', count: 2, texts: ['7', '8']}};

  it('serves all levels from one set of kept answers, and runs the model once for each input', async () => {
    const calls: string[] = [];
    const [model, store] = [modelOf(calls), openAnswerStore({store: new Map()})];
    const levels = {
      white: model,
      gray: degrade(model, {access: 'gray-box', detail: {kind: 'top-k', k: 2}}),
      black: degrade(model, {access: 'black-box', detail: {kind: 'label'}}),
    };
    expect(levels.black).toMatchObject({access: 'black-box', classes: [], questions: {list: questions}});
    const collected = async (teacher: Teacher) =>
      (await collectQuestions(stack(teacher, {store}), transfer)).map(({knowledge}) => knowledge.answers);
    expect(await collected(levels.white)).toMatchObject([{kind: 'logits'}, {kind: 'logits'}, {kind: 'logits'}]);
    expect(await collected(levels.gray)).toMatchObject([
      {kind: 'top-k', classes: Int32Array.of(2, 1, 2, 1)},
      {kind: 'top-k', classes: Int32Array.of(1, 0, 0, 1)},
      {kind: 'top-k', classes: Int32Array.of(0, 1, 0, 1)},
    ]);
    expect(await collected(levels.black)).toMatchObject([
      {labels: Int32Array.of(2, 2)},
      {labels: Int32Array.of(1, 0)},
      {labels: Int32Array.of(0, 0)},
    ]);
    expect(calls).toEqual(['7', '8']);
  });

  it('names the question of which a teacher shows less than is to be shown', () => {
    const level = {kind: 'expected'} as const;
    const rated: Teacher = {...modelOf([]), access: 'gray-box', details: {size: level}} as Teacher;
    const detail = {kind: 'log-probabilities'} as const;
    expect(() => degrade(rated, {access: 'gray-box', detail})).toThrow(
      "gives expected for question `size`: it can't be shown with log-probabilities",
    );
  });

  it('asks all questions about an input in one request, also about one of them', async () => {
    const clerk = questionedTeacher();
    const shown = degrade(clerk, {access: 'black-box', detail: {kind: 'label'}});
    const {answers} = await collect(
      stack(aboutQuestion(shown, 'size'), {store: openAnswerStore({store: new Map()})}),
      transfer,
    );
    expect(answers).toMatchObject({labels: Int32Array.of(1, 2)});
    expect(clerk.requests.map(({names}) => names)).toEqual([
      ['parity', 'size', 'last'],
      ['parity', 'size', 'last'],
    ]);
  });

  it('disturbs the answer to each question by itself, the same each time', async () => {
    const noisy = () => degrade(modelOf([]), {access: 'gray-box', detail: {kind: 'logits'}, noise: {deviation: 1}});
    const read = async (teacher: Teacher) => {
      const queries = [topic, size].map(question => ({...about(7)[0]!, question}));
      return (await teacher.ask(queries)).map(outcome => (outcome as {answer: LogitsAnswer}).answer.logits);
    };
    const [[one, other], again] = [await read(noisy()), await read(noisy())];
    expect(again).toEqual([one, other]);
    expect(one![0]! - 0).not.toBeCloseTo(other![0]! - 2, 3);
  });

  it('shows no expected level of a choice', () => {
    expect(() => degrade(modelOf([]), {access: 'gray-box', detail: {kind: 'expected'}})).toThrow(
      'The options of a choice have no order, so question `topic` has no expected level.',
    );
  });
});

const truth = (): Teacher<'white-box'> =>
  fakeTeacher<'white-box'>({access: 'white-box', detail: {kind: 'logits'}}, numbers => numbers.map(scored));
const whole = {access: 'gray-box', detail: {kind: 'log-probabilities'}} as const;
const probabilitiesOf = async (teacher: Teacher<'gray-box'>, number = 2) => {
  const [outcome] = (await teacher.ask(about(number))) as Outcome<'gray-box'>[];
  if (!outcome || 'error' in outcome) throw new TypeError('It has an answer.');
  return probabilitiesIn(outcome.answer);
};

describe('a degraded teacher', () => {
  it('is softened by a temperature', async () => {
    // softmax((2, 0, -1) / 2), worked out by hand.
    const shown = await probabilitiesOf(degrade(truth(), {...whole, temperature: 2}));
    expect(shown).toEqual({
      0: expect.closeTo(0.6285317, 6),
      1: expect.closeTo(0.2312239, 6),
      2: expect.closeTo(0.1402444, 6),
    });
    const logits = degrade(truth(), {access: 'white-box', detail: {kind: 'logits'}, temperature: 2});
    expect(await logits.ask(about(2))).toEqual([
      {answer: {kind: 'logits', logits: Float32Array.of(1, 0, -0.5), features: {}}},
    ]);
    // Of log-probabilities as of logits.
    const [p, q] = [0.5, 0.2].map(Math.sqrt) as [number, number];
    const softened = await probabilitiesOf(degrade(scoring('one', [0.5, 0.2, 0.3]), {...whole, temperature: 2}));
    expect(softened[0]! / softened[1]!).toBeCloseTo(p / q, 5);
  });

  it('has noise of its own for every query, the same each time, and another one for another seed', async () => {
    const noisy = (seed = 0) => degrade(truth(), {...whole, noise: {deviation: 1, seed}});
    const first = await probabilitiesOf(noisy());
    expect(await probabilitiesOf(noisy())).toEqual(first);
    expect(await probabilitiesOf(noisy(1))).not.toEqual(first);
    expect(first).not.toEqual(await probabilitiesOf(degrade(truth(), whole)));
    const [one, again] = await noisy().ask([about(2)[0]!, {...about(2)[0]!, sample: 1}]);
    expect(again).not.toEqual(one);
  });

  it('has Gaussian noise of the deviation that was asked for', () => {
    const zeros = {kind: 'logits', logits: new Float32Array(100), features: {}} as const;
    const drawn = Array.from({length: 100}, (_, key) => {
      const shown = disturbed(zeros, {noise: {deviation: 3}}, `key ${key}`);
      return shown.kind === 'logits' ? [...shown.logits] : [];
    }).flat();
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    const deviation = Math.sqrt(drawn.reduce((sum, value) => sum + (value - mean) ** 2, 0) / drawn.length);
    // Within four standard errors of 10,000 draws.
    expect(Math.abs(mean)).toBeLessThan(0.12);
    expect(Math.abs(deviation - 3)).toBeLessThan(0.085);
    const within = drawn.filter(value => Math.abs(value) < 3).length / drawn.length;
    expect(Math.abs(within - 0.6827)).toBeLessThan(0.019);
  });

  it('rounds what it shows after it is cut', async () => {
    const teacher = scoring('one', [0.615, 0.262, 0.123]);
    expect(await probabilitiesOf(degrade(teacher, {...whole, decimals: 1}))).toEqual({
      0: expect.closeTo(0.6, 6),
      1: expect.closeTo(0.3, 6),
      2: expect.closeTo(0.1, 6),
    });
    const top = degrade(teacher, {access: 'gray-box', detail: {kind: 'top-k', k: 1}, decimals: 2});
    expect(await top.ask(about(1))).toMatchObject([{answer: {kind: 'top-k', rest: 0.38}}]);
  });

  it('may show labels that are disturbed, and no more', async () => {
    const label = {access: 'black-box', detail: {kind: 'label'}} as const;
    const flipping = degrade(scoring('one', [0.4, 0.3, 0.3], {maxBatch: 300}), {...label, noise: {deviation: 1}});
    const outcomes = await flipping.ask(about(...Array.from({length: 300}, (_, number) => number)));
    const kept = outcomes.filter(
      outcome => 'answer' in outcome && outcome.answer.kind === 'label' && outcome.answer.label === 0,
    ).length;
    expect(kept).toBeGreaterThan(90);
    expect(kept).toBeLessThan(200);
  });

  it('says in its identity what is done to its answers', () => {
    const identities = [
      whole,
      {...whole, temperature: 2},
      {...whole, noise: {deviation: 1, seed: 3}},
      {...whole, decimals: 2},
    ].map(options => degrade(truth(), options).identity);
    expect(identities[2]).toEqual({service: 'fake', shown: {...whole, noise: {deviation: 1, seed: 3}}});
    expect(new Set(identities.map(identity => JSON.stringify(identity))).size).toBe(4);
  });

  it('refuses what can not be done, and numbers out of their range', () => {
    const top = {access: 'gray-box', detail: {kind: 'top-k', k: 1}} as const;
    expect(() => degrade(naming('one', [[0, 0.9]]), {...top, temperature: 2})).toThrow(
      'a temperature and noise are for whole distributions',
    );
    expect(() => degrade(voting('one'), {access: 'black-box', detail: {kind: 'label'}, noise: {deviation: 1}})).toThrow(
      'for whole distributions',
    );
    expect(() => degrade(truth(), {access: 'gray-box', detail: {kind: 'logits'}, decimals: 2})).toThrow(
      '`decimals` rounds probabilities, and logits shows none.',
    );
    for (const wrong of [
      {temperature: 0},
      {decimals: 0},
      {decimals: 1.5},
      {noise: {deviation: 0}},
      {noise: {deviation: 1, seed: 0.5}},
    ]) {
      expect(() => degrade(truth(), {...whole, ...wrong})).toThrow(/^Expected `.*` of degrade to be /);
    }
  });
});

describe('rounded', () => {
  it('leaves whole steps that sum to 1, each less than a step away, in the same order', () => {
    const shares = fc
      .array(fc.integer({min: 0, max: 1e6}), {minLength: 2, maxLength: 12})
      .filter(all => all.some(share => share > 0));
    fc.assert(
      fc.property(shares, fc.integer({min: 1, max: 4}), fc.boolean(), (parts, decimals, isTop) => {
        const sum = parts.reduce((total, part) => total + part, 0);
        const p = parts.map(part => part / sum).sort((a, b) => b - a);
        const named = isTop ? p.slice(0, -1) : p;
        const logProbabilities = Float32Array.from(named, Math.log);
        const answer = rounded(
          isTop
            ? {kind: 'top-k', classes: Int32Array.from(named.keys()), logProbabilities, rest: p.at(-1)!}
            : {kind: 'log-probabilities', logProbabilities},
          decimals,
        );
        const shown = [
          ...[...answer.logProbabilities].map(Math.exp),
          ...(answer.kind === 'top-k' ? [answer.rest] : []),
        ];
        expect(shown.reduce((total, share) => total + share, 0)).toBeCloseTo(1, 5);
        for (const [place, share] of shown.entries()) {
          const steps = share * 10 ** decimals;
          expect(Math.abs(steps - Math.round(steps))).toBeLessThan(2e-3);
          expect(Math.abs(share - p[place]!)).toBeLessThan(10 ** -decimals + 1e-6);
        }
        expect(answer.logProbabilities).toEqual(answer.logProbabilities.slice().sort().reverse());
      }),
    );
  });
});

describe('a teacher that is degraded, as every teacher', () => {
  testTeacher({
    it,
    teacher: () => degrade(truth(), {...whole, temperature: 2, noise: {deviation: 0.5}, decimals: 3}),
    queries: about(1, 2, 3),
  });
});
