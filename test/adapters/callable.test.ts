import fc from 'fast-check';
import {describe, expect, it, vi} from 'vitest';
import {
  callable,
  type InnerScores,
  type LabelCall,
  type ScoreCall,
  type ScoreMeaning,
  type Scores,
} from '../../adapters/callable.ts';
import {TeacherError} from '../../src/errors.ts';
import {coarsen} from '../../src/knowledge/coarsen.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {Answer, Input, LogitsAnswer, Outcome, Teacher} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {floats, problemsIn, text} from './replay.ts';

const classes = ['ham', 'spam', 'unsure'];
const common = {name: 'spam filter', version: '1', classes};
const queries = [text('buy now'), text('see you at noon'), text('buy a ticket')];
const badQuery = floats(1, 2);

const textOf = (input: Input): string => {
  if (input.kind !== 'text') throw new Error('reads texts alone');
  return input.text;
};
const labelOf = (input: Input): string => (textOf(input).startsWith('buy') ? 'spam' : 'ham');
const probabilitiesOf = (input: Input): readonly number[] => [
  0.2,
  0.3 + textOf(input).length / 100,
  0.5 - textOf(input).length / 100,
];
const logitsOf = (input: Input) => [1, textOf(input).length, -2];

const teachers: Readonly<Record<string, () => Teacher>> = {
  'a label': () => callable({...common, answer: labelOf}),
  'a label, later': () => callable({...common, concurrency: 4, answer: async input => labelOf(input)}),
  'labels of a batch': () =>
    callable({
      ...common,
      batch: true,
      maxBatch: 7,
      answer: inputs => inputs.map(input => (input.kind === 'text' ? labelOf(input) : new Error('reads texts alone'))),
    }),
  probabilities: () => callable({...common, scores: 'probabilities', answer: probabilitiesOf}),
  'the most probable': () =>
    callable({...common, scores: 'probabilities', topK: 1, answer: input => ({[labelOf(input)]: 0.75})}),
  logits: () => callable({...common, scores: 'logits', answer: logitsOf}),
  'logits and features': () =>
    callable({
      ...common,
      access: 'white-box',
      features: ['length'],
      answer: input => ({
        logits: logitsOf(input),
        features: {length: {shape: [2, 1], values: [textOf(input).length, 0]}},
      }),
    }),
};

const parity = predicate('parity', 'Is the length odd?');
const size = score('size', 'How long is it?', ['short', 'middling', 'long']);
const kind = choice('kind', 'Which kind?', classes);
const questions = [parity, size, kind];
const asked = queries.flatMap(query => questions.map(question => ({...query, question})));

const typed = {name: 'several', version: '1', questions};

const typedTeachers: Readonly<Record<string, () => Teacher>> = {
  labels: () =>
    callable({
      ...typed,
      answer: input => ({parity: textOf(input).length % 2 === 1, size: 'short', kind: labelOf(input)}),
    }),
  'probabilities of a batch': () =>
    callable({
      ...typed,
      batch: true,
      scores: 'probabilities',
      answer: inputs =>
        inputs.map(input => {
          if (input.kind !== 'text') return new Error('reads texts alone');
          return {parity: 0.81, size: {long: 0.25, short: 0.5, middling: 0.25}, kind: probabilitiesOf(input)};
        }),
    }),
  'expected levels and probabilities': () =>
    callable({
      ...{...typed, scores: 'probabilities', expected: 'levels'},
      answer: input => ({parity: 0.81, size: (textOf(input).length / 9) % 2, kind: probabilitiesOf(input)}),
    }),
  'logits and features': () =>
    callable({
      ...typed,
      access: 'white-box',
      features: ['length'],
      answer: input => ({
        logits: {parity: -1.5, size: [0, 1, textOf(input).length], kind: logitsOf(input)},
        features: {length: {shape: [1], values: [textOf(input).length]}},
      }),
    }),
};

describe.each(Object.entries(typedTeachers))('callable that answers questions by %s', (_, teacher) => {
  testTeacher({it, teacher, queries: asked, badQuery: {...badQuery, question: size}});
});

