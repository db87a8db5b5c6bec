import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {type Groups, type TwoStepOptions, twoStep} from '../../../src/ask/compose/two-step.ts';
import {planAsking} from '../../../src/ask/plan/plan.ts';
import {openAnswerStore} from '../../../src/store/store.ts';
import type {AnswerOf, Outcome, Teacher} from '../../../src/teacher.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {about, type FakeTeacher, fakeTeacher} from '../fake-teacher.ts';
import {answersIn, naming, probabilitiesIn, scoring} from './members.ts';

const groups: Groups = {money: ['bill', 'refund'], account: ['open', 'close', 'limit'], other: ['else']};
const all = ['bill', 'refund', 'open', 'close', 'limit', 'else'];

type Distributions = Readonly<Record<string, readonly number[]>>;

/** By the name of a group, and of all of them as `groups`: a distribution. */
function stepsOf(distributions: Distributions, options: TwoStepOptions = {}) {
  const made = new Map<string, FakeTeacher<'gray-box'>>();
  const teacher = twoStep(
    groups,
    (classes, group = 'groups') => {
      made.set(group, scoring(group, distributions[group]!, {classes, maxBatch: 10}));
      return made.get(group)!;
    },
    options,
  );
  return {teacher, callsOf: (group: string) => made.get(group)!.calls.flat().length, made};
}

const even: Distributions = {groups: [0.5, 0.4, 0.1], money: [0.6, 0.4], account: [0.7, 0.2, 0.1]};

async function answerOf(teacher: Teacher): Promise<AnswerOf<'gray-box'>> {
  return answersIn((await teacher.ask(about(1))) as Outcome<'gray-box'>[])[0]!;
}

