import {afterAll, afterEach, beforeAll, describe, expect, it, vi} from 'vitest';
import {type SagemakerOptions, sagemaker} from '../../adapters/sagemaker.ts';
import type {Teacher} from '../../src/teacher.ts';
import {startMoto} from '../servers/moto.ts';
import {NO_SERVERS} from '../servers/python-server.ts';
import {testTeacher} from '../teacher-suite.ts';
import {jsonServer, probabilitiesOf} from './json-server.ts';
import {address, floats, halving, offline, problemsIn, text} from './replay.ts';

/** Both kinds of output at once, which the exported overloads keep apart. */
const connect = sagemaker as (options: SagemakerOptions) => Teacher;

const credentials = {accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalr/very-secret'};
const shared = {
  url: address,
  endpoint: 'moods',
  region: 'us-east-1',
  credentials,
  classes: ['no', 'yes'],
  request: {inputs: '{text}'},
  output: {probabilities: '/probabilities'},
} as const;
const path = '/endpoints/moods/invocations';

const moto = await startMoto();
afterAll(() => moto?.stop());
afterEach(() => void vi.unstubAllEnvs());

describe('sagemaker', () => {
  let url = '';
  beforeAll(async () => {
    url = await jsonServer((body: {inputs: string[]}) => ({
      body: {scores: body.inputs.map(input => probabilitiesOf(input, 2))},
    }));
  });
  testTeacher({
    it,
    teacher: () => connect({...shared, url, request: {inputs: '{texts}'}, output: {probabilities: '/scores/*'}}),
    queries: ['one', 'three', 'a'].map(text),
    badQuery: floats(1),
    secret: credentials.secretAccessKey,
  });
});

describe.skipIf(!moto)(`sagemaker against moto${moto ? '' : ` (${NO_SERVERS})`}`, () => {
  const rows = [
    [0.1, 0.9],
    [0.75, 0.25],
    [0.5, 0.5],
  ];
  const queries = ['one', 'two', 'three'].map(text);
  const teacher = () => connect({...shared, url: moto!.url});

  beforeAll(async () => {
    const results = rows.map(probabilities => ({
      Body: JSON.stringify({probabilities: [probabilities]}),
      ContentType: 'application/json',
      InvokedProductionVariant: 'v1',
    }));
    const queue = await fetch(`${moto!.url}/moto-api/static/sagemaker/endpoint-results`, {
      method: 'POST',
      body: JSON.stringify({region: 'us-east-1', results}),
    });
    expect(queue.status).toBe(201);
    // It gives them in the order that they are asked for, and the same ones ever after.
    for (const query of queries) await teacher().ask([query]);
  });

  testTeacher({it, teacher, queries, badQuery: floats(1), secret: credentials.secretAccessKey});

  it('reads what the container said', async () => {
    const outcomes = await Promise.all(queries.map(query => teacher().ask([query])));
    expect(outcomes.flat()).toEqual(
      rows.map(row => ({
        answer: {kind: 'log-probabilities', logProbabilities: Float32Array.from(row, Math.log)},
      })),
    );
  });
});

describe('a request to sagemaker', () => {
  it('is what the official client sends, signed, with the model of the endpoint that is meant', async () => {
    const {dispatcher, sent, answer} = offline();
    answer(path, 200, {probabilities: [0.5, 0.5]});
    const target = {variant: 'v1', model: 'a.tar.gz', component: 'c'};
    const teacher = connect({...shared, ...target, dispatcher});
    await teacher.ask([text('u')]);
    const headers = sent[0]!.headers as Record<string, string>;
    expect(sent[0]!.body).toEqual({inputs: 'u'});
    expect(headers).toMatchObject({
      'x-amzn-sagemaker-target-variant': 'v1',
      'x-amzn-sagemaker-target-model': 'a.tar.gz',
      'x-amzn-sagemaker-inference-component': 'c',
    });
    expect(headers['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/sagemaker\/aws4_request, SignedHeaders=accept;content-length;content-type;host;x-amz-date;x-amzn-sagemaker-inference-component;x-amzn-sagemaker-target-model;x-amzn-sagemaker-target-variant, Signature=[0-9a-f]{64}$/,
    );
    expect(teacher.identity).not.toEqual(connect(shared).identity);
  });

  it('goes to the address of the region, which the environment may name', () => {
    vi.stubEnv('AWS_REGION', 'eu-central-1');
    const {url: _, region: __, ...rest} = shared;
    expect(connect(rest).service!.account).toMatch(
      /^https:\/\/runtime\.sagemaker\.eu-central-1\.amazonaws\.com [0-9a-f]{8}$/,
    );
    expect(connect(rest).name).toBe('sagemaker moods in eu-central-1');
  });

  it.each<[Partial<SagemakerOptions>, string]>([
    [{endpoint: 'a/b'}, "The `endpoint` of SageMaker can't be used."],
    [{region: 'evil.test/'}, 'is no region of AWS'],
    [{request: {inputs: 'text'}}, 'It has no placeholder for the input.'],
    [{maxBatch: 2}, '`maxBatch` needs placeholders for several inputs'],
  ])('refuses %j', (options, problem) => {
    expect(() => connect({...shared, ...options})).toThrow(problem);
  });
});

describe('an error of sagemaker', () => {
  const modelError = (status?: number) => ({
    OriginalStatusCode: status,
    OriginalMessage: 'words of the container',
    LogStreamArn: 'arn:aws:logs:us-east-1:1:log-group',
  });

  it.each<[number, string | undefined, object, string, boolean]>([
    [
      424,
      'ModelError',
      modelError(500),
      'Its model answered 500. The log of the endpoint in CloudWatch says why.',
      true,
    ],
    [424, 'ModelError', modelError(400), 'Its model answered 400. Check `request`', false],
    [424, 'ModelError', modelError(), 'Its model failed.', true],
    [429, 'ModelNotReadyException', {}, 'Its model is being loaded', true],
    [400, 'ThrottlingException', {}, 'It gets too many requests.', true],
    [400, 'ValidationError:http://internal.amazon.com/', {}, 'Check `endpoint` and `region`', false],
    [403, 'AccessDeniedException', {}, 'The credentials may not ask it.', false],
    [403, 'ExpiredTokenException', {}, 'The credentials have expired.', false],
    [400, 'IncompleteSignatureException', {}, 'It refuses the signature.', false],
    [413, undefined, {}, 'The request is larger than 6 MB.', false],
    [500, 'InternalFailure', {}, 'It failed.', true],
    [530, 'InternalDependencyException', {}, 'It failed, because another AWS service failed.', true],
    [503, 'ServiceUnavailable', {}, 'It can not take the request now.', true],
  ])('%i %s says what to do', async (status, type, body, problem, retryable) => {
    const {dispatcher, answer} = offline();
    answer(
      path,
      status,
      {message: 'words of the service', ...body},
      type === undefined ? {} : {'x-amzn-errortype': type},
    );
    const asked = connect({...shared, dispatcher}).ask([text('a')]);
    const error = await asked.then(
      ([outcome]) => (outcome as {error: Error}).error,
      thrown => thrown as Error,
    );
    expect(error).toMatchObject({name: 'TeacherError', status, retryable});
    expect(error.message).toContain(problem);
    expect(error.message).toContain('"words of the ');
  });

  it('is of the query alone if the model refuses it, and of all if the credentials are refused', async () => {
    const url = await jsonServer((body: {inputs: string[]}) =>
      body.inputs.includes('bad')
        ? {status: 424, headers: {'x-amzn-errortype': 'ModelError'}, body: modelError(400)}
        : {body: {scores: body.inputs.map(() => [0.5, 0.5])}},
    );
    const many = {...shared, request: {inputs: '{texts}'}, output: {probabilities: '/scores/*'}};
    const outcomes = await halving(connect({...many, url})).ask(['a', 'bad', 'b'].map(text));
    expect(problemsIn(outcomes).map(problem => problem === 'none')).toEqual([true, false, true]);
    const {dispatcher, answer} = offline();
    answer(path, 400, {}, {'x-amzn-errortype': 'ExpiredTokenException'});
    await expect(connect({...many, dispatcher}).ask(['a', 'b'].map(text))).rejects.toThrow('have expired');
  });

  it('says that it asks for credentials if there are none', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) vi.stubEnv(name, '');
    const {dispatcher, sent, answer} = offline();
    answer(
      path,
      403,
      {message: 'Missing Authentication Token'},
      {'x-amzn-errortype': 'MissingAuthenticationTokenException'},
    );
    const {credentials: _, ...rest} = shared;
    await expect(connect({...rest, dispatcher}).ask([text('a')])).rejects.toThrow(
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    );
    expect(sent[0]!.headers).not.toHaveProperty('authorization');
  });
});