describe('callable with questions', () => {
  it('calls the function once for an input, whatever is asked about it', async () => {
    const answer = vi.fn(() => ({parity: 'yes', size: 2, kind: 'ham'}));
    const teacher = callable({...typed, answer});
    const outcomes = await teacher.ask(asked.slice(0, 4));
    expect(answer).toHaveBeenCalledTimes(2);
    expect(outcomes.map(outcome => 'answer' in outcome && outcome.answer)).toEqual(
      [1, 2, 0, 1].map(label => ({kind: 'label', label})),
    );
  });

  it('reads the one number of a predicate as that of yes, by its declared kind', async () => {
    const readAs = async (scores: ScoreMeaning, parity: number) => {
      const teacher = callable({name: 'one', version: '1', questions: [parityOnly], scores, answer: () => ({parity})});
      const [outcome] = await teacher.ask([asked[0]!]);
      if ('error' in outcome!) return outcome.error.message;
      const {answer} = outcome as {answer: Answer};
      return [...coarsen(answer, {kind: 'log-probabilities'}).logProbabilities].map(Math.exp);
    };
    const parityOnly = parity;
    const close = [expect.closeTo(0.19, 6), expect.closeTo(0.81, 6)];
    expect(await readAs('probabilities', 0.81)).toEqual(close);
    expect(await readAs('percentages', 81)).toEqual(close);
    expect(await readAs('log-probabilities', Math.log(0.81))).toEqual(close);
    expect(await readAs('logits', Math.log(0.81 / 0.19))).toEqual(close);
    expect(await readAs('probabilities', 1.5)).toContain(
      'Question `parity`: It gave 1.5, and `probabilities` were declared',
    );
    expect(await readAs('log-probabilities', 0.5)).toContain('`log-probabilities` were declared');
  });

  it('reads the one number of a score as its expected level, on its own scale if it has one', async () => {
    const levels = {name: 'levels', version: '1', questions: [size]} as const;
    const alone = callable({...levels, expected: {from: 1, to: 5}, answer: () => ({size: 4})});
    expect(alone).toMatchObject({access: 'gray-box', detail: {kind: 'expected'}});
    expect(alone.details).toBeUndefined();
    expect(await alone.ask([asked[1]!])).toEqual([{answer: {kind: 'expected', level: 1.5}}]);
    const some = callable({
      ...typed,
      ...{scores: 'probabilities', expected: 'levels'},
      answer: () => ({parity: 0.5, size: 2.5, kind: [1, 0, 0]}),
    });
    expect(some).toMatchObject({detail: {kind: 'log-probabilities'}, details: {size: {kind: 'expected'}}});
    expect(problemsIn(await some.ask(asked.slice(0, 3)))).toEqual([
      'none',
      expect.stringContaining('Question `size`: Its score is 2.5, and its levels go from 0 to 2. Check `expected`.'),
      'none',
    ]);
  });

  it('refuses expected levels that no question has, and forms that say too much or too little', () => {
    const make = (options: object) => () =>
      callable({...typed, answer: () => ({}), ...options} as unknown as ScoreCall);
    const expected = 'levels';
    expect(make({expected})).toThrow('`expected` says how scores are answered. Say by `scores` how `parity` is.');
    expect(make({expected, questions: [size], scores: 'logits'})).toThrow('Leave `scores` out.');
    expect(make({expected, questions: [parity], scores: 'logits'})).toThrow('none of its questions is one');
    expect(make({expected: {from: 1, to: 1}, questions: [size]})).toThrow("'levels', or {from, to}");
    expect(make({expected, access: 'white-box', features: []})).toThrow('`expected` does not go with `access`');
  });

  it('keeps the answers to the other questions if one has none', async () => {
    const answers = {parity: new Error('it has no length'), size: 'huge', kind: 'ham'};
    const outcomes = await callable({...typed, answer: () => answers}).ask(asked.slice(0, 3));
    expect(outcomes.map(outcome => ('error' in outcome ? outcome.error.message : 'answer'))).toEqual([
      'Teacher several: The function failed (it has no length). Mend the function, or leave this input out.',
      expect.stringContaining('Question `size`: It gave a label outside the class list of 3.'),
      'answer',
    ]);
    const silent = await callable({...typed, answer: () => ({kind: 'ham'})}).ask(asked.slice(0, 1));
    expect('error' in silent[0]! && silent[0].error.message).toContain('Question `parity`: It gave no answer.');
  });

  it('has an identity without its questions, each of which is in the keys of its own answers', () => {
    const one = callable({...typed, questions: [size], answer: () => ({size: 1})});
    expect(one.identity).toEqual(callable({...typed, answer: () => ({size: 1})}).identity);
    expect(one.questions).toEqual({list: [size], perRequest: 1, areNamesShown: true});
  });

  it('needs classes or questions, not both', () => {
    const both = {...common, questions, answer: () => 'ham'} as unknown as LabelCall;
    expect(() => callable(both)).toThrow('callable needs either `classes` or `questions`.');
  });
});

