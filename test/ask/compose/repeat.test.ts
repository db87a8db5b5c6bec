import fc from 'fast-check';
import {describe, expect, expectTypeOf, it} from 'vitest';
import {repeat} from '../../../src/ask/compose/repeat.ts';
import {leadProbability} from '../../../src/ask/compose/sure-lead.ts';
import type {LayerOptions} from '../../../src/ask/layer.ts';
import {flip, noise} from '../../../src/data/view.ts';
import {BudgetError, TeacherError} from '../../../src/errors.ts';
import type {Outcome, Query, Teacher} from '../../../src/teacher.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {about, type FakeTeacher, fakeTeacher} from '../fake-teacher.ts';
import {answersIn, probabilitiesIn, scoring, voting} from './members.ts';

/** A black-box teacher that says class 0 in `share` of the samples of every query, and the other classes in turn. */
function sampler(
  saysFirst: (sample: number, text: string) => boolean,
): Teacher<'black-box'> & {readonly seen: Query[]} {
  const seen: Query[] = [];
  return {
    ...voting('sampler', 0, {maxBatch: 1000}),
    seen,
    async ask(queries) {
      seen.push(...queries);
      return queries.map(({input, sample = 0}): Outcome<'black-box'> => {
        const isFirst = saysFirst(sample, input.kind === 'text' ? input.text : '');
        return {answer: {kind: 'label', label: isFirst ? 0 : 1 + (sample % 2)}};
      });
    },
  };
}

const countsIn = (outcomes: readonly Outcome<'black-box'>[]) =>
  outcomes.map(outcome => ('answer' in outcome && outcome.answer.kind === 'votes' ? [...outcome.answer.counts] : []));

