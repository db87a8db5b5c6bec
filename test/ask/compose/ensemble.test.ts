import fc from 'fast-check';
import {describe, expect, expectTypeOf, it} from 'vitest';
import {degrade} from '../../../src/ask/compose/degrade.ts';
import {ensemble} from '../../../src/ask/compose/ensemble.ts';
import {labelModel} from '../../../src/ask/compose/label-model.ts';
import {repeat} from '../../../src/ask/compose/repeat.ts';
import {BudgetError, KnowledgeError, TeacherError} from '../../../src/errors.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {about, fakeTeacher, scored} from '../fake-teacher.ts';
import {answersIn, naming, probabilitiesIn, scoring, voting} from './members.ts';

const distribution = (size: number) =>
  fc
    .array(fc.integer({min: 1, max: 1000}), {minLength: size, maxLength: size})
    .map(parts => parts.map(part => part / parts.reduce((sum, other) => sum + other, 0)));

describe('an ensemble of teachers that show distributions', () => {
  it('answers with the mean of their probabilities', async () => {
    const teacher = ensemble([scoring('one', [0.7, 0.2, 0.1]), scoring('two', [0.1, 0.2, 0.7])]);
    expectTypeOf(teacher).toEqualTypeOf<Teacher<'gray-box'>>();
    expect(teacher).toMatchObject({
      access: 'gray-box',
      detail: {kind: 'log-probabilities'},
      name: 'ensemble of one, two',
    });
    const [answer] = answersIn(await teacher.ask(about(1)));
    const mean = probabilitiesIn(answer!);
    expect(mean[0]).toBeCloseTo(0.4, 6);
    expect(mean[1]).toBeCloseTo(0.2, 6);
  });

  it('takes the softmax of logits, and weights as shares', async () => {
    const white = fakeTeacher<'white-box'>({access: 'white-box', detail: {kind: 'logits'}}, numbers =>
      numbers.map(scored),
    );
    const teacher = ensemble([white, scoring('two', [0, 1, 0])], {weights: [3, 1]});
    const mean = probabilitiesIn(answersIn(await teacher.ask(about(2)))[0]!);
    // softmax(2, 0, -1), worked out by hand.
    expect(mean[0]).toBeCloseTo(0.75 * 0.8437947, 6);
    expect(mean[1]).toBeCloseTo(0.75 * 0.1141952 + 0.25, 6);
  });

  it('sums to 1 and keeps between its members, whatever the weights', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(distribution(3), fc.double({min: 0.01, max: 100, noNaN: true})), {
          minLength: 1,
          maxLength: 4,
        }),
        async members => {
          const teachers = members.map(([p], place) => scoring(`t${place}`, p));
          const teacher = ensemble(teachers, {weights: members.map(([, weight]) => weight)});
          const mean = probabilitiesIn(answersIn(await teacher.ask(about(1)))[0]!);
          expect(mean[0]! + mean[1]! + mean[2]!).toBeCloseTo(1, 5);
          for (const index of [0, 1, 2]) {
            const all = members.map(([p]) => p[index]!);
            expect(mean[index]!).toBeGreaterThanOrEqual(Math.min(...all) - 1e-6);
            expect(mean[index]!).toBeLessThanOrEqual(Math.max(...all) + 1e-6);
          }
        },
      ),
      {numRuns: 50},
    );
  });

  it('of one teacher answers as the teacher does', async () => {
    await fc.assert(
      fc.asyncProperty(distribution(3), fc.integer({min: 1, max: 3}), async (p, k) => {
        const whole = scoring('one', p);
        expect(await ensemble([whole]).ask(about(1))).toEqual(await whole.ask(about(1)));
        const top = degrade(whole, {access: 'gray-box', detail: {kind: 'top-k', k}});
        expect(await ensemble([top]).ask(about(1))).toEqual(await top.ask(about(1)));
      }),
      {numRuns: 50},
    );
  });

  it('knows classes by their names, and refuses others', async () => {
    const [one, two] = [scoring('one', [0.6, 0.4, 0]), scoring('two', [0.1, 0.9, 0], {classes: ['c', 'a', 'b']})];
    const mean = probabilitiesIn(answersIn(await ensemble([one, two]).ask(about(1)))[0]!);
    expect([mean[0], mean[1], mean[2]].map(p => Number(p!.toFixed(6)))).toEqual([0.75, 0.2, 0.05]);
    for (const classes of [
      ['a', 'b', 'd'],
      ['a', 'b'],
      ['a', 'b', 'b'],
    ]) {
      expect(() => ensemble([one, scoring('two', [1, 0, 0], {classes})])).toThrow('Teacher two speaks of the classes');
    }
  });

  it('asks all about the same queries at once, each as much at once as it takes', async () => {
    const [one, two] = [
      scoring('one', [1, 0, 0], {maxBatch: 1}),
      scoring('two', [1, 0, 0], {maxBatch: 5, concurrency: 3}),
    ];
    const teacher = ensemble([one, two]);
    expect(teacher).toMatchObject({maxBatch: 5, concurrency: 4});
    await teacher.ask(about(1, 2, 3));
    expect([one.calls, two.calls]).toEqual([[[1], [2], [3]], [[1, 2, 3]]]);
  });
});

