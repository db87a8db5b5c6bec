import {afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import {type VertexOptions, vertex} from '../../adapters/vertex.ts';
import type {Teacher} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {jsonServer, probabilitiesOf} from './json-server.ts';
import {address, floats, offline, text} from './replay.ts';

/** Both kinds of output at once, which the exported overloads keep apart. */
const connect = vertex as (options: VertexOptions) => Teacher;

const classes = ['no', 'yes'];
const target = {project: 'p', location: 'europe-west4', endpoint: '123'} as const;
const shared = {...target, url: address, classes, output: 'probabilities'} as const;
const path = '/v1/projects/p/locations/europe-west4/endpoints/123:predict';
const key = 'ya29.very-secret';

afterEach(() => void vi.unstubAllEnvs());

describe('vertex', () => {
  let url = '';
  beforeAll(async () => {
    url = await jsonServer((body: {instances: {content: string}[]}) => ({
      body: {predictions: body.instances.map(({content}) => probabilitiesOf(content, 2)), deployedModelId: '7'},
    }));
  });
  testTeacher({
    it,
    teacher: () => connect({...shared, url, input: 'content', key: () => key}),
    queries: ['one', 'three', 'a'].map(text),
    badQuery: floats(Number.NaN),
    secret: key,
  });

  it('asks an endpoint of AutoML, and puts the scores in class order', async () => {
    const {dispatcher, sent, answer} = offline();
    answer(path, 200, {
      predictions: [{ids: ['1', '2'], displayNames: ['yes', 'no'], confidences: [0.75, 0.25]}],
      deployedModelId: '7',
      model: 'projects/1/locations/europe-west4/models/2',
    });
    const output = {probabilities: 'confidences', names: 'displayNames'};
    const teacher = connect({
      ...shared,
      input: 'content',
      output,
      parameters: {confidenceThreshold: 0},
      key,
      dispatcher,
    });
    expect(await teacher.ask([text('u')])).toEqual([
      {answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(Math.log(0.25), Math.log(0.75))}},
    ]);
    expect(sent[0]).toMatchObject({
      headers: {authorization: `Bearer ${key}`},
      body: {instances: [{content: 'u'}], parameters: {confidenceThreshold: 0}},
    });
    const body = JSON.stringify({predictions: [], model: 'm', deployedModelId: '7'});
    expect(teacher.service!.receipt!({status: 200, headers: {}, body})).toEqual({model: 'm', fingerprint: '7'});
  });

  it('asks about tensors', async () => {
    const {dispatcher, sent, answer} = offline();
    answer(path, 200, {predictions: [1, 0]});
    const outcomes = await connect({...shared, output: 'label', dispatcher}).ask([floats(1, 2), floats(3, 4)]);
    expect(outcomes).toEqual([1, 0].map(label => ({answer: {kind: 'label', label}})));
    expect(sent[0]!.body).toEqual({
      instances: [
        [1, 2],
        [3, 4],
      ],
    });
  });

  it.each([
    [400, 'INVALID_ARGUMENT', 'Check `input` and `parameters`'],
    [401, 'UNAUTHENTICATED', 'The access token is missing or has expired.'],
    [403, 'PERMISSION_DENIED', 'The account may not ask it.'],
    [404, 'NOT_FOUND', 'There is no such endpoint.'],
    [429, 'RESOURCE_EXHAUSTED', 'The quota of the project is used up.'],
    [503, 'UNAVAILABLE', 'No model is ready on the endpoint.'],
  ])('says what %i %s means', async (status, word, problem) => {
    const {dispatcher, answer} = offline();
    answer(path, status, {error: {code: status, message: 'words of the service', status: word}});
    const asked = connect({...shared, dispatcher}).ask([text('a')]);
    const error = await asked.then(
      ([outcome]) => (outcome as {error: Error}).error,
      thrown => thrown as Error,
    );
    expect(error.message).toContain(`It answered ${status} (${word}): "words of the service". `);
    expect(error.message).toContain(problem);
  });

  it('sends the token of the environment to its own address and nowhere else', () => {
    vi.stubEnv('GOOGLE_OAUTH_ACCESS_TOKEN', key);
    vi.stubEnv('LIMBECK_TEACHER_KEY', '');
    const own = connect({...target, classes, output: 'label'});
    expect(own.service!.account).toMatch(/^https:\/\/europe-west4-aiplatform\.googleapis\.com [0-9a-f]{8}$/);
    expect(connect(shared).service!.account).toBe(address);
  });

  it.each<[Partial<VertexOptions>, string]>([
    [{location: 'evil.test/'}, "The `location` of Vertex AI can't be used."],
    [{endpoint: '../x'}, "The `endpoint` of Vertex AI can't be used."],
    [{output: {topK: 2} as unknown as 'label'}, "The `output` can't be used. Give one of logits"],
  ])('refuses %j', (options, problem) => {
    expect(() => connect({...shared, ...options})).toThrow(problem);
  });
});