describe.each(Object.entries(teachers))('callable that gives %s', (_, teacher) => {
  testTeacher({it, teacher, queries, badQuery});
});

/** The one outcome about the scores that a function gives. */
async function outcomeOf(scores: ScoreMeaning, given: unknown, options: Partial<ScoreCall> = {}): Promise<Outcome> {
  const call = {...common, scores, answer: () => given as Scores, ...options} as ScoreCall;
  const [outcome] = await callable(call).ask([text('any')]);
  return outcome!;
}
const problemOf = async (...given: Parameters<typeof outcomeOf>) => problemsIn([await outcomeOf(...given)])[0];
const answerOf = async (...given: Parameters<typeof outcomeOf>): Promise<Answer> => {
  const outcome = await outcomeOf(...given);
  if ('error' in outcome) throw outcome.error;
  return outcome.answer;
};
const logs = (...probabilities: number[]) => Float32Array.from(probabilities, Math.log);

describe('scores of a callable', () => {
  const shapes: Readonly<Record<string, unknown>> = {
    'a list': [0.1, 0.7, 0.2],
    'a typed list': Float64Array.of(0.1, 0.7, 0.2),
    'an object': {spam: 0.7, ham: 0.1, unsure: 0.2},
    'labelled scores': [
      {label: 'spam', score: 0.7},
      {label: 'unsure', score: 0.2},
      {label: 0, score: 0.1},
    ],
    pairs: [
      ['unsure', 0.2],
      [1, 0.7],
      ['ham', 0.1],
    ],
  };

  it.each(Object.entries(shapes))('are read from %s, nested or not', async (_, shape) => {
    const expected = {kind: 'log-probabilities', logProbabilities: logs(0.1, 0.7, 0.2)};
    expect(await answerOf('probabilities', shape)).toEqual(expected);
    expect(await answerOf('probabilities', [shape])).toEqual(expected);
  });

  it('are what they are declared to be', async () => {
    const distribution = {kind: 'log-probabilities', logProbabilities: logs(0.1, 0.7, 0.2)};
    expect(await answerOf('percentages', [10, 70, 20])).toEqual(distribution);
    expect(await answerOf('log-probabilities', [0.1, 0.7, 0.2].map(Math.log))).toEqual(distribution);
    expect(await answerOf('logits', {spam: 7, ham: -1, unsure: 0})).toEqual({
      kind: 'logits',
      logits: Float32Array.of(-1, 7, 0),
      features: {},
    });
  });

  it('can be of the most probable classes, with the rest beside them', async () => {
    const answer = {kind: 'top-k', classes: Int32Array.of(1, 2), logProbabilities: logs(0.6, 0.25)};
    for (const given of [
      {unsure: 0.25, spam: 0.6},
      [
        ['unsure', 0.25],
        ['spam', 0.6],
      ],
    ]) {
      const read = await answerOf('probabilities', given, {topK: 2});
      expect(read).toEqual({...answer, rest: expect.closeTo(0.15, 6)});
    }
    expect(await answerOf('percentages', {unsure: 25, spam: 60}, {topK: 2})).toMatchObject({
      rest: expect.closeTo(0.15, 6),
    });
    expect(await answerOf('probabilities', [['spam', 0.9]], {topK: 2})).toMatchObject({classes: Int32Array.of(1)});
    expect(await answerOf('probabilities', [0.1, 0.7, 0.2], {topK: 2})).toMatchObject({kind: 'log-probabilities'});
  });

  it('in percent can be off by their rounding, and are scaled', async () => {
    const thirds = await answerOf('percentages', [33, 33, 33]);
    expect(thirds).toEqual({kind: 'log-probabilities', logProbabilities: logs(1 / 3, 1 / 3, 1 / 3)});
    expect(await answerOf('percentages', [33.3, 33.3, 33.3])).toEqual(thirds);
    expect(await problemOf('percentages', [33.1, 33.1, 33.2])).toContain('Its percentages sum to 99.40, not 100.');
    expect(await problemOf('percentages', [33, 33, 32])).toContain('sum to 98.00, not 100');
    expect(await problemOf('percentages', [0.1, 0.7, 0.2])).toContain('sum to 1.000, not 100');
    expect(await problemOf('percentages', {spam: 99, ham: 4}, {topK: 2})).toContain('sum to 103.0, not 100');
  });

  it.each<[string, ScoreMeaning, unknown, string]>([
    ['a NaN', 'probabilities', [0.5, Number.NaN, 0.5], 'NaN or an infinite value'],
    ['a NaN among logits', 'logits', [1, Number.NaN, 0], 'NaN or an infinite value'],
    ['an endless logit', 'logits', [1, Number.POSITIVE_INFINITY, 0], 'NaN or an infinite value'],
    ['a score that is a text', 'probabilities', ['0.5', 0.2, 0.3], 'NaN or an infinite value'],
    [
      'a negative probability',
      'probabilities',
      [1.5, -0.5, 0],
      'It gave a negative probability. These look like logits. Declare them as `logits`.',
    ],
    ['probabilities that sum to less', 'probabilities', [0.5, 0.2, 0.1], 'sum to 0.8000, not 1'],
    ['log-probabilities that are logits', 'log-probabilities', [2, 1, 0], 'sum to 11.11, not 1'],
    ['too few in a list', 'probabilities', [0.5, 0.5], 'It gave 2 scores for 3 classes.'],
    ['too few by name', 'probabilities', {ham: 0.5, spam: 0.5}, 'It scored 2 of 3 classes.'],
    ['logits of some', 'logits', {ham: 0.5, spam: 0.5}, 'logits of 2 of 3 classes'],
    ['an unknown class', 'probabilities', {ham: 0.5, eggs: 0.5}, 'outside the class list of 3'],
    [
      'a class twice',
      'probabilities',
      [
        ['ham', 0.5],
        [0, 0.2],
        ['spam', 0.3],
      ],
      'It scored a class twice.',
    ],
    ['no scores', 'probabilities', null, 'It gave no scores'],
    [
      'a label',
      'probabilities',
      'spam',
      'It gave no scores: a list, an object of classes, or a list of pairs. Got: "spam".',
    ],
    ['a mixture', 'probabilities', [0.5, ['spam', 0.5]], 'It gave no scores'],
  ])('are refused if they hold %s', async (_, meaning, given, problem) => {
    expect(await problemOf(meaning, given)).toContain(`Teacher spam filter: `);
    expect(await problemOf(meaning, given)).toContain(problem);
  });

  it('are refused if the most probable have too much mass, or are none', async () => {
    expect(await problemOf('probabilities', {ham: 0.8, spam: 0.4}, {topK: 2})).toContain('a mass of 1.200, above 1');
    expect(await problemOf('probabilities', {}, {topK: 2})).toContain('It scored 0 of 3 classes.');
  });

  it('come back whatever their shape, order and meaning', async () => {
    const weights = fc.array(fc.double({min: 1e-6, max: 1, noNaN: true}), {minLength: 3, maxLength: 3});
    await fc.assert(
      fc.asyncProperty(weights, fc.shuffledSubarray([0, 1, 2], {minLength: 3}), async (raw, order) => {
        const total = raw.reduce((sum, value) => sum + value, 0);
        const probabilities = raw.map(value => value / total);
        const pairs = order.map(label => [classes[label]!, probabilities[label]!] as const);
        const expected = await answerOf('probabilities', probabilities);
        expect(await answerOf('probabilities', Object.fromEntries(pairs))).toEqual(expected);
        expect(await answerOf('probabilities', pairs)).toEqual(expected);
        const again = (await answerOf('log-probabilities', probabilities.map(Math.log))) as typeof expected;
        expect(again).toEqual(expected);
      }),
      {numRuns: 100},
    );
  });
});