describe('an ensemble of teachers that name their best classes', () => {
  const ask = async (...members: Teacher<'gray-box'>[]) => (await ensemble(members).ask(about(1)))[0]!;

  it('names those that all name, and leaves the rest', async () => {
    const outcome = await ask(
      naming('one', [
        [0, 0.6],
        [1, 0.3],
      ]),
      naming('two', [
        [0, 0.5],
        [1, 0.4],
      ]),
    );
    const [answer] = answersIn([outcome]);
    expect(answer).toMatchObject({kind: 'top-k', classes: Int32Array.of(0, 1), rest: expect.closeTo(0.1, 6)});
    expect(probabilitiesIn(answer!)).toEqual({0: expect.closeTo(0.55, 6), 1: expect.closeTo(0.35, 6)});
  });

  it('names no class before which another one might come', async () => {
    // Class 0 has 0.4; class 2 at least 0.25 and at most 0.30, class 1 at least 0.15 and at most 0.20.
    const teachers = [
      naming('one', [
        [0, 0.5],
        [1, 0.3],
      ]),
      naming('two', [
        [2, 0.5],
        [0, 0.3],
      ]),
    ];
    const [answer] = answersIn([await ask(...teachers)]);
    expect(answer).toMatchObject({classes: Int32Array.of(0), rest: expect.closeTo(0.6, 6)});
  });

  it('takes a class for known of which hardly anything may be missing', async () => {
    const [answer] = answersIn([await ask(naming('one', [[0, 0.9999]]), naming('two', [[1, 0.9999]]))]);
    expect(answer).toMatchObject({classes: Int32Array.of(0, 1), rest: expect.closeTo(0.0001, 6)});
  });

  it('says so if it is not known which class is the most probable', async () => {
    const outcome = await ask(naming('one', [[0, 0.6]]), naming('two', [[1, 0.6]]));
    expect(outcome).toMatchObject({
      error: {
        message:
          'Teacher ensemble of one, two: Its teachers name so few classes that it is not known which is the most probable. Have them name more.',
      },
    });
  });

  it('sums to 1, names in order, and never a class that is less probable than one that it does not name', async () => {
    const size = 6;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(distribution(size), fc.integer({min: 1, max: size})), {minLength: 1, maxLength: 3}),
        async members => {
          const classes = [...'abcdef'];
          const teachers = members.map(([p, k], place) =>
            degrade(scoring(`t${place}`, p, {classes}), {access: 'gray-box', detail: {kind: 'top-k', k}}),
          );
          const outcome = await ask(...teachers);
          if ('error' in outcome) return;
          const {answer} = outcome;
          const named = probabilitiesIn(answer);
          if (answer.kind !== 'top-k') throw new TypeError('It names its best classes.');
          expect(Object.values(named).reduce((sum, p) => sum + p, answer.rest)).toBeCloseTo(1, 5);
          expect(answer.logProbabilities).toEqual(answer.logProbabilities.slice().sort().reverse());
          const truth = classes.map((_, index) => members.reduce((sum, [p]) => sum + p[index]! / members.length, 0));
          const least = Math.min(...[...answer.classes].map(index => truth[index]!));
          for (const [index, p] of truth.entries()) {
            if (index in named) expect(Math.abs(named[index]! - p)).toBeLessThan(1.1e-3);
            else expect(p).toBeLessThan(least + 1.1e-3);
          }
        },
      ),
    );
  });
});

