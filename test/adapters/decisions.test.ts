import {afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import {type DecisionsOptions, decisions} from '../../adapters/decisions.ts';
import type {Question} from '../../src/question.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {Input, Query} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {captureOf} from './_decisions/captures.ts';
import {decisionServer} from './_decisions/decision-server.ts';
import {address, failureOf, floats, halving, offline, problemsIn} from './replay.ts';

const key = 'very-secret';
const path = '/decisions';
const urgent = predicate('urgent', 'Is it urgent?', {yes: 'Money is at stake.', no: 'It can wait.'});
const team = choice('team', 'Who takes care of it?', {billing: 'Payments', shipping: '', '10': 'The tenth floor'});
const anger = score('anger', 'How angry?', ['calm', 'annoyed', 'furious']);
const questions = [urgent, team, anger];
const shared = {url: address, model: 'm', questions} as const;

const input: Input = {kind: 'text', text: 'I was charged twice.'};
const about = (...asked: readonly Question[]): readonly Query[] => asked.map(question => ({input, question}));

const predicted = (probability: number, name: string | null = 'urgent') => ({type: 'predicate', name, probability});
const listed = (...probabilities: readonly number[]) =>
  ['billing', 'shipping', '10'].map((value, index) => ({value, probability: probabilities[index]}));
const teamIs = (chosen: string, ...probabilities: readonly number[]) => ({
  ...{type: 'choice', name: 'team', choice: chosen, confidence: 0.5},
  probabilities: listed(...probabilities),
});
const angerIs = (value: number, ...probabilities: readonly number[]) => ({
  ...{type: 'score', name: 'anger', score: value, confidence: 0.5},
  probabilities: probabilities.map((probability, level) => ({
    ...{value: level, label: ['calm', 'annoyed', 'furious'][level], probability},
  })),
});

/** The outcomes of a reply with these answers. */
async function outcomesOf(
  answers: readonly unknown[],
  asked: readonly Question[],
  options: Partial<DecisionsOptions> = {},
) {
  const {dispatcher, answer} = offline();
  answer(path, 200, {answers, model: 'm-1'});
  return decisions({...shared, decimals: 2, dispatcher, ...options}).ask(about(...asked));
}

afterEach(() => void vi.unstubAllEnvs());

describe('decisions', () => {
  const two = [input, {kind: 'text', text: 'Thank you!'} as const];
  describe.each([undefined, 2])('with %s decimals', decimals => {
    let url = '';
    beforeAll(async () => {
      url = (await decisionServer(decimals)).url;
    });
    testTeacher({
      it,
      teacher: () => decisions({...shared, url, key, ...(decimals !== undefined && {decimals})}),
      queries: two.flatMap(own => questions.map(question => ({input: own, question}))),
      badQuery: {...floats(1), question: urgent},
      secret: key,
    });
  });

  it('asks all questions about a text in one request, with options in their order and criteria in the instructions', async () => {
    const {dispatcher, sent, answer} = offline();
    answer(path, 200, {answers: [predicted(0.81), teamIs('10', 0.04, 0.02, 0.94), angerIs(1.5, 0.1, 0.3, 0.6)]});
    const rows: (readonly number[])[] = [];
    const teacher = decisions({...shared, decimals: 2, dispatcher, parameters: {safety_identifier: 'me'}});
    const outcomes = await teacher.ask(about(...questions), {
      exchange: (asked, send) => {
        rows.push(asked);
        return send();
      },
    });
    expect(problemsIn(outcomes)).toEqual(['none', 'none', 'none']);
    expect(rows).toEqual([[0, 1, 2]]);
    expect(sent.map(({body}) => body)).toEqual([
      {
        model: 'm',
        input: 'I was charged twice.',
        questions: [
          {
            type: 'predicate',
            name: 'urgent',
            instructions:
              'Is it urgent?\n\nCriteria for true:\nMoney is at stake.\n\nCriteria for false:\nIt can wait.',
          },
          {
            ...{type: 'choice', name: 'team', instructions: 'Who takes care of it?'},
            choices: [
              {value: '10', description: 'The tenth floor'},
              {value: 'billing', description: 'Payments'},
              {value: 'shipping'},
            ],
          },
          {
            ...{type: 'score', name: 'anger', instructions: 'How angry?'},
            levels: [{label: 'calm'}, {label: 'annoyed'}, {label: 'furious'}],
          },
        ],
        safety_identifier: 'me',
      },
    ]);
  });

  it('asks about each text, and each sample of it, apart', async () => {
    const {url, asked} = await decisionServer();
    const other: Input = {kind: 'text', text: 'Thank you!'};
    const teacher = decisions({...shared, url, maxQuestions: 2});
    const outcomes = await teacher.ask([
      ...about(...questions),
      ...about(urgent).map(query => ({...query, sample: 1})),
      {input: other, question: urgent},
      {input: other},
    ]);
    expect(asked.map(names => names.join()).sort()).toEqual(['anger', 'urgent', 'urgent', 'urgent,team']);
    expect(problemsIn(outcomes).slice(0, 5)).toEqual(['none', 'none', 'none', 'none', 'none']);
    expect(problemsIn(outcomes)[5]).toContain('A query names no question.');
  });

  it('answers a question that is refused with an error that is final, and its neighbours with answers', async () => {
    const outcomes = await outcomesOf([predicted(0.8), {type: 'refusal', name: 'team'}], [urgent, team]);
    expect(problemsIn(outcomes)).toEqual(['none', expect.stringContaining('Question `team`: It refuses to answer')]);
    expect((outcomes[1] as {error: Error}).error).toMatchObject({
      retryable: false,
      unreadable: false,
      refusal: undefined,
    });
  });

  it.each<[string, readonly unknown[], RegExp]>([
    ['another name', [predicted(0.8), {...teamIs('10', 0, 0, 1), name: 'other'}], /the answer to another question/],
    ['another type', [predicted(0.8), predicted(0.7, 'team')], /of type predicate where one of type choice/],
    ['no type', [predicted(0.8), {}], /where one of type choice/],
    ['no object', [predicted(0.8), 'billing'], /It gave no answer/],
    [
      'an option twice',
      [predicted(0.8), {...teamIs('10', 0, 0, 1), probabilities: [...listed(0, 0, 1), ...listed(0)]}],
      /two probabilities/,
    ],
    [
      'an option too few',
      [predicted(0.8), {...teamIs('10'), probabilities: listed(0, 0, 1).slice(1)}],
      /no probability of `10`|no probability of `billing`/,
    ],
    [
      'an option of another case',
      [predicted(0.8), {...teamIs('10'), probabilities: [{value: 'Billing', probability: 1}]}],
      /not asked about/,
    ],
    [
      'a boolean for an option',
      [predicted(0.8), {...teamIs('10'), probabilities: [{value: true, probability: 1}]}],
      /not asked about/,
    ],
    ['no probabilities', [predicted(0.8), {type: 'choice', name: 'team', choice: '10'}], /It gave no probabilities/],
    [
      'a text for a probability',
      [predicted(0.8), {...teamIs('10'), probabilities: listed(0, 0, '1' as never)}],
      /that is no number/,
    ],
    ['a choice that is none', [predicted(0.8), teamIs('Billing', 0, 0, 1)], /that is no option/],
    ['a choice that is not the best', [predicted(0.8), teamIs('billing', 0.3, 0.2, 0.5)], /not the most probable/],
    ['a sum of 1.2', [predicted(0.8), teamIs('10', 0.1, 0.1, 1)], /sum to 1\.200.*2 decimals does not explain/],
    ['an answer too few', [predicted(0.8)], /It gave no answer/],
    ['an answer twice', [predicted(0.8), teamIs('10', 0, 0, 1), teamIs('10', 0, 0, 1)], /It gave 2 answers/],
  ])('fails the question alone that is answered with %s', async (_, answers, problem) => {
    const [first, second] = await outcomesOf(answers, [urgent, team]);
    expect(problemsIn([first!])).toEqual(['none']);
    expect(problemsIn([second!])[0]).toMatch(problem);
    expect(second).toMatchObject({error: {unreadable: true}});
  });

  it.each<[string, unknown, RegExp]>([
    [
      'numbers its levels from 1',
      {...angerIs(1), probabilities: [1, 2, 3].map(value => ({value, label: 'calm', probability: 0}))},
      /in another way than from 0/,
    ],
    [
      'names its levels in another order',
      {...angerIs(1), probabilities: [{value: 0, label: 'furious', probability: 1}]},
      /no probability of `calm`/,
    ],
    [
      'gives the best level for the expected one',
      angerIs(2, 0.1, 0.3, 0.6),
      /Its score is 2, and its probabilities have the mean 1\.500/,
    ],
    ['gives a score beyond its levels', angerIs(3, 0, 0, 1), /Its score is 3/],
    ['gives no score', {...angerIs(0, 1, 0, 0), score: null}, /It gave no score/],
  ])('does not read a score that %s', async (_, answer, problem) => {
    expect(problemsIn(await outcomesOf([answer], [anger]))[0]).toMatch(problem);
  });

  it('gives extra answers to nobody', async () => {
    const outcomes = await outcomesOf([predicted(0.8), predicted(0.3, 'other')], [urgent]);
    expect(problemsIn(outcomes)).toEqual(['none']);
  });

  it.each<[unknown, RegExp]>([
    [{answers: [predicted(0.8, null)]}, /It gave 1 answers to 2 questions/],
    [{answers: {urgent: predicted(0.8)}}, /no list of answers\. Check `url`, `path` and `dialect`/],
    [{}, /no list of answers/],
    ['<html>', /not JSON/],
  ])('does not read %j, and fails all of its questions', async (body, problem) => {
    const {dispatcher, answer} = offline();
    answer(path, 200, body);
    const error = await failureOf(decisions({...shared, dispatcher}).ask(about(urgent, team)));
    expect(error.message).toMatch(problem);
    expect(error.unreadable).toBe(true);
  });

  it('reads the tokens and the model of a reply', () => {
    const {service} = decisions(shared);
    const {response} = captureOf('from-types-openai-cached');
    const reply = (body: unknown) => ({status: 200, headers: {}, body: JSON.stringify(body)});
    expect(service!.receipt!(reply(response.body))).toMatchObject({model: 'gpt-6-luna', usage: {outputTokens: 0}});
    expect(service!.receipt!(reply(captureOf('from-types-sglang-decisions').response.body))).toEqual({
      ...{model: 'm', usage: {inputTokens: 133, outputTokens: 0}},
    });
    expect(service!.receipt!(reply({usage: {input_tokens: 1.5, output_tokens: 0}}))).toEqual({});
  });

  it('says once that the model wants to say something else', () => {
    const reply = (name: string) => ({
      ...captureOf(name).response,
      body: JSON.stringify(captureOf(name).response.body),
    });
    const {note} = decisions(shared).service!;
    expect(note!(reply('from-types-vllm-decisions'))).toContain(
      'question `team`: all its answers together have a probability of 0.42',
    );
    expect(note!(reply('from-types-sglang-decisions'))).toBeUndefined();
  });

  it('bounds the cost of a request by its body, which holds the text once', () => {
    const {service} = decisions(shared);
    const {inputTokens, outputTokens} = service!.worstCase!(about(...questions))!;
    const apart = questions.map(question => service!.worstCase!(about(question))!.inputTokens);
    expect(inputTokens).toBeLessThan(apart.reduce((sum, tokens) => sum + tokens, 0));
    expect(outputTokens).toBe(8 * 8);
    expect(service!.leastCase!(about(urgent))).toEqual({inputTokens: 7, outputTokens: 0});
    expect(decisions({...shared, parameters: {tier: 'fast'}}).service!.unbounded).toMatchObject({of: 'fees'});
    expect(decisions({...shared, parameters: {seed: 1}}).service!.unbounded).toBeUndefined();
  });

  it('fails the question alone that a refusal names, and the others are asked again without it', async () => {
    const detail = [{loc: ['body', 'questions', 1], msg: 'Too many choices', type: 'x', input: 'I was charged twice.'}];
    const {url, asked} = await decisionServer(undefined, names =>
      names[1] === 'team' ? {status: 422, body: {detail}} : undefined,
    );
    const other = predicate('other', 'Anything else?');
    const teacher = halving(decisions({...shared, questions: [...questions, other], url}));
    const outcomes = await teacher.ask(about(urgent, team, anger, other));
    expect(problemsIn(outcomes).map(problem => problem === 'none')).toEqual([true, false, true, true]);
    expect(problemsIn(outcomes)[1]).toContain('questions.1: Too many choices". It does not take the question `team`');
    expect(problemsIn(outcomes)[1]).not.toContain('charged');
    expect(asked.length).toBe(3);
  });

  it.each<[Partial<DecisionsOptions>, string]>([
    [{questions: []}, 'has no question'],
    [{questions: [urgent, urgent]}, 'Two questions of teacher'],
    [
      {questions: [{type: 'predicate', name: 'a'}]},
      'The question `a` of teacher decisions m at http://teacher.test:8080 has no `instructions`',
    ],
    [{maxOptions: 2}, 'has 3 options, and the service takes at most 2'],
    [{maxLevels: 2}, 'has 3 levels, and the service takes at most 2'],
    [{maxQuestions: 0}, 'Expected `maxQuestions` to be a whole number, 1 or more, got 0.'],
    [{decimals: 1.5}, 'Expected `decimals` to be a whole number, 0 or more, got 1.5.'],
    [{parameters: {questions: []}}, "The field `questions` is the adapter's own."],
    [{url: 'https://api.openai.com/v1', questions: [score('s', 'How?', [...'abcdefghijk'])]}, 'takes at most 10'],
    [{dialect: 'sglang', questions: [choice('c', 'Which?', [...'abcdefghijklmnopqrstuvwxyz1'])]}, 'takes at most 26'],
  ])('refuses %j', (options, problem) => {
    expect(() => decisions({...shared, ...options})).toThrow(problem);
  });

  it('knows the rounding and the limits of its own host', () => {
    const {url: _, ...own} = shared;
    expect(decisions(own)).toMatchObject({detail: {kind: 'top-k', k: 3}, questions: {perRequest: 400}, classes: []});
    expect(decisions(shared)).toMatchObject({detail: {kind: 'log-probabilities'}, questions: {perRequest: 64}});
    expect(decisions({...own, decimals: null}).detail).toEqual({kind: 'log-probabilities'});
    expect(decisions({...shared, areNamesShown: true}).questions).toMatchObject({areNamesShown: true});
  });

  it('sends OPENAI_API_KEY to its own address and nowhere else', () => {
    vi.stubEnv('OPENAI_API_KEY', key);
    vi.stubEnv('LIMBECK_TEACHER_KEY', '');
    const {url: _, ...own} = shared;
    expect(decisions(own).service!.account).toMatch(/^https:\/\/api\.openai\.com [0-9a-f]{8}$/);
    expect(decisions(shared).service!.account).toBe(address);
  });
});
