import fc from 'fast-check';
import {describe, expect, expectTypeOf, it} from 'vitest';
import {cascade, type Sureness, surely} from '../../../src/ask/compose/cascade.ts';
import {repeat} from '../../../src/ask/compose/repeat.ts';
import type {Answer, Outcome, Teacher} from '../../../src/teacher.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {about, fakeTeacher, numberOf} from '../fake-teacher.ts';
import {naming, scoring, voting} from './members.ts';

/** Gives class 0 of a number the number in hundredths. */
function unsure(fields: Partial<Teacher<'gray-box'>> = {}) {
  return fakeTeacher<'gray-box'>(
    {access: 'gray-box', detail: {kind: 'log-probabilities'}, name: 'cheap', identity: {service: 'cheap'}, ...fields},
    numbers =>
      numbers.map((number): Outcome<'gray-box'> => {
        const p = number / 100;
        return {answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(p, 1 - p, 0).map(Math.log)}};
      }),
  );
}

const dear = () => scoring('dear', [0, 0, 1], {maxBatch: 10});

describe('a cascade', () => {
  it('asks the next teacher only if one is not sure', async () => {
    const [one, two] = [unsure({maxBatch: 10}), dear()];
    const teacher = cascade([one, two], {confidence: 0.8});
    expectTypeOf(teacher).toEqualTypeOf<Teacher<'gray-box'>>();
    expect(teacher).toMatchObject({
      name: 'cascade of cheap, dear',
      access: 'gray-box',
      detail: {kind: 'log-probabilities'},
    });
    const outcomes = await teacher.ask(about(90, 50, 10, 79));
    expect([one.calls, two.calls]).toEqual([[[90, 50, 10, 79]], [[50, 79]]]);
    expect(outcomes).toEqual([
      ...(await one.ask(about(90))),
      ...(await two.ask(about(50))),
      ...(await one.ask(about(10))),
      ...(await two.ask(about(79))),
    ]);
  });

  it('goes down to the last of many, whose answer stands', async () => {
    const [one, two, three] = [unsure(), unsure({name: 'middle', identity: {service: 'middle'}}), dear()];
    await cascade([one, two, three], {margin: 0.9}).ask(about(96, 50));
    expect([one.calls, two.calls, three.calls]).toEqual([[[96, 50]], [[50]], [[50]]]);
  });

  it('asks nobody more at one end of the scale, and everybody at the other', async () => {
    const asked = async (sureness: Sureness, ...numbers: number[]) => {
      const two = dear();
      await cascade([unsure({maxBatch: 100}), two], sureness).ask(about(...numbers));
      return two.calls.flat();
    };
    const numbers = fc.array(fc.integer({min: 1, max: 99}), {minLength: 1, maxLength: 9});
    await fc.assert(
      fc.asyncProperty(numbers, async some => {
        for (const none of [{confidence: 0}, {margin: 0}, {entropy: Math.log(3)}])
          expect(await asked(none, ...some)).toEqual([]);
        for (const all of [{confidence: 1}, {margin: 1}, {entropy: 0}]) expect(await asked(all, ...some)).toEqual(some);
      }),
      {numRuns: 20},
    );
    expect(await asked({confidence: 1}, 100, 0)).toEqual([]);
  });

  it('shows as much as the teacher does that shows least', () => {
    const white = fakeTeacher<'white-box'>(
      {access: 'white-box', detail: {kind: 'logits', features: ['pool']}},
      () => [],
    );
    const top = naming('top', [[0, 0.9]]);
    const voters = repeat(voting('five'), {samples: 5});
    const shown = (...teachers: Teacher[]) => {
      const {access, detail} = cascade(teachers, {confidence: 0.5});
      return [access, detail];
    };
    expect(shown(white, white)).toEqual(['white-box', {kind: 'logits'}]);
    expect(shown(top, white)).toEqual(['gray-box', {kind: 'top-k', k: 1}]);
    expect(shown(voters, voters)).toEqual(['black-box', {kind: 'votes'}]);
    expect(shown(voters, white)).toEqual(['black-box', {kind: 'label'}]);
    expect(shown(white, voting('one'))).toEqual(['black-box', {kind: 'label'}]);
  });

  it('takes the share of votes for confidence, and knows classes by their names', async () => {
    const sampler: Teacher<'black-box'> = {
      ...voting('cheap', 0, {maxBatch: 10}),
      async ask(queries) {
        return queries.map(query => ({
          answer: {kind: 'label', label: (query.sample ?? 0) < numberOf(query) ? 0 : 1},
        }));
      },
    };
    const two = voting('dear', 0, {classes: ['b', 'c', 'a']});
    const teacher = cascade([repeat(sampler, {samples: 5}), two], {confidence: 0.8});
    expect(await teacher.ask(about(4, 3))).toEqual([
      {answer: {kind: 'label', label: 0}},
      // Its class 0 is b.
      {answer: {kind: 'label', label: 1}},
    ]);
  });

  it('refuses a teacher whose sureness is not known, one alone, and a scale that is none', () => {
    expect(() => cascade([voting('one'), voting('two')], {confidence: 0.5})).toThrow(
      "Teacher one shows labels alone, which don't tell how sure it is.",
    );
    expect(() => cascade([unsure()], {confidence: 0.5})).toThrow('A cascade is of two teachers at least, got 1.');
    for (const wrong of [
      {},
      {confidence: 2},
      {margin: -1},
      {entropy: Number.NaN},
      {confidence: 1, margin: 1},
      {cost: 1},
    ]) {
      expect(() => cascade([unsure(), dear()], wrong as Sureness)).toThrow(/Expected |has no option/);
    }
  });

  it('leaves a query that a teacher can not answer with its error, and asks no other', async () => {
    const failing = fakeTeacher<'gray-box'>(
      {access: 'gray-box', detail: {kind: 'log-probabilities'}, name: 'cheap'},
      () => [{error: new Error('odd')}],
    );
    const two = dear();
    expect(await cascade([failing, two], {confidence: 0.5}).ask(about(1))).toMatchObject([
      {error: {message: 'Teacher cheap: odd'}},
    ]);
    expect(two.calls).toEqual([]);
  });

  it('asks for no more than the whole shows', async () => {
    const teacher = cascade([unsure(), dear()], {confidence: 0.5});
    await expect(teacher.ask(about(1), {detail: {kind: 'logits'}})).rejects.toThrow(
      'shows log-probabilities, and logits was asked for.',
    );
  });
});

