import {afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import {type CohereOptions, cohere} from '../../adapters/cohere.ts';
import {testTeacher} from '../teacher-suite.ts';
import {jsonServer, probabilitiesOf} from './json-server.ts';
import {address, floats, halving, offline, problemsIn, text} from './replay.ts';

const classes = ['negative', 'positive'];
const shared = {url: address, model: 'ft', classes} as const;
const key = 'very-secret';
const path = '/v1/classify';

const labels = (values: readonly number[]) => ({
  labels: Object.fromEntries(values.map((confidence, index) => [classes[index], {confidence}])),
});

afterEach(() => void vi.unstubAllEnvs());

describe('cohere', () => {
  let url = '';
  beforeAll(async () => {
    url = await jsonServer((body: {inputs: string[]}) => ({
      body: {classifications: body.inputs.map(input => labels(probabilitiesOf(input, 2)))},
    }));
  });
  testTeacher({
    it,
    teacher: () => cohere({...shared, url, key}),
    queries: ['one', 'three', 'a'].map(text),
    badQuery: floats(1),
    secret: key,
  });

  it('sends what the official client sends, an example with the look of a template as it is', async () => {
    const {dispatcher, sent, answer} = offline();
    const examples = [
      {text: 'I {text} it', label: 'positive'},
      {text: '{each}', label: 'negative'},
    ];
    answer(path, 200, {id: '1', classifications: [{id: '2', prediction: 'positive', ...labels([0.25, 0.75])}]});
    expect(await cohere({...shared, examples, dispatcher}).ask([text('u')])).toEqual([
      {answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(Math.log(0.25), Math.log(0.75))}},
    ]);
    expect(sent[0]!.body).toEqual({model: 'ft', inputs: ['u'], examples});
  });

  it.each([
    [{labels: {negative: {}, positive: {confidence: 1}}}, 'Its reply has labels without a confidence.'],
    [labels([0.9, 0.8]), 'Its probabilities sum to 1.700, not 1.'],
    [{}, 'Its reply has nothing at `/classifications/*/labels`.'],
  ])('does not read %j', async (classification, problem) => {
    const {dispatcher, answer} = offline();
    answer(path, 200, {classifications: [classification]});
    expect(problemsIn(await cohere({...shared, dispatcher}).ask([text('u')]))[0]).toContain(problem);
  });

  it.each([
    [400, 'Check `model`, and that it is fine-tuned or has `examples` of each class'],
    [401, 'It asks for a key. Set LIMBECK_TEACHER_KEY'],
    [402, 'The account has nothing left to spend.'],
    [404, 'It has no such model.'],
    [422, 'Check that no text is empty or too long.'],
    [429, 'It gets too many requests.'],
    [498, 'It blocks the request because of what a text says.'],
    [499, 'It gave up the request'],
  ])('says what %i means', async (status, problem) => {
    vi.stubEnv('LIMBECK_TEACHER_KEY', '');
    const {dispatcher, answer} = offline();
    answer(path, status, {message: 'words of the service'});
    const asked = cohere({...shared, dispatcher}).ask([text('a')]);
    const error = await asked.then(
      ([outcome]) => (outcome as {error: Error}).error,
      thrown => thrown as Error,
    );
    expect(error.message).toContain(problem);
    expect(error.message).toContain(`It answered ${status}: "words of the service". `);
  });

  it('fails the text alone that is blocked', async () => {
    const url = await jsonServer((body: {inputs: string[]}) =>
      body.inputs.includes('bad')
        ? {status: 498, body: {}}
        : {body: {classifications: body.inputs.map(() => labels([0.5, 0.5]))}},
    );
    const outcomes = await halving(cohere({...shared, url})).ask(['a', 'bad', 'b'].map(text));
    expect(problemsIn(outcomes).map(problem => problem === 'none')).toEqual([true, false, true]);
  });

  it.each<[Partial<CohereOptions>, string]>([
    [{maxBatch: 97}, 'Cohere takes at most 96 inputs'],
    [{examples: [{text: 'a', label: 'other'}]}, 'An example has a label that is none of the classes.'],
  ])('refuses %j', (options, problem) => {
    expect(() => cohere({...shared, ...options})).toThrow(problem);
  });

  it('sends CO_API_KEY to its own address and nowhere else', () => {
    vi.stubEnv('CO_API_KEY', key);
    vi.stubEnv('LIMBECK_TEACHER_KEY', '');
    const {url: _, ...own} = shared;
    expect(cohere(own).service!.account).toMatch(/^https:\/\/api\.cohere\.com [0-9a-f]{8}$/);
    expect(cohere(shared).service!.account).toBe(address);
  });
});