describe('two steps', () => {
  it('multiply the probability of the group with that of the class in it', async () => {
    const {teacher} = stepsOf(even, {coverage: 1});
    expect(teacher).toMatchObject({access: 'gray-box', classes: all, detail: {kind: 'top-k', k: 6}});
    const answer = await answerOf(teacher);
    const probabilities = probabilitiesIn(answer);
    const expected = [0.3, 0.2, 0.28, 0.08, 0.04, 0.1];
    for (const [index, p] of expected.entries()) expect(probabilities[index]).toBeCloseTo(p, 6);
    expect(answer).toMatchObject({classes: Int32Array.of(0, 2, 1, 5, 3, 4), rest: expect.closeTo(0, 6)});
  });

  it('asks about the next groups only until enough of the probability is divided, and leaves the others to the rest', async () => {
    const {teacher, callsOf} = stepsOf({...even, groups: [0.9, 0.06, 0.04]}, {coverage: 0.9});
    const answer = await answerOf(teacher);
    expect([callsOf('groups'), callsOf('money'), callsOf('account')]).toEqual([1, 1, 0]);
    // `else` at 0.04 may come after a class of `account`, which nobody was asked about.
    expect(answer).toMatchObject({classes: Int32Array.of(0, 1), rest: expect.closeTo(0.1, 6)});
  });

  it('asks about a further group if its best class may be the most probable of all', async () => {
    const {teacher, callsOf} = stepsOf(even, {coverage: 0});
    expect(await answerOf(teacher)).toMatchObject({classes: Int32Array.of(0, 2, 1, 5, 3, 4)});
    expect(callsOf('account')).toBe(1);
    const sure = stepsOf({...even, groups: [0.8, 0.15, 0.05]}, {coverage: 0});
    await answerOf(sure.teacher);
    expect(sure.callsOf('account')).toBe(0);
  });

  it('never names a class before one that the whole distribution has before it, and loses no probability', async () => {
    const weights = (length: number) =>
      fc.array(fc.integer({min: 1, max: 1000}), {minLength: length, maxLength: length});
    const distribution = (length: number) =>
      weights(length).map(some => {
        const sum = some.reduce((total, weight) => total + weight, 0);
        return some.map(weight => weight / sum);
      });
    await fc.assert(
      fc.asyncProperty(
        distribution(3),
        distribution(2),
        distribution(3),
        fc.double({min: 0, max: 1, noNaN: true}),
        async (first, money, account, coverage) => {
          const answer = await answerOf(stepsOf({groups: first, money, account}, {coverage}).teacher);
          if (answer.kind !== 'top-k') throw new TypeError(answer.kind);
          const whole = [...money.map(p => p * first[0]!), ...account.map(p => p * first[1]!), first[2]!];
          const named = [...answer.classes];
          const least = Math.min(...named.map(index => whole[index]!));
          for (const [index, p] of whole.entries())
            if (!named.includes(index)) expect(p).toBeLessThanOrEqual(least + 1e-6);
          for (const [position, index] of named.entries()) {
            expect(Math.exp(answer.logProbabilities[position]!)).toBeCloseTo(whole[index]!, 5);
          }
          const sum = answer.logProbabilities.reduce((total, logProbability) => total + Math.exp(logProbability), 0);
          expect(sum + answer.rest).toBeCloseTo(1, 5);
        },
      ),
    );
  });

  it('keeps the rest of both steps, and counts with what it may hold', async () => {
    const teacher = twoStep(groups, (classes, group) =>
      group === undefined
        ? naming(
            'groups',
            [
              [0, 0.7],
              [1, 0.2],
            ],
            {classes},
          )
        : naming(group, [[0, group === 'money' ? 0.8 : 0.5]], {classes}),
    );
    // Of the classes that no teacher names, one can have 0.14: the other one of `money`.
    const answer = await answerOf(teacher);
    expect(answer).toMatchObject({classes: Int32Array.of(0), rest: expect.closeTo(1 - 0.56, 6)});
  });

  it('says so if the most probable class is not known', async () => {
    const teacher = twoStep(groups, (classes, group) =>
      group === undefined ? naming('groups', [[0, 0.4]], {classes}) : naming(group, [[0, 0.5]], {classes}),
    );
    expect((await teacher.ask(about(1)))[0]).toMatchObject({
      error: {message: expect.stringContaining('Have them name more')},
    });
  });

  it('gives a label after two queries if a teacher shows labels alone, and none for the only class of a group', async () => {
    const asked: string[] = [];
    const teacher = twoStep(groups, (classes, group = 'groups') =>
      fakeTeacher<'black-box'>(
        {access: 'black-box', detail: {kind: 'label'}, classes, name: group, identity: {group}, maxBatch: 10},
        numbers =>
          numbers.map(number => {
            asked.push(`${group} ${number}`);
            return {answer: {kind: 'label', label: group === 'groups' ? number : 1}};
          }),
      ),
    );
    expect(teacher).toMatchObject({access: 'black-box', detail: {kind: 'label'}});
    const answers = await teacher.ask(about(0, 1, 2));
    expect(answers).toEqual([1, 3, 5].map(label => ({answer: {kind: 'label', label}})));
    expect(asked).toEqual(['groups 0', 'groups 1', 'groups 2', 'money 0', 'account 1']);
  });

  it('answers in the order of `classes` if they are given', async () => {
    const {teacher} = stepsOf(even, {coverage: 1, classes: [...all].reverse()});
    expect(probabilitiesIn(await answerOf(teacher))[5]).toBeCloseTo(0.3, 6);
  });

  it('has the error of the step that failed', async () => {
    const {teacher, made} = stepsOf(even);
    const failing = {...made.get('money')!, ask: async () => [{error: new Error('not today')}]} as Teacher;
    const broken = twoStep(groups, (_, group = 'groups') => (group === 'money' ? failing : made.get(group)!));
    expect((await broken.ask(about(1)))[0]).toMatchObject({error: {message: expect.stringContaining('not today')}});
    expect(await teacher.ask(about(1))).toMatchObject([{answer: {}}]);
  });

  it('are planned as one query at least, and one for every group at most', async () => {
    const priced = twoStep(groups, (classes, group = 'groups') => scoring(group, even[group]!, {classes, maxBatch: 1}));
    const texts = ['1', '2', '3', '4'];
    const plan = await planAsking(
      priced,
      {kind: 'text', count: 4, texts},
      {store: openAnswerStore({store: new Map()})},
    );
    expect(plan.parts?.map(({teacher, calls}) => [teacher, calls.low, calls.worst])).toEqual([
      // With all attempts that errors can require.
      ['groups', 4, 20],
      ['money', 0, 20],
      ['account', 0, 20],
    ]);
  });

  it.each<readonly [string, Groups, TwoStepOptions, string]>([
    ['one group', {money: ['bill', 'refund']}, {}, 'two groups at least'],
    ['an empty group', {money: [], account: ['open', 'close']}, {}, '`money` has no classes'],
    ['a class in two groups', {money: ['bill'], account: ['bill', 'open']}, {}, 'in the groups `money` and `account`'],
    ['a class of no group', {a: ['x'], b: ['y']}, {classes: ['x', 'y', 'z']}, '`z` is not both'],
    ['a share above 1', groups, {coverage: 1.5}, '`coverage` to be from 0 to 1'],
  ])('refuses %s', (_, some, options, message) => {
    const make = () =>
      twoStep(
        some,
        (classes, group = 'all') =>
          scoring(
            group,
            classes.map(() => 1 / classes.length),
            {classes},
          ),
        options,
      );
    expect(make).toThrow(message);
  });

  it('refuses a teacher that speaks of other classes', () => {
    expect(() => twoStep(groups, () => scoring('groups', [1, 0, 0]))).toThrow('is to speak of money, account, other');
  });

  testTeacher({it, teacher: async () => stepsOf(even).teacher, queries: about(1, 2, 3)});
});
