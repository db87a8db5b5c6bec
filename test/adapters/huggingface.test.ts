import {afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import {type HuggingfaceOptions, huggingface} from '../../adapters/huggingface.ts';
import {choice, predicate} from '../../src/questions.ts';
import {testTeacher} from '../teacher-suite.ts';
import {jsonServer, probabilitiesOf} from './json-server.ts';
import {address, floats, offline, problemsIn, text} from './replay.ts';

const classes = ['negative', 'neutral', 'positive'];
const shared = {url: address, classes} as const;
const key = 'hf_very-secret';

const reply = (scores: readonly number[]) => [scores.map((score, index) => ({label: classes[index], score}))];

afterEach(() => void vi.unstubAllEnvs());

describe('huggingface', () => {
  let url = '';
  beforeAll(async () => {
    url = await jsonServer(({inputs, parameters}: {inputs: string; parameters: {function_to_apply: string}}) => {
      const probabilities = probabilitiesOf(inputs, 3);
      return {body: reply(parameters.function_to_apply === 'none' ? probabilities.map(Math.log) : probabilities)};
    });
  });

  describe.each(['logits', 'probabilities'] as const)('asked for %s', output => {
    testTeacher({
      it,
      teacher: () => huggingface({...shared, url, output, key}),
      queries: ['one', 'three', 'a'].map(text),
      badQuery: floats(1),
      secret: key,
    });
  });

  it('asks for all classes, and reads the list within a list as it reads the list', async () => {
    const {dispatcher, sent, answer} = offline();
    answer('/', 200, reply([0.5, 0.25, 0.25]));
    answer('/', 200, reply([0.5, 0.25, 0.25])[0]);
    const teacher = huggingface({...shared, dispatcher});
    const outcome = {
      answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(0.5, 0.25, 0.25).map(Math.log)},
    };
    expect([await teacher.ask([text('a')]), await teacher.ask([text('a')])]).toEqual([[outcome], [outcome]]);
    expect(sent[0]!.body).toEqual({inputs: 'a', parameters: {top_k: 3, function_to_apply: 'softmax'}});
  });

  it('says how many classes lack, if it names the five best', async () => {
    const {dispatcher, answer} = offline();
    answer('/', 200, [reply([0.5, 0.25, 0.25])[0]!.slice(0, 2)]);
    const [problem] = problemsIn(await huggingface({...shared, dispatcher}).ask([text('a')]));
    expect(problem).toContain('It scored 2 of 3 classes.');
  });

  it('waits as long as a model that is being loaded asks for', async () => {
    const {dispatcher, answer} = offline();
    answer('/', 503, {error: 'Model is currently loading', estimated_time: 20.5});
    let headers: unknown;
    const asked = huggingface({...shared, dispatcher}).ask([text('a')], {
      exchange: async (_, send) => {
        const reply = await send();
        ({headers} = reply);
        return reply;
      },
    });
    await expect(asked).rejects.toThrow('The model is being loaded, or the service is overloaded.');
    expect(headers).toMatchObject({'retry-after-ms': '20500'});
  });

  it.each([
    [401, 'It asks for a key. Set LIMBECK_TEACHER_KEY or pass `key`.'],
    [402, 'The credits of the account are spent.'],
    [404, 'There is no such model, or `hf-inference` does not serve it.'],
    [410, 'The model is no longer served.'],
    [422, 'The text can be longer than the model takes.'],
    [429, 'It gets too many requests.'],
  ])('says what %i means', async (status, problem) => {
    vi.stubEnv('LIMBECK_TEACHER_KEY', '');
    const {dispatcher, answer} = offline();
    answer('/', status, {error: 'words of the service'});
    const asked = huggingface({...shared, dispatcher}).ask([text('a')]);
    const error = await asked.then(
      ([outcome]) => (outcome as {error: Error}).error,
      thrown => thrown as Error,
    );
    expect(error.message).toContain(problem);
    expect(error.message).toContain(`It answered ${status}: "words of the service". `);
  });

  it('sends HF_TOKEN to its own address and nowhere else', async () => {
    vi.stubEnv('HF_TOKEN', key);
    vi.stubEnv('LIMBECK_TEACHER_KEY', '');
    const own = huggingface({model: 'ProsusAI/finbert', classes});
    expect(own.service!.account).toMatch(/^https:\/\/router\.huggingface\.co [0-9a-f]{8}$/);
    expect(own.identity).toMatchObject({service: 'https://router.huggingface.co/hf-inference/models/ProsusAI/finbert'});
    expect(huggingface(shared).service!.account).toBe(address);
  });

  it.each<[Partial<HuggingfaceOptions>, string]>([
    [{}, 'needs either a `model` of its hub or the `url` of an endpoint'],
    [{model: 'a/b', url: address}, 'needs either a `model` of its hub or the `url` of an endpoint'],
    [{model: '../../other'}, 'The `model` is no name of the hub.'],
  ])('refuses %j', (options, problem) => {
    expect(() => huggingface({classes, ...options})).toThrow(problem);
  });
});