describe('repeat', () => {
  it('counts the votes of the samples, other ones for another sample of the whole', async () => {
    const seen: number[] = [];
    const sampler: Teacher<'black-box'> = {
      ...voting('one', 0, {maxBatch: 10}),
      async ask(queries) {
        seen.push(...queries.map(({sample = 0}) => sample));
        return queries.map(({sample = 0}) => ({answer: {kind: 'label', label: sample % 2}}));
      },
    };
    const teacher = repeat(sampler, {samples: 3});
    expectTypeOf(teacher).toEqualTypeOf<Teacher<'black-box'>>();
    expect(teacher.name).toBe('one, 3 times');
    const [query] = about(7);
    expect(await teacher.ask([query!, {...query!, sample: 1}])).toEqual([
      {answer: {kind: 'votes', counts: Uint32Array.of(2, 1, 0)}},
      {answer: {kind: 'votes', counts: Uint32Array.of(1, 2, 0)}},
    ]);
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('takes the mean of distributions', async () => {
    const rotating: Teacher<'gray-box'> = {
      ...scoring('one', [1, 0, 0]),
      async ask(queries) {
        const orders = [
          [0.6, 0.3, 0.1],
          [0.4, 0.5, 0.1],
        ];
        return queries.map(({sample = 0}) => ({
          answer: {kind: 'log-probabilities', logProbabilities: Float32Array.from(orders[sample]!, Math.log)},
        }));
      },
    };
    const [answer] = answersIn(await repeat(rotating, {samples: 2}).ask(about(1)));
    expect(probabilitiesIn(answer!)).toEqual({
      0: expect.closeTo(0.5, 6),
      1: expect.closeTo(0.4, 6),
      2: expect.closeTo(0.1, 6),
    });
  });

  it('refuses a number of samples that is none', () => {
    for (const samples of [0, 1.5, Number.NaN]) expect(() => repeat(voting('one'), {samples})).toThrow('`samples`');
  });

  it('refuses what would change nothing', () => {
    const one = voting('one');
    expect(() => repeat(one, {samples: 1, view: flip()})).toThrow('The first sample asks about the input as it is.');
    const paraphrase = {name: 'p', write: (text: string) => text};
    expect(() => repeat(one, {samples: 4, view: flip(), paraphrase})).toThrow('Leave one out.');
    expect(() => repeat(one, {samples: 4, paraphrase: {...paraphrase, name: ''}})).toThrow(
      'Give the paraphrase a `name`',
    );
    expect(() => repeat(one, {samples: 4, stop: {sure: 0.9}})).toThrow(
      '`stop.least` to be a whole number from 1 and below',
    );
    for (const sure of [0, 0.5, 1, Number.NaN]) {
      expect(() => repeat(one, {samples: 8, stop: {sure}})).toThrow('Expected `stop.sure` to be above 0.5 and below 1');
    }
    expect(() => repeat(scoring('one', [1, 0, 0]) as never, {samples: 8, stop: {sure: 0.9}})).toThrow(
      'Teacher one shows distributions, and `stop` looks at votes.',
    );
  });

  it('is another teacher by each of its options', () => {
    const one = voting('one');
    const paraphrase = {name: 'p', write: (text: string) => text};
    const all = [
      repeat(one, {samples: 8}),
      repeat(one, {samples: 9}),
      repeat(one, {samples: 8, view: noise({deviation: 1})}),
      repeat(one, {samples: 8, view: noise({deviation: 2})}),
      repeat(one, {samples: 8, paraphrase}),
      repeat(one, {samples: 8, paraphrase: {...paraphrase, name: 'q'}}),
      repeat(one, {samples: 8, stop: {sure: 0.9}}),
      repeat(one, {samples: 8, stop: {sure: 0.8}}),
      repeat(one, {samples: 8, stop: {sure: 0.9, least: 5}}),
    ];
    expect(new Set(all.map(({identity}) => JSON.stringify(identity))).size).toBe(all.length);
    expect(repeat(one, {samples: 8, stop: {sure: 0.9, least: 4}}).identity).toEqual(all[6]!.identity);
  });
});

describe('repeat with a view', () => {
  const pixels = (value: number): Query => ({
    input: {kind: 'tensor', dtype: 'uint8', shape: [2, 2, 1], data: new Uint8Array(4).fill(value)},
  });

  it('asks about the input itself once, and then about a view each', async () => {
    const teacher = sampler(() => true);
    await repeat(teacher, {samples: 5, view: noise({deviation: 20})}).ask([pixels(100)]);
    const data = teacher.seen.map(({input}) => (input.kind === 'tensor' ? [...input.data].join() : ''));
    expect(data[0]).toBe('100,100,100,100');
    expect(new Set(data).size).toBe(5);
    expect(teacher.seen.map(({view = 0}) => view !== 0)).toEqual([false, true, true, true, true]);
    expect(teacher.seen.map(({sample}) => sample)).toEqual([0, 1, 2, 3, 4]);
  });

  it('shows the same view of an input wherever it stands, in whatever round', async () => {
    const seen = async (options: {readonly stop?: {readonly sure: number}}, ...queries: Query[]) => {
      // One after the other, so that no query is clear.
      const teacher = sampler(sample => sample % 2 === 0);
      await repeat(teacher, {samples: 6, view: noise({deviation: 20}), ...options}).ask(queries);
      return teacher.seen.filter(({input}) => input.kind === 'tensor' && Math.abs(input.data[0]! - 50) < 100);
    };
    const alone = await seen({}, pixels(50));
    const both = await seen({}, pixels(250), pixels(50));
    const rounds = await seen({stop: {sure: 0.99}}, pixels(50));
    const bySample = (queries: readonly Query[]) => queries.toSorted((a, b) => a.sample! - b.sample!);
    expect(bySample(both).slice(0, 6)).toEqual(bySample(alone));
    expect(bySample(rounds)).toEqual(bySample(alone));
  });

  it('says that texts have none, of each query', async () => {
    const outcomes = await repeat(voting('one'), {samples: 3, view: flip()}).ask(about(1));
    expect(outcomes).toMatchObject([{error: {name: 'InputError', message: /View `flip` is of tensors/}}]);
  });

  it('refuses one that shows another input as well', () => {
    const mixing = {...flip(), takesPartner: true};
    expect(() => repeat(voting('one'), {samples: 3, view: mixing})).toThrow('shows another input as well');
  });
});

describe('repeat with a paraphrase', () => {
  it('asks about the text itself once, and then in other words', async () => {
    const teacher = sampler(() => true);
    const paraphrase = {name: 'shout', write: async (text: string, sample: number) => text + '!'.repeat(sample)};
    await repeat(teacher, {samples: 3, paraphrase}).ask(about(7));
    expect(teacher.seen).toMatchObject([
      {input: {text: '7'}, sample: 0},
      {input: {text: '7!'}, sample: 1},
      {input: {text: '7!!'}, sample: 2},
    ]);
  });

  it('lets a text that has none fail alone', async () => {
    const teacher = sampler(() => true);
    const write = (text: string) => {
      if (text === '1') throw new Error('too odd');
      return text === '2' ? ' ' : `${text}?`;
    };
    const settled: number[] = [];
    const options: LayerOptions = {onSettled: count => settled.push(count)};
    const outcomes = await repeat(teacher, {samples: 2, paraphrase: {name: 'p', write}}).ask(
      about(0, 1, 2, 3),
      options,
    );
    expect(outcomes).toMatchObject([
      {answer: {kind: 'votes'}},
      {error: {name: 'TeacherError', message: /could not be made: too odd/}},
      {error: {name: 'InputError', message: /wrote no text for sample 1 of `2`/}},
      {answer: {kind: 'votes'}},
    ]);
    expect(teacher.seen.length).toBe(4);
    expect(settled.reduce((sum, count) => sum + count, 0)).toBe(2);
  });
});

describe('repeat that stops', () => {
  it('asks four times if all say the same, and up to the end if they differ', async () => {
    const teacher = sampler((sample, text) => text === 'clear' || sample % 2 === 0);
    const queries = ['clear', 'unclear'].map((text): Query => ({input: {kind: 'text', text}}));
    const stopping = repeat(teacher, {samples: 20, stop: {sure: 0.9}});
    expect(stopping.name).toBe('sampler, up to 20 times');
    const counts = countsIn(await stopping.ask(queries));
    expect(counts).toEqual([
      [4, 0, 0],
      [10, 0, 10],
    ]);
    expect(teacher.seen.length).toBe(24);
  });

  it('asks no more if the lead is sure, and never less than it said', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.boolean(), {minLength: 30, maxLength: 30}), {minLength: 1, maxLength: 4}),
        fc.integer({min: 1, max: 10}),
        fc.double({min: 0.6, max: 0.99, noNaN: true}),
        async (answers, least, sure) => {
          const teacher = sampler((sample, text) => answers[Number(text)]![sample]!);
          const counts = countsIn(
            await repeat(teacher, {samples: 30, stop: {sure, least}}).ask(about(...answers.keys())),
          );
          for (const votes of counts) {
            const asked = votes.reduce((sum, count) => sum + count, 0);
            expect(asked).toBeGreaterThanOrEqual(least);
            if (asked < 30) expect(leadProbability(votes)).toBeGreaterThanOrEqual(sure);
          }
          expect(teacher.seen.length).toBe(counts.flat().reduce((sum, count) => sum + count, 0));
        },
      ),
      {numRuns: 60},
    );
  });

  it('asks in rounds, all open queries together', async () => {
    const teacher = sampler(sample => sample % 2 === 0);
    const calls: number[] = [];
    const counted: Teacher<'black-box'> = {
      ...teacher,
      async ask(queries) {
        calls.push(queries.length);
        return teacher.ask(queries);
      },
    };
    await repeat(counted, {samples: 16, stop: {sure: 0.99}}).ask(about(1, 2, 3));
    expect(calls).toEqual([12, 6, 9, 15, 6]);
  });

  it('ends a query with its first error, and asks no more about it', async () => {
    const failing: FakeTeacher<'black-box'> = fakeTeacher<'black-box'>(
      {access: 'black-box', detail: {kind: 'label'}, name: 'one', maxBatch: 100},
      numbers =>
        numbers.map((number, place) => {
          if (number === 1) return {error: new BudgetError('Spent.')};
          return number === 2
            ? {error: new TeacherError('one', 'Too long.')}
            : {answer: {kind: 'label', label: place % 3}};
        }),
    );
    const outcomes = await repeat(failing, {samples: 9, stop: {sure: 0.99}}).ask(about(1, 2, 3));
    expect(outcomes).toMatchObject([{error: {name: 'BudgetError'}}, {error: {name: 'TeacherError'}}, {answer: {}}]);
    expect(failing.calls.flat().filter(number => number === 1).length).toBe(4);
  });

  it('sends nothing more when it is stopped between rounds', async () => {
    const stop = new AbortController();
    const teacher = sampler(sample => {
      if (sample === 3) stop.abort(new Error('enough'));
      return sample % 2 === 0;
    });
    const asked = repeat(teacher, {samples: 9, stop: {sure: 0.99}}).ask(about(1), {stop: stop.signal} as LayerOptions);
    await expect(asked).rejects.toThrow('enough');
    expect(teacher.seen.length).toBe(4);
  });
});

describe('repeat, as every teacher', () => {
  testTeacher({
    it,
    teacher: () => repeat(voting('one', 0, {maxBatch: 7}), {samples: 9, stop: {sure: 0.9}}),
    queries: about(1, 2, 3),
  });
});
