import {createServer} from 'node:http';
import {text as textOf} from 'node:stream/consumers';
import {afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import {type SystemOneOptions, systemOne} from '../../adapters/system-one.ts';
import type {Question} from '../../src/question.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {Input, Query} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {captureOf} from './_decisions/captures.ts';
import {decisionServer} from './_decisions/decision-server.ts';
import {started} from './_wire/network-servers.ts';
import {address, failureOf, floats, halving, offline, problemsIn} from './replay.ts';

const key = 'very-secret';
const path = '/v1/systemone';
const urgent = predicate('urgent', 'Is it urgent?', {yes: 'Money is at stake.'});
const floor: Question = {
  ...{type: 'choice', name: 'floor', instructions: 'Which floor?'},
  options: [{name: 'b'}, {name: '10', description: 'the tenth'}, {name: '2'}],
};
const anger = score('anger', 'How angry?', {calm: '', annoyed: 'Asks twice.', furious: 'Threatens to leave.'});
const questions = [urgent, floor, anger];
const shared = {url: address, model: 'm', questions} as const;

const input: Input = {kind: 'text', text: 'I was charged twice.'};
const about = (...asked: readonly Question[]): readonly Query[] => asked.map(question => ({input, question}));
const noul = (probability: number) => ({type: 'noul', noul: probability});
const floorIs = (chosen: string, b: number, ten: number, two: number) => ({
  ...{type: 'choice', choice: chosen, probabilities: {b, 10: ten, 2: two}},
});

/** The outcomes of a reply with these answers. */
async function outcomesOf(answers: object, asked: readonly Question[], options: Partial<SystemOneOptions> = {}) {
  const {dispatcher, answer} = offline();
  answer(path, 200, {answers, model: 'm-1', usage: {}});
  return systemOne({...shared, decimals: 2, dispatcher, ...options}).ask(about(...asked));
}

afterEach(() => void vi.unstubAllEnvs());

describe('systemOne', () => {
  const two = [input, {kind: 'text', text: 'Thank you!'} as const];
  describe.each([undefined, 2])('with %s decimals', decimals => {
    let url = '';
    beforeAll(async () => {
      url = (await decisionServer(decimals)).url;
    });
    testTeacher({
      it,
      teacher: () => systemOne({...shared, url, key, ...(decimals !== undefined && {decimals})}),
      queries: two.flatMap(own => questions.map(question => ({input: own, question}))),
      badQuery: {...floats(1), question: urgent},
      secret: key,
    });
  });

  it('sends a map of questions and of options, in their order', async () => {
    const bodies: string[] = [];
    const server = createServer(async (request, response) => {
      bodies.push(await textOf(request));
      response.end(JSON.stringify({answers: {}}));
    });
    const {port} = await started(server);
    await systemOne({...shared, url: `http://127.0.0.1:${port}`, parameters: {provider: {sort: 'price'}}}).ask(
      about(...questions),
    );
    // As a text, because a parsed object has whole numbers first.
    expect(bodies).toEqual([
      '{"model":"m","state":"I was charged twice.","questions":{' +
        '"urgent":{"type":"noul","instructions":"Is it urgent?","criteria":{"true":"Money is at stake."}},' +
        '"floor":{"type":"choice","instructions":"Which floor?","criteria":{"b":null,"10":"the tenth","2":null}},' +
        '"anger":{"type":"score","instructions":"How angry?",' +
        '"criteria":["calm","annoyed: Asks twice.","furious: Threatens to leave."]}},"provider":{"sort":"price"}}',
    ]);
  });

  it('reads each answer by the name of its question, and leaves those that nobody asked for', async () => {
    const outcomes = await outcomesOf({floor: floorIs('10', 0, 0.97, 0.02), other: noul(0.1), urgent: noul(0.2)}, [
      urgent,
      floor,
    ]);
    expect(outcomes).toEqual([
      {
        answer: {
          kind: 'top-k',
          classes: Int32Array.of(0, 1),
          logProbabilities: Float32Array.from([0.8, 0.2], Math.log),
          rest: 0,
        },
      },
      {
        answer: {
          ...{kind: 'top-k', classes: Int32Array.of(1, 2), logProbabilities: Float32Array.from([0.97, 0.02], Math.log)},
          rest: expect.closeTo(0.01, 6),
        },
      },
    ]);
  });

  it.each<[string, object, RegExp]>([
    ['nothing', {urgent: noul(0.2)}, /It gave no answer/],
    ['null', {urgent: noul(0.2), floor: null}, /It gave no answer/],
    ['another type', {urgent: noul(0.2), floor: noul(0.5)}, /of type noul where one of type choice/],
    ['no probabilities', {urgent: noul(0.2), floor: {type: 'choice', choice: 'b'}}, /It gave no probabilities/],
    [
      'an option too many',
      {urgent: noul(0.2), floor: {...floorIs('b', 1, 0, 0), probabilities: {b: 1, 10: 0, 2: 0, x: 0}}},
      /not asked about/,
    ],
    ['another answer than the best', {urgent: noul(0.2), floor: floorIs('b', 0, 1, 0)}, /not the most probable/],
    ['a refusal', {urgent: noul(0.2), floor: {type: 'refusal'}}, /It refuses to answer this question/],
  ])('fails the question alone that is answered with %s', async (_, answers, problem) => {
    const outcomes = problemsIn(await outcomesOf(answers, [urgent, floor]));
    expect(outcomes[0]).toBe('none');
    expect(outcomes[1]).toMatch(problem);
  });

  it.each<[string, object, RegExp | 'none']>([
    [
      'a legend from 1',
      {legend: {1: 'calm', 2: 'annoyed: Asks twice.', 3: 'furious: Threatens to leave.'}},
      /than from 0/,
    ],
    [
      'a legend in another order',
      {legend: {0: 'furious: Threatens to leave.', 1: 'annoyed: Asks twice.', 2: 'calm'}},
      /than from 0/,
    ],
    ['its own legend', {legend: {0: 'calm', 1: 'annoyed: Asks twice.', 2: 'furious: Threatens to leave.'}}, 'none'],
    ['no legend', {}, 'none'],
  ])('reads a score with %s accordingly', async (_, more, problem) => {
    const answer = {type: 'score', score: 1.5, probabilities: {0: 0.1, 1: 0.3, 2: 0.6}, ...more};
    expect(problemsIn(await outcomesOf({anger: answer}, [anger]))[0]).toMatch(problem);
  });

  it.each<[unknown, RegExp]>([
    [{answers: [noul(0.2)]}, /no answers by name\. Check `url`, `path` and `envelope`/],
    [{result: {answers: {urgent: noul(0.2)}}}, /no answers by name/],
    [null, /no answers by name/],
  ])('does not read %j', async (body, problem) => {
    const {dispatcher, answer} = offline();
    answer(path, 200, body);
    const error = await failureOf(systemOne({...shared, dispatcher}).ask(about(urgent)));
    expect(error.message).toMatch(problem);
    expect(error.unreadable).toBe(true);
  });

  it('looks for the answers in the field that is given as the envelope', async () => {
    const {dispatcher, answer} = offline();
    const inner = {model: 'x', answers: {urgent: noul(0.2)}, usage: {input_tokens: 3, output_tokens: 0}};
    answer(path, 200, {data: inner});
    const teacher = systemOne({...shared, dispatcher, envelope: 'data'});
    expect(problemsIn(await teacher.ask(about(urgent)))).toEqual(['none']);
    const reply = {status: 200, headers: {}, body: JSON.stringify({data: inner})};
    expect(teacher.service!.receipt!(reply)).toEqual({model: 'x', usage: {inputTokens: 3, outputTokens: 0}});
  });

  it.each<[string, Partial<SystemOneOptions>, string]>([
    ['https://api.perplexity.ai', {}, '/v1/decisions'],
    ['https://openrouter.ai', {}, '/api/alpha/decisions'],
    ['https://openrouter.ai/api', {}, '/api/alpha/decisions'],
    [
      'https://api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/cloudflare/clef',
      {},
      '/client/v4/accounts/a/ai/run/@cf/cloudflare/clef',
    ],
    ['https://api.fireworks.ai/inference', {}, '/inference/v1/systemone'],
    ['http://127.0.0.1:8000', {}, '/v1/systemone'],
    ['http://127.0.0.1:8000/v1', {}, '/v1/systemone'],
    ['http://127.0.0.1:8000/v1/systemone', {}, '/v1/systemone'],
    ['http://127.0.0.1:8000', {path: '/ask'}, '/ask'],
  ])('asks at the path of its host: %s %j', async (url, options, wanted) => {
    const {dispatcher, sent, answer} = offline(new URL(url).origin);
    answer(wanted, 200, {result: {answers: {urgent: noul(0.2)}}, answers: {urgent: noul(0.2)}});
    const outcomes = await systemOne({...shared, url, dispatcher, ...options}).ask(about(urgent));
    expect(problemsIn(outcomes)).toEqual(['none']);
    expect(sent).toHaveLength(1);
  });

  it('knows the rounding and the limits of its hosts', () => {
    const cloudflare = 'https://api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/cloudflare/clef';
    const {url: _, ...own} = shared;
    expect(systemOne(own)).toMatchObject({detail: {kind: 'top-k', k: 3}, questions: {perRequest: 400}});
    expect(systemOne({...shared, url: cloudflare}).service!.reader).toEqual({reading: 1, decimals: 4});
    expect(systemOne(shared)).toMatchObject({detail: {kind: 'log-probabilities'}, questions: {perRequest: 64}});
    const spaced = [predicate('is it', 'Is it?')];
    expect(() => systemOne({...shared, url: cloudflare, questions: spaced})).toThrow(
      'has a name that the service does not take',
    );
    expect(() =>
      systemOne({
        ...own,
        questions: [
          choice(
            'c',
            'Which?',
            Array.from({length: 256}, (_, index) => `o${index}`),
          ),
        ],
      }),
    ).toThrow('has 256 options, and the service takes at most 255');
    expect(() => systemOne({...shared, questions: [{type: 'predicate', name: 'a'}]})).toThrow(
      'has neither `instructions` nor criteria',
    );
  });

  it('retries a lack of capacity, and not a spent allowance', () => {
    const refusal = (name: string) => {
      const {response} = captureOf(`from-types-cloudflare-${name}`);
      return systemOne(shared).service!.refusal!({...response, body: JSON.stringify(response.body)}, []);
    };
    expect(refusal('err_429_capacity')).toMatchObject({retryable: true});
    expect(refusal('err_429_daily')).toMatchObject({retryable: false});
    expect(refusal('err_529')).toMatchObject({retryable: true});
  });

  it('fails the question alone that a refusal names', async () => {
    const detail = [{loc: ['body', 'questions', 'floor', 'criteria'], msg: 'Too many options', type: 'too_long'}];
    const {url, asked} = await decisionServer(undefined, names =>
      names.includes('floor') ? {status: 422, body: {detail}} : undefined,
    );
    const outcomes = await halving(systemOne({...shared, url})).ask(about(...questions));
    expect(problemsIn(outcomes)).toEqual([
      'none',
      expect.stringContaining('It does not take the question `floor`'),
      'none',
    ]);
    expect(asked.map(names => names.join())).toEqual(['urgent,floor,anger', 'urgent', 'anger']);
  });

  it('sends TYPESAFE_API_KEY to its own address and nowhere else', () => {
    vi.stubEnv('TYPESAFE_API_KEY', key);
    vi.stubEnv('LIMBECK_TEACHER_KEY', '');
    const {url: _, ...own} = shared;
    expect(systemOne(own).service!.account).toMatch(/^https:\/\/api\.typesafe\.ai [0-9a-f]{8}$/);
    expect(systemOne(shared).service!.account).toBe(address);
  });
});

describe('systemOne in the dialect of Google', () => {
  const google = 'https://generativelanguage.googleapis.com';
  const googlePath = '/v1beta/decisions';
  const two = [input, {kind: 'text', text: 'Thank you!'} as const];
  let url = '';
  beforeAll(async () => {
    url = (await decisionServer(2)).url;
  });
  testTeacher({
    it,
    teacher: () => systemOne({...shared, url, key, dialect: 'google', decimals: 2}),
    queries: two.flatMap(own => questions.map(question => ({input: own, question}))),
    badQuery: {...floats(1), question: urgent},
    secret: key,
  });

  it.each(['', '/v1beta', googlePath])('is asked at %j of Google’s address, with its header and names', async below => {
    const {dispatcher, sent, answer} = offline(google);
    answer(googlePath, 200, {answers: {urgent: {...noul(0.2), confidence: 0.8}, floor: floorIs('10', 0, 0.97, 0.03)}});
    vi.stubEnv('GEMINI_API_KEY', 'of-google');
    const teacher = systemOne({url: `${google}${below}`, model: 'gemini-decision-1', questions, dispatcher});
    const outcomes = await teacher.ask(about(...questions));
    expect(problemsIn(outcomes)).toEqual(['none', 'none', expect.stringContaining('It gave no answer')]);
    expect(sent).toMatchObject([{headers: {'x-goog-api-key': 'of-google'}}]);
    expect(JSON.stringify(sent[0]!.headers)).not.toContain('Bearer');
    expect(sent[0]!.body).toEqual({
      model: 'models/gemini-decision-1',
      input: 'I was charged twice.',
      questions: {
        urgent: {type: 'noul', instructions: 'Is it urgent?', criteria: {true_description: 'Money is at stake.'}},
        floor: {type: 'choice', instructions: 'Which floor?', criteria: {b: '', 10: 'the tenth', 2: ''}},
        anger: {
          ...{type: 'score', instructions: 'How angry?'},
          criteria: ['calm', 'annoyed: Asks twice.', 'furious: Threatens to leave.'],
        },
      },
    });
  });

  it('sends an image as its bytes, and a record as JSON', async () => {
    const {dispatcher, sent, answer} = offline();
    answer(googlePath, 200, {answers: {urgent: noul(0.2)}});
    answer(googlePath, 200, {answers: {urgent: noul(0.3)}});
    const teacher = systemOne({...shared, questions: [urgent], dialect: 'google', decimals: 2, dispatcher});
    const image: Input = {kind: 'image', bytes: Uint8Array.of(1, 2), mediaType: 'image/webp'};
    const record: Input = {kind: 'record', fields: {price: 3}};
    const outcomes = await teacher.ask([image, record].map(own => ({input: own, question: urgent})));
    expect(problemsIn(outcomes)).toEqual(['none', 'none']);
    expect(sent.map(({body}) => (body as {readonly input: unknown}).input)).toEqual([
      [{type: 'image', data: 'AQI=', mime_type: 'image/webp'}],
      '{"price":3}',
    ]);
  });

  it('refuses each question about a blocked input for good, and counts the tokens', async () => {
    const {response} = captureOf('from-types-google-blocked');
    const {dispatcher, answer} = offline();
    answer(googlePath, 200, response.body);
    const teacher = systemOne({...shared, dialect: 'google', dispatcher});
    const outcomes = await teacher.ask(about(...questions));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({error: {retryable: false, unreadable: false}});
      expect(problemsIn([outcome])[0]).toContain('refuses to answer this question about the');
    }
    const reply = (body: unknown) => ({status: 200, headers: {}, body: JSON.stringify(body)});
    expect(teacher.service!.receipt!(reply(response.body))).toEqual({usage: {inputTokens: 12, outputTokens: 0}});
    expect(teacher.service!.receipt!(reply({answers: {}}))).toEqual({});
    answer(googlePath, 200, {answers: {urgent: noul(0.2)}, prompt_feedback: {}});
    const [answered] = await systemOne({...shared, decimals: 2, dialect: 'google', dispatcher}).ask(about(urgent));
    expect(problemsIn([answered!])).toEqual(['none']);
  });

  it('refuses what Google does not take before anything is sent', () => {
    const make = (options: Partial<SystemOneOptions>) => () => systemOne({...shared, url: google, ...options});
    expect(make({questions: [predicate('p', '', {yes: 'So.'})]})).toThrow('has no `instructions`');
    expect(make({questions: [choice('c', 'Which?', ['a ', 'b'])]})).toThrow('has an option "a "');
    expect(make({envelope: 'result'})).toThrow("Google's dialect has no option `envelope`");
    expect(
      make({
        questions: [
          choice(
            'c',
            'Which?',
            Array.from({length: 256}, (_, index) => String(index)),
          ),
        ],
      }),
    ).toThrow('at most 255');
    expect(make({dialect: 'system-one', questions: [predicate('p', '', {yes: 'So.'})]})).not.toThrow();
    const {questions: asked, detail, identity} = systemOne({...shared, url: google});
    expect(asked).toMatchObject({perRequest: 1000});
    expect(detail).toEqual({kind: 'top-k', k: 3});
    expect(identity).toMatchObject({path: googlePath, mapping: 'google 1', model: 'models/m'});
  });
});