describe('huggingface with questions', () => {
  const labels = ['toxic', 'insult', 'threat'];
  const questions = [predicate('insulting', 'Does it insult?'), predicate('toxic', 'Is it toxic?')];
  const typed = {questions, labels: ['insult', 'toxic']};
  const asked = ['one', 'three', 'a'].map(text).flatMap(query => questions.map(question => ({...query, question})));
  const scoresOf = (input: string) => [input.length / 30, 0.9, 0.05];
  const listed = (scores: readonly number[]) => scores.map((score, index) => ({label: labels[index], score}));
  let url = '';
  beforeAll(async () => {
    url = await jsonServer(({inputs, parameters}: {inputs: string; parameters: {function_to_apply: string}}) => {
      const logit = (p: number) => Math.log(p / (1 - p));
      const scores = scoresOf(inputs);
      return {body: [listed(parameters.function_to_apply === 'none' ? scores.map(logit) : scores)]};
    });
  });

  describe.each(['logits', 'probabilities'] as const)('asked for %s', output => {
    const badQuery = {...floats(1), question: questions[0]};
    testTeacher({it, teacher: () => huggingface({...typed, url, output, key}), queries: asked, badQuery, secret: key});
  });

  it('asks for the sigmoid of every class once, and reads those of the questions by their labels', async () => {
    const {dispatcher, sent, answer} = offline();
    answer('/', 200, [listed([0.25, 0.75, 0.5])]);
    const outcomes = await huggingface({...typed, url: address, dispatcher}).ask(asked.slice(0, 2));
    expect(sent.map(({body}) => body)).toEqual([
      {inputs: 'one', parameters: {top_k: 10_000, function_to_apply: 'sigmoid'}},
    ]);
    expect(outcomes).toEqual(
      [0.75, 0.25].map(yes => ({
        answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(1 - yes, yes).map(Math.log)},
      })),
    );
  });

  it('tells a service that gives a softmax whatever is asked for', async () => {
    const {dispatcher, answer} = offline();
    answer('/', 200, [listed([0.2, 0.7, 0.1])]);
    const [outcome] = await huggingface({...typed, url: address, dispatcher}).ask(asked.slice(0, 1));
    expect(outcome).toMatchObject({error: {misread: true, message: expect.stringContaining('Its scores sum to 1')}});
  });

  it('says which label it lacks', async () => {
    const {dispatcher, answer} = offline();
    answer('/', 200, [listed([0.2, 0.7, 0.4])]);
    const teacher = huggingface({questions, url: address, dispatcher});
    expect(problemsIn(await teacher.ask(asked.slice(0, 2)))).toEqual([
      expect.stringContaining('It gave no score of `insulting`.'),
      'none',
    ]);
  });

  it('takes predicates alone, with a label each', () => {
    const other = [choice('kind', 'Which?', ['a', 'b'])];
    expect(() => huggingface({questions: other, url: address})).toThrow('question `kind` is a choice');
    expect(() => huggingface({questions, labels: ['toxic'], url: address})).toThrow('1 `labels` for 2 questions');
  });
});
