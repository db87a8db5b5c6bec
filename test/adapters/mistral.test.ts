import {afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import {mistral} from '../../adapters/mistral.ts';
import {testTeacher} from '../teacher-suite.ts';
import {jsonServer, probabilitiesOf} from './json-server.ts';
import {address, floats, offline, problemsIn, text} from './replay.ts';

const classes = ['negative', 'positive'];
const shared = {url: address, model: 'ft:classifier:m', classes} as const;
const key = 'very-secret';
const path = '/v1/classifications';

const scores = (...values: readonly number[]) => ({
  scores: Object.fromEntries(values.map((value, index) => [classes[index], value])),
});

afterEach(() => void vi.unstubAllEnvs());

describe('mistral', () => {
  let url = '';
  beforeAll(async () => {
    url = await jsonServer((body: {input: string[]}) => ({
      body: {model: 'm', results: body.input.map(input => ({mood: scores(...probabilitiesOf(input, 2))}))},
    }));
  });
  testTeacher({
    it,
    teacher: () => mistral({...shared, url, key}),
    queries: ['one', 'three', 'a'].map(text),
    badQuery: floats(1),
    secret: key,
  });

  it('sends what the official client sends, and reads the target that is asked for', async () => {
    const {dispatcher, sent, answer} = offline();
    answer(path, 200, {id: '1', model: 'm', results: [{mood: scores(0.25, 0.75), tone: scores(1, 0)}]});
    const outcomes = await mistral({...shared, target: 'mood', dispatcher}).ask([text('u')]);
    expect(sent[0]!.body).toEqual({model: 'ft:classifier:m', input: ['u']});
    expect(outcomes).toEqual([
      {answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(Math.log(0.25), Math.log(0.75))}},
    ]);
  });

  it('asks for `target` if the model gives several', async () => {
    const {dispatcher, answer} = offline();
    answer(path, 200, {results: [{mood: scores(0.25, 0.75), tone: scores(1, 0)}]});
    const [problem] = problemsIn(await mistral({...shared, dispatcher}).ask([text('u')]));
    expect(problem).toContain('Its model has several targets or none. Name the one to read as `target`.');
  });

  it('says who answered', () => {
    const body = JSON.stringify({model: 'ft:classifier:m:2', usage: {prompt_tokens: 7}});
    expect(mistral(shared).service!.receipt!({status: 200, headers: {}, body})).toEqual({
      model: 'ft:classifier:m:2',
      usage: {inputTokens: 7, outputTokens: 0},
    });
  });

  it.each([
    [401, 'It asks for a key. Set LIMBECK_TEACHER_KEY'],
    [404, 'It has no such model.'],
    [422, 'Check that `model` is a classifier'],
    [429, 'It gets too many requests.'],
  ])('says what %i means', async (status, problem) => {
    vi.stubEnv('LIMBECK_TEACHER_KEY', '');
    const {dispatcher, answer} = offline();
    answer(path, status, {object: 'error', message: 'words of the service', type: 'invalid', code: '1500'});
    const asked = mistral({...shared, dispatcher}).ask([text('a')]);
    const error = await asked.then(
      ([outcome]) => (outcome as {error: Error}).error,
      thrown => thrown as Error,
    );
    expect(error.message).toContain(problem);
    expect(error.message).toContain('"words of the service". ');
  });

  it('sends MISTRAL_API_KEY to its own address and nowhere else', () => {
    vi.stubEnv('MISTRAL_API_KEY', key);
    vi.stubEnv('LIMBECK_TEACHER_KEY', '');
    const {url: _, ...own} = shared;
    expect(mistral(own).service!.account).toMatch(/^https:\/\/api\.mistral\.ai [0-9a-f]{8}$/);
    expect(mistral(shared).service!.account).toBe(address);
  });
});