describe('systemOne with a service that shows a score as one number', () => {
  const stars = score('stars', 'How many stars?', ['one', 'two', 'three', 'four', 'five']);
  const scores = {questions: [anger, stars]};
  const given = (score: unknown) => ({type: 'score', score});

  it('gives expected levels, on its own scale if it has one', async () => {
    const answers = {anger: given(1.37), stars: given(2)};
    const asked = [anger, stars];
    expect(await outcomesOf(answers, asked, {...scores, expected: 'levels'})).toEqual([
      {answer: {kind: 'expected', level: 1.37}},
      {answer: {kind: 'expected', level: 2}},
    ]);
    const [one] = await outcomesOf({stars: given(4.5)}, [stars], {questions: [stars], expected: {from: 1, to: 5}});
    expect(one).toEqual({answer: {kind: 'expected', level: 3.5}});
    const down = await outcomesOf({stars: given(4.5)}, [stars], {questions: [stars], expected: {from: 5, to: 1}});
    expect(down).toEqual([{answer: {kind: 'expected', level: 0.5}}]);
  });

  it('refuses a score that is on no level, and says what to check', async () => {
    const outcomes = await outcomesOf({anger: given(2.5), stars: given('much')}, [anger, stars], {
      ...scores,
      expected: 'levels',
    });
    expect(problemsIn(outcomes)).toEqual([
      expect.stringContaining('Its score is 2.5, and its levels go from 0 to 2. Check `expected`.'),
      expect.stringContaining('It gave no score.'),
    ]);
  });

  it('says what each question is answered with, and reads the others as before', async () => {
    const {detail, details} = systemOne({...shared, expected: 'levels'});
    expect(detail).toEqual({kind: 'log-probabilities'});
    expect(details).toEqual({anger: {kind: 'expected'}});
    const answers = {anger: given(0.5), urgent: noul(0.25)};
    const outcomes = await outcomesOf(answers, [anger, urgent], {expected: 'levels'});
    expect(outcomes).toMatchObject([{answer: {kind: 'expected', level: 0.5}}, {answer: {kind: 'top-k'}}]);
    const rounded = systemOne({...shared, decimals: 2, expected: 'levels'});
    expect(rounded.detail).toEqual({kind: 'top-k', k: 3});
  });

  it('is for scores alone, and declares no more if there is nothing else', () => {
    expect(() => systemOne({...shared, questions: [urgent], expected: 'levels'})).toThrow(
      'is for scores, and none of its questions is one',
    );
    expect(() => systemOne({...shared, ...scores, expected: {from: 1, to: 1}})).toThrow("'levels', or {from, to}");
    const {detail, details} = systemOne({...shared, ...scores, expected: 'levels'});
    expect([detail, details]).toEqual([{kind: 'expected'}, undefined]);
  });

  let url = '';
  beforeAll(async () => {
    url = (await decisionServer()).url;
  });
  const texts = [input, {kind: 'text', text: 'Thank you!'} as const];
  testTeacher({
    it,
    teacher: () => systemOne({...shared, questions: [anger, urgent, stars], url, key, expected: 'levels'}),
    queries: texts.flatMap(own => [anger, urgent, stars].map(question => ({input: own, question}))),
    badQuery: {...floats(1), question: stars},
    secret: key,
  });
});