describe('an ensemble of black-box teachers', () => {
  it('counts their votes, with whole weights', async () => {
    const [one, two] = [voting('one'), voting('two', 1)];
    const teacher = ensemble([one, two, repeat(voting('three', 1), {samples: 2})], {weights: [3, 1, 1]});
    expectTypeOf(teacher).toEqualTypeOf<Teacher<'black-box'>>();
    expect(teacher).toMatchObject({access: 'black-box', detail: {kind: 'votes'}});
    expect(await teacher.ask(about(0, 1))).toEqual([
      {answer: {kind: 'votes', counts: Uint32Array.of(3, 3, 0)}},
      {answer: {kind: 'votes', counts: Uint32Array.of(0, 3, 3)}},
    ]);
    expect(() => ensemble([one, two], {weights: [0.5, 1]})).toThrow('The weights of teachers that vote are votes');
  });

  it('is the mean of what they estimate, if all of them do, and still a black box', async () => {
    const inputs = {kind: 'text', count: 3, texts: ['0', '1', '2']} as const;
    const model = (shift: number) =>
      labelModel([voting('one', shift), voting('two', shift), voting('three', shift)], {inputs});
    const whole = ensemble([model(0), model(1)]);
    expect(whole).toMatchObject({access: 'black-box', detail: {kind: 'log-probabilities'}});
    const shares = probabilitiesIn(answersIn(await whole.ask(about(0)))[0] as never);
    expect(shares[0]).toBeCloseTo(shares[1]!, 6);
    expect(() => ensemble([model(0), voting('one')])).toThrow('Teacher one shows labels and label model of');
  });

  it('is not mixed with distributions', () => {
    const mixed = [voting('one'), scoring('two', [1, 0, 0])] as unknown as Teacher<'gray-box'>[];
    expect(() => ensemble(mixed)).toThrow(
      'Teacher one shows labels and two distributions, of which together there is no mean.',
    );
  });
});

describe('an ensemble', () => {
  it('refuses weights that are none', () => {
    const teachers = [voting('one'), voting('two')];
    for (const weights of [[1], [1, 0], [1, -1], [1, Number.NaN], [1, Number.POSITIVE_INFINITY]]) {
      expect(() => ensemble(teachers, {weights})).toThrow('Expected `weights` of an ensemble to be a number above 0');
    }
    expect(() => ensemble([] as Teacher<'black-box'>[])).toThrow('An ensemble is of one teacher at least.');
  });

  it('passes the error of a member on as that of the query, and names the member', async () => {
    const errors = [
      new Error('odd'),
      new KnowledgeError('None is kept.'),
      new BudgetError('Spent.'),
      new TeacherError('two', 'Too long.'),
    ];
    const failing = fakeTeacher<'black-box'>(
      {access: 'black-box', detail: {kind: 'label'}, name: 'two', maxBatch: 9},
      numbers => numbers.map(number => ({error: errors[number]!})),
    );
    const outcomes = await ensemble([voting('one'), failing]).ask(about(0, 1, 2, 3));
    expect(outcomes.map(outcome => 'error' in outcome && [outcome.error.name, outcome.error.message])).toEqual([
      ['TeacherError', 'Teacher two: odd'],
      ['KnowledgeError', 'Teacher two: None is kept.'],
      ['BudgetError', 'Spent.'],
      ['TeacherError', 'Teacher two: Too long.'],
    ]);
  });

  it('ends if a member can not be asked, and lets the others finish what is under way', async () => {
    const failing = fakeTeacher<'black-box'>({access: 'black-box', detail: {kind: 'label'}}, () => {
      throw new TeacherError('two', 'It refused the key.', {status: 401});
    });
    const quick = voting('one', 0, {maxBatch: 1});
    const other: typeof quick = {
      ...quick,
      async ask(queries) {
        await new Promise(resolve => setImmediate(resolve));
        return quick.ask(queries);
      },
    };
    await expect(ensemble([other, failing]).ask(about(0, 1, 2))).rejects.toThrow('It refused the key.');
    expect(other.calls.length).toBeLessThan(3);
  });
});

describe('an ensemble, as every teacher', () => {
  testTeacher({
    it,
    teacher: () => ensemble([scoring('one', [0.7, 0.2, 0.1]), repeat(scoring('two', [0.1, 0.2, 0.7]), {samples: 2})]),
    queries: about(1, 2, 3),
  });
});
