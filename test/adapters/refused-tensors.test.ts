import {mkdtemp, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {status} from '@grpc/grpc-js';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {http} from '../../adapters/http.ts';
import {openInference} from '../../adapters/open-inference.ts';
import {sagemaker} from '../../adapters/sagemaker.ts';
import {tensorflowServing} from '../../adapters/tensorflow-serving.ts';
import {vertex} from '../../adapters/vertex.ts';
import {askAll} from '../../src/ask/batches.ts';
import {openAsking} from '../../src/index.ts';
import type {Teacher} from '../../src/teacher.ts';
import {type Handler, readRequest, startGrpc, writeReply} from './grpc-service.ts';
import {floats} from './replay.ts';

/** What the services refuse, whatever else is in the request: some negative values, or all inputs. */
let isRefused: (value: number) => boolean;
let requests: number;
/** The status and the words of a refusal. */
let refusal: {readonly status: number; readonly body: object};

let server: Server;
let url: string;
let grpc: Awaited<ReturnType<typeof startGrpc>>;
let folder: string;

/** Each input is a value and a one. */
const firstOfEach = (values: readonly number[]) => values.filter((_, index) => index % 2 === 0);
const logitsFor = (value: number) => [value, 0];

/** A reply that each protocol finds its own part in. */
const replyAbout = (values: readonly number[]) => ({
  model_name: 'm',
  outputs: [{name: 'y', datatype: 'FP32', shape: [values.length, 2], data: values.flatMap(logitsFor)}],
  predictions: values.map(logitsFor),
});

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    requests++;
    const {inputs, instances} = JSON.parse(body);
    const values = firstOfEach([instances ?? inputs[0].data ?? inputs].flat(9));
    const isTaken = !values.some(isRefused);
    response.writeHead(isTaken ? 200 : refusal.status, {'content-type': 'application/json'});
    response.end(JSON.stringify(isTaken ? replyAbout(values) : refusal.body));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const handler: Handler = ({request}, reply) => {
    requests++;
    const {shape, values} = readRequest(request);
    const own = firstOfEach([...values]);
    if (own.some(isRefused)) reply({code: status.INVALID_ARGUMENT, details: JSON.stringify(refusal.body)});
    else reply(null, writeReply(shape, Float32Array.from(own.flatMap(logitsFor))));
  };
  grpc = await startGrpc(handler);
});

afterAll(() => {
  server.close();
  grpc.server.forceShutdown();
});

beforeEach(async () => {
  requests = 0;
  refusal = {status: 400, body: {error: 'the values are too large'}};
  folder = await mkdtemp(join(tmpdir(), 'limbeck-refused-tensors-'));
});

afterEach(() => rm(folder, {recursive: true}));

const shared = {classes: ['a', 'b'], maxBatch: 64, concurrency: 4} as const;
const open = {...shared, model: 'm', output: {logits: 'y'}} as const;
const mapped = {...shared, request: {inputs: '{tensors}'}, output: {logits: '/predictions/*'}} as const;
const credentials = {accessKeyId: 'an-id', secretAccessKey: 'a-secret-of-nobody'};
const TEACHERS: Readonly<Record<string, () => Teacher>> = {
  'open-inference': () => openInference({...open, url, binary: false}),
  'open-inference by gRPC': () => openInference({...open, url: `grpc://127.0.0.1:${grpc.port}`}),
  'tensorflow-serving': () => tensorflowServing({...shared, url, model: 'm', output: 'logits'}),
  vertex: () => vertex({...shared, url, project: 'p', location: 'l', endpoint: 'e', key: 'k', output: 'logits'}),
  sagemaker: () => sagemaker({...mapped, url, endpoint: 'e', region: 'eu-central-1', credentials}),
  http: () => http({...mapped, url}),
};

/** In a run of its own, as commands ask. */
async function ask(teacher: Teacher, values: readonly number[]) {
  const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
  try {
    return await askAll(
      asking.open(teacher).teacher,
      values.map(value => floats(value, 1)),
    );
  } finally {
    await asking.close();
  }
}

describe.each(Object.keys(TEACHERS))('a service of tensors behind %s', name => {
  const values = Array.from({length: 559}, (_, index) => (index % 51 === 7 ? -1 - index : index));

  it.each([400, 422])(
    'that refuses 11 of 559 values with a %i leaves these out, with a few requests each',
    async code => {
      isRefused = value => value < 0;
      refusal = {...refusal, status: code};
      const outcomes = await ask(TEACHERS[name]!(), values);
      expect(outcomes.map(outcome => 'error' in outcome)).toEqual(values.map(isRefused));
      expect(outcomes[8]).toMatchObject({answer: {logits: Float32Array.of(8, 0)}});
      // Nine batches, and two halves of each of six levels for each refused value; at the start some singly.
      expect(requests).toBeLessThanOrEqual(9 + 2 * 6 * 11 + 9);
      requests = 0;
      const later = await ask(TEACHERS[name]!(), values);
      expect(later.filter(outcome => 'answer' in outcome)).toHaveLength(548);
      expect(requests).toBe(0);
    },
  );

  it('that refuses every request stops the run after a handful of them, and says so once', async () => {
    isRefused = () => true;
    refusal = {status: 400, body: {error: 'unexpected inference input "x" for model "m"'}};
    await expect(ask(TEACHERS[name]!(), values)).rejects.toThrow(
      /^Teacher [^\n]*: It refused 5 different inputs and answered none[^\n]*\n {2}5 times: It answered 400[^\n]*\nIt seems to refuse every such request[^\n]*$/,
    );
    expect(requests).toBeLessThanOrEqual(10);
  });
});

describe('a service that answers 500 at a value', () => {
  it('costs this one of 96 values, which is quarantined', async () => {
    const bad = -71;
    isRefused = value => value === bad;
    refusal = {status: 500, body: {detail: "could not convert string to float: 'n/a'"}};
    const some = Array.from({length: 96}, (_, index) => (index === 70 ? bad : index));
    const outcomes = await ask(TEACHERS['http']!(), some);
    expect(outcomes.map(outcome => 'error' in outcome)).toEqual(some.map(isRefused));
    expect((outcomes[70] as {readonly error: Error}).error.message).toMatch(
      /It answered 500: "could not convert string to float: 'n\/a'".* this one makes it fail\./,
    );
    // Two batches, all attempts, two halves of each of five levels, and one request more.
    expect(requests).toBeLessThanOrEqual(1 + 4 + 2 * 5 + 1);
    requests = 0;
    expect((await ask(TEACHERS['http']!(), some)).filter(outcome => 'answer' in outcome)).toHaveLength(95);
    expect(requests).toBe(0);
  }, 30_000);
});