describe('callable', () => {
  const ask = async (answer: () => unknown, options: Partial<LabelCall> = {}) =>
    problemsIn(await callable({...common, answer, ...options} as LabelCall).ask([text('any')]))[0];

  it('takes a class by name or by index', async () => {
    const [byName, byIndex] = [callable({...common, answer: () => 'unsure'}), callable({...common, answer: () => 2})];
    expect(await byName.ask([text('any')])).toEqual([{answer: {kind: 'label', label: 2}}]);
    expect(await byIndex.ask([text('any')])).toEqual([{answer: {kind: 'label', label: 2}}]);
  });

  it('says what a label was that is none', async () => {
    expect(await ask(() => 'Spam')).toBe(
      'Teacher spam filter: It gave a label outside the class list of 3. Check `classes`, names and order. Got: "Spam".',
    );
    expect(await ask(() => 3)).toContain('Got: 3.');
    expect(await ask(() => 1.5)).toContain('Got: 1.5.');
    expect(await ask(() => undefined)).toContain('Got: undefined.');
    expect(await ask(() => 'a long answer of a chat model, and no class')).not.toContain('chat');
  });

  it('takes no number for an index that is the name of another class', async () => {
    expect(await ask(() => 1, {classes: ['1', '2']})).toContain('Give names.');
    expect(await ask(() => 1, {classes: ['0', '1']})).toBe('none');
    expect(await ask(() => 1, {classes: ['a', 'b', '7']})).toBe('none');
  });

  it('keeps what the function throws as the cause, and lets it say what can be done', async () => {
    const cause = new Error('out of paper');
    const answer = () => Promise.reject(cause);
    const [outcome] = await callable({...common, answer}).ask([text('any')]);
    expect(outcome).toMatchObject({error: {name: 'TeacherError', cause, retryable: false}});
    expect(problemsIn([outcome!])).toEqual([expect.stringContaining('The function failed (out of paper).')]);
    const busy = new TeacherError('printer', 'It is busy.', {retryable: true});
    const refuse = () => Promise.reject(busy);
    const [again] = await callable({...common, answer: refuse}).ask([text('any')]);
    expect(again).toEqual({error: busy});
    expect(await ask(() => Promise.reject('a bare text'))).toContain('The function failed (a bare text).');
  });

  it('fails a whole batch only if no answer can be told from another', async () => {
    const batch = async (answer: () => unknown) =>
      problemsIn(await callable({...common, batch: true, answer} as LabelCall).ask(queries));
    for (const problem of await batch(() => ['ham'])) expect(problem).toContain('It gave 1 answers for 3 inputs.');
    for (const problem of await batch(() => 'ham')) expect(problem).toContain('It gave no list for 3 inputs.');
    const failing = () => {
      throw new Error('no model');
    };
    for (const problem of await batch(failing))
      expect(problem).toContain('(no model). Return an Error instead of an answer');
    expect(await batch(() => ['ham', new Error('too long'), 'eggs'])).toEqual([
      'none',
      expect.stringContaining('(too long)'),
      expect.stringContaining('Got: "eggs".'),
    ]);
  });

  it('is given the signal, and is not waited for once that aborts', async () => {
    const signals: unknown[] = [];
    const controller = new AbortController();
    const teacher = callable({
      ...common,
      answer: (_, {signal}) => {
        signals.push(signal);
        return new Promise<string>(() => {});
      },
    });
    const asked = teacher.ask([text('any')], {signal: controller.signal});
    await vi.waitFor(() => expect(signals).toEqual([controller.signal]), {timeout: 10_000});
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });

  it('hides features that were not asked for, and gives those that were', async () => {
    const teacher = teachers['logits and features']!();
    const [bare] = await teacher.ask([text('four')]);
    expect(bare).toEqual({answer: {kind: 'logits', logits: Float32Array.of(1, 4, -2), features: {}}});
    const [full] = await teacher.ask([text('four')], {detail: {kind: 'logits', features: ['length']}});
    const {features} = (full as {answer: LogitsAnswer}).answer;
    expect(features).toEqual({length: {shape: [2, 1], values: Float32Array.of(4, 0)}});
  });

  it.each([
    ['is missing', {}],
    ['does not fill its shape', {length: {shape: [3], values: [1, 2]}}],
    ['holds NaN', {length: {shape: [1], values: [Number.NaN]}}],
    ['has no shape', {length: {values: [1]}}],
    ['has values that are no list', {length: {shape: [1], values: 1}}],
  ])('refuses a feature that %s', async (_, features) => {
    const answer = () => ({logits: [1, 2, 3], features}) as InnerScores;
    const outcomes = await callable({...common, access: 'white-box', features: ['length'], answer}).ask([text('any')]);
    expect(problemsIn(outcomes)).toEqual([expect.stringContaining('Feature `length` is not there')]);
  });

  it('has the access of what it gives, in its type too', () => {
    const black: Teacher<'black-box'> = callable({...common, answer: () => 'ham'});
    const gray: Teacher<'gray-box'> = callable({...common, scores: 'logits', answer: () => [1, 2, 3]});
    const white: Teacher<'white-box'> = callable({
      ...common,
      access: 'white-box',
      features: [],
      answer: () => ({logits: [1, 2, 3], features: {}}),
    });
    expect([black.access, gray.access, white.access]).toEqual(['black-box', 'gray-box', 'white-box']);
    expect([black.detail, gray.detail, white.detail]).toEqual([
      {kind: 'label'},
      {kind: 'logits'},
      {kind: 'logits', features: []},
    ]);
    // @ts-expect-error a label is no score
    callable({...common, scores: 'logits', answer: () => 'ham'});
    // @ts-expect-error without a version, nobody knows when answers differ
    expect(() => callable({name: 'a', classes, answer: () => 'ham'})).toThrow(
      'Give the function a `name` and a `version`.',
    );
  });

  it.each<[object, string]>([
    [{version: ''}, 'a `name` and a `version`'],
    [{classes: []}, '`classes` is empty'],
    [{classes: ['a', 'b', 'a']}, '`classes` names `a` twice'],
    [{scores: 'logits', topK: 2}, '`topK` goes with'],
    [{topK: 2}, '`topK` goes with'],
    [{scores: 'probabilities', topK: 4}, 'a whole number from 1 to 3, got 4'],
    [{batch: true, maxBatch: 0}, 'Expected `maxBatch` to be a whole number above 0, got 0.'],
    [{concurrency: 1.5}, 'Expected `concurrency` to be a whole number above 0, got 1.5.'],
  ])('refuses the options %j', (options, problem) => {
    expect(() => callable({...common, answer: () => 'ham', ...options} as LabelCall)).toThrow(problem);
  });

  it('has all in its identity that can change an answer', () => {
    const identityOf = (options: Partial<ScoreCall>) =>
      callable({...common, scores: 'probabilities', answer: () => [1, 0, 0], ...options} as ScoreCall).identity;
    const base = identityOf({});
    expect(identityOf({concurrency: 5})).toEqual(base);
    for (const changed of [{version: '2'}, {name: 'other'}, {classes: ['a', 'b', 'c']}, {topK: 2}] as const) {
      expect(identityOf(changed)).not.toEqual(base);
    }
    expect(identityOf({scores: 'percentages'})).not.toEqual(base);
  });
});