describe('surely', () => {
  const top = (...p: number[]): Answer => ({
    kind: 'top-k',
    classes: Int32Array.from(p.keys()),
    logProbabilities: Float32Array.from(p, Math.log),
    rest: 1 - p.reduce((sum, other) => sum + other, 0),
  });

  it('takes the next class for as probable as the rest allows', () => {
    expect(surely(top(0.6), {margin: 0.19}, 5)).toBe(true);
    expect(surely(top(0.6), {margin: 0.21}, 5)).toBe(false);
    expect(surely(top(0.6, 0.1), {margin: 0.49}, 5)).toBe(true);
    expect(surely(top(0.3), {margin: 0.01}, 5)).toBe(false);
  });

  it('takes the rest for as spread out as it can be', () => {
    const most = -(0.6 * Math.log(0.6)) - 0.4 * Math.log(0.4 / 4);
    expect(surely(top(0.6), {entropy: most + 1e-6}, 5)).toBe(true);
    expect(surely(top(0.6), {entropy: most - 1e-6}, 5)).toBe(false);
    expect(surely(top(0.5, 0.5), {entropy: Math.log(2) + 1e-6}, 2)).toBe(true);
  });
});

describe('a cascade, as every teacher', () => {
  testTeacher({it, teacher: () => cascade([unsure(), dear()], {confidence: 0.8}), queries: about(90, 50, 10)});
});
