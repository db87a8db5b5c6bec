import {once} from 'node:events';
import {connect} from 'node:net';
import {setTimeout} from 'node:timers/promises';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {InputError, KnowledgeError, TeacherError} from '../../src/errors.ts';
import {type RunningService, type ServeOptions, serveTeacher} from '../../src/serve/server.ts';
import type {LogitsAnswer, Outcome, Teacher, TensorInput} from '../../src/teacher.ts';

/** A teacher whose logits for [a, b] are [a, b, 0]; it can't answer where a is 9. */
const teacher: Teacher<'white-box'> = {
  name: 'sums of a hidden place',
  identity: {adapter: 'sums'},
  access: 'white-box',
  classes: ['red', 'green', 'blue'],
  detail: {kind: 'logits'},
  maxBatch: 2,
  ask: async queries =>
    queries.map(({input}): Outcome<'white-box'> => {
      if (input.kind === 'text') return {answer: logits(input.text.length, 1)};
      const {data} = input as TensorInput;
      if (data[0] === 9) return {error: new TeacherError('sums of a hidden place', 'Nine is too much.')};
      return {answer: logits(data[0]!, data[1]!)};
    }),
};

function logits(a: number, b: number): LogitsAnswer {
  return {kind: 'logits', logits: Float32Array.of(a, b, 0), features: {}};
}

/** By hand: the sum of e^1, e^2 and 1 has a logarithm of 2.4076060. */
const logProbabilities = [1, 2, 0].map(logit => expect.closeTo(logit - 2.407606, 5));

const services: RunningService[] = [];

async function start(options: Partial<ServeOptions> = {}, served: Teacher = teacher): Promise<RunningService> {
  const service = await serveTeacher(served, {model: 'sums', version: '7', access: 'gray-box', ...options});
  services.push(service);
  return service;
}

afterEach(async () => {
  await Promise.all(services.splice(0).map(service => service.close()));
});

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

const json = {'content-type': 'application/json'};

async function send({url}: RunningService, path: string, {headers = json, ...init}: RequestInit = {}): Promise<Reply> {
  const reply = await fetch(`${url}${path}`, {headers, ...init});
  return {status: reply.status, headers: reply.headers, body: await reply.json()};
}

/** One input tensor of two numbers an input. */
function tensor(data: readonly unknown[], changes: object = {}): object {
  return {name: 'input', datatype: 'FP32', shape: [data.flat(9).length / 2, 2], data, ...changes};
}

function infer(service: RunningService, input: object, rest: object = {}, init: RequestInit = {}): Promise<Reply> {
  const body = JSON.stringify({inputs: [input], ...rest});
  return send(service, '/v2/models/sums/infer', {method: 'POST', body, ...init});
}

describe('serveTeacher', () => {
  it('describes itself and its one model', async () => {
    const service = await start({input: {kind: 'tensor', dtype: 'float32', shape: [2]}});
    const get = async (path: string) => (await send(service, path)).body;
    expect(await get('/v2')).toEqual({name: 'limbeck', version: '2', extensions: []});
    expect(await get('/v2/health/live')).toEqual({live: true});
    expect(await get('/v2/health/ready')).toEqual({ready: true});
    expect(await get('/v2/models/sums/versions/7/ready')).toEqual({name: 'sums', ready: true});
    const model = {
      name: 'sums',
      versions: ['7'],
      platform: 'limbeck',
      inputs: [{name: 'input', datatype: 'FP32', shape: [-1, 2]}],
      outputs: [{name: 'log_probabilities', datatype: 'FP32', shape: [-1, 3]}],
    };
    expect(await get('/v2/models/sums')).toEqual(model);
    expect(await get('/v2/models/sums/versions/7')).toEqual(model);
    const index = await send(service, '/v2/repository/index', {method: 'POST', body: '{}'});
    expect(index.body).toEqual([{name: 'sums', version: '7', state: 'READY', reason: ''}]);
  });

  it('describes texts as bytes, and refuses numbers in their place', async () => {
    const service = await start({input: {kind: 'text'}});
    const {body} = await send(service, '/v2/models/sums');
    expect(body).toMatchObject({inputs: [{name: 'input', datatype: 'BYTES', shape: [-1]}]});
    const refused = await infer(service, tensor([1, 2]));
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({error: 'Expected datatype BYTES, got FP32.'});
  });

  it('answers flat and nested data alike, and gives the id back', async () => {
    const service = await start();
    const flat = await infer(service, tensor([1, 2, 1, 2, 1, 2]), {id: 'q1'});
    const nested = await infer(
      service,
      tensor([
        [1, 2],
        [1, 2],
        [1, 2],
      ]),
      {id: 'q1'},
    );
    expect(flat.status).toBe(200);
    expect(flat.body).toEqual({
      model_name: 'sums',
      model_version: '7',
      id: 'q1',
      outputs: [
        {
          name: 'log_probabilities',
          datatype: 'FP32',
          shape: [3, 3],
          data: [...logProbabilities, ...logProbabilities, ...logProbabilities],
        },
      ],
    });
    expect(nested.body).toEqual(flat.body);
  });

  it('shows the k best classes where that is its detail', async () => {
    const service = await start({detail: {kind: 'top-k', k: 2}});
    const {body} = await infer(service, tensor([1, 2]));
    expect(body).toMatchObject({
      outputs: [
        {name: 'classes', datatype: 'INT32', shape: [1, 2], data: [1, 0]},
        {name: 'log_probabilities', datatype: 'FP32', shape: [1, 2], data: [logProbabilities[1], logProbabilities[0]]},
      ],
    });
  });

  it('shows logits where that is its detail', async () => {
    const {body} = await infer(await start({detail: {kind: 'logits'}}), tensor([1, 2]));
    expect(body).toMatchObject({outputs: [{name: 'logits', shape: [1, 3], data: [1, 2, 0]}]});
  });

  it('shows a probability of zero as the least that it knows, since JSON has no infinity', async () => {
    const {body} = await infer(await start(), tensor([1e6, 0]));
    const least = expect.closeTo(Math.log(1e-38), 3);
    expect(body).toMatchObject({outputs: [{data: [0, least, least]}]});
  });

  it('shows labels and nothing else as a black box', async () => {
    const service = await start({access: 'black-box'});
    const reply = await infer(service, tensor([1, 2, 0, -1]));
    expect(reply.body).toEqual({
      model_name: 'sums',
      model_version: '7',
      outputs: [
        {name: 'label', datatype: 'INT32', shape: [2], data: [1, 0]},
        {name: 'class', datatype: 'BYTES', shape: [2], data: ['green', 'red']},
      ],
    });
    const asked = await infer(service, tensor([1, 2]), {outputs: [{name: 'log_probabilities'}]});
    expect(asked).toMatchObject({
      status: 400,
      body: {error: 'There is no output `log_probabilities`. The outputs are: label, class.'},
    });
    const {body} = await send(service, '/v2/models/sums');
    expect(JSON.stringify(body)).not.toMatch(/prob|logit/);
  });

  it('gives only the outputs that are asked for, in that order', async () => {
    const service = await start({access: 'black-box'});
    const {body} = await infer(service, tensor([1, 2]), {outputs: [{name: 'class'}]});
    expect(body).toMatchObject({outputs: [{name: 'class', data: ['green']}]});
    expect(body).not.toHaveProperty('outputs[1]');
  });

  it('takes texts, bytes and whole numbers from a teacher that does', async () => {
    const service = await start({access: 'black-box'});
    const text = {datatype: 'BYTES', data: ['to', '']};
    for (const shape of [[2], [2, 1]]) {
      expect((await infer(service, tensor([], {...text, shape}))).body).toMatchObject({outputs: [{data: [0, 1]}, {}]});
    }
    for (const datatype of ['UINT8', 'INT32']) {
      expect((await infer(service, tensor([1, 2], {datatype}))).body).toMatchObject({outputs: [{data: [1]}, {}]});
    }
  });

  it.each([
    ['no JSON', '{"inputs": [', 'The body is not JSON.'],
    ['no inputs', '{}', 'inputs'],
    ['two inputs', {inputs: [tensor([1, 2]), tensor([1, 2])]}, 'inputs'],
    ['another input', {inputs: [tensor([1, 2], {name: 'x'})]}, 'There is no input `x`. The one input is `input`.'],
    ['another datatype', {inputs: [tensor([1, 2], {datatype: 'UINT8'})]}, 'Expected datatype FP32, got UINT8.'],
    ['another shape', {inputs: [tensor([1, 2, 3, 4], {shape: [1, 4]})]}, 'Expected shape [n, 2], got [1, 4].'],
    [
      'too few values',
      {inputs: [tensor([1, 2, 3], {shape: [2, 2]})]},
      'A tensor of shape [2, 2] holds 4 values, got 3.',
    ],
    ['values that are no numbers', {inputs: [tensor([1, 'two'])]}, 'Value 1 of the data is not FP32.'],
    ['no batch', {inputs: [tensor([], {shape: [0, 2]})]}, 'shape'],
  ])('refuses a request with %s and says what it expects', async (_, body, problem) => {
    const service = await start({input: {kind: 'tensor', dtype: 'float32', shape: [2]}});
    const reply = await send(service, '/v2/models/sums/infer', {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    expect(reply).toMatchObject({status: 400, body: {error: expect.stringContaining(problem)}});
  });

  it('refuses values outside the datatype', async () => {
    const service = await start();
    const refused = {status: 400, body: {error: 'Value 1 of the data is not UINT8.'}};
    for (const value of [256, -1, 1.5, null]) {
      expect(await infer(service, tensor([1, value], {datatype: 'UINT8'}))).toMatchObject(refused);
    }
  });

  it('says what there is where something is not found', async () => {
    const service = await start();
    expect(await send(service, '/v2/models/other')).toMatchObject({
      status: 404,
      body: {error: 'There is no model `other`. This service has `sums`.'},
    });
    expect(await send(service, '/v2/models/sums/versions/8/ready')).toMatchObject({
      status: 404,
      body: {error: 'Model `sums` has no version `8`. It has `7`.'},
    });
    expect(await send(service, '/v1/sums:predict', {method: 'POST', body: '{}'})).toMatchObject({status: 404});
    expect(await send(service, '/v2/%E0%A4%A')).toMatchObject({status: 400});
    const wrongMethod = await send(service, '/v2/models/sums/infer');
    expect(wrongMethod).toMatchObject({status: 405, body: {error: 'Use POST here, not GET.'}});
    expect(wrongMethod.headers.get('allow')).toBe('POST');
  });

  it('refuses a body above its limit, whether or not its length is told', async () => {
    const service = await start({maxBytes: 1000});
    const body = 'x'.repeat(1001);
    const post = {method: 'POST', body};
    expect(await send(service, '/v2/models/sums/infer', post)).toMatchObject({status: 413});
    const stream = new Blob([body]).stream();
    const chunked: RequestInit = {method: 'POST', body: stream, duplex: 'half'};
    expect(await send(service, '/v2/models/sums/infer', chunked)).toMatchObject({
      status: 413,
      body: {error: 'The body is larger than 1000 bytes. Send fewer inputs at once.'},
    });
    expect(await infer(service, tensor([1, 2]))).toMatchObject({status: 200});
  });

  it('asks for its key everywhere but at health checks', async () => {
    const service = await start({key: 'open sesame'});
    const wrong = [undefined, 'Bearer open', 'Bearer open sesame ', 'open sesame'];
    for (const authorization of wrong) {
      const headers = authorization === undefined ? {} : {authorization: authorization.replace(' ', '  ')};
      const reply = await send(service, '/v2/models/sums', {headers});
      expect(reply).toMatchObject({status: 401, body: {error: expect.stringContaining('key')}});
      expect(reply.headers.get('www-authenticate')).toBe('Bearer');
    }
    const headers = {authorization: 'Bearer open sesame'};
    expect(await send(service, '/v2/models/sums', {headers})).toMatchObject({status: 200});
    expect(await send(service, '/v2/health/live')).toMatchObject({status: 200});
  });

  it('hides what the teacher says of a bad input, and fails no other request', async () => {
    const service = await start();
    const [bad, good] = await Promise.all([infer(service, tensor([1, 2, 9, 9])), infer(service, tensor([1, 2]))]);
    expect(bad).toMatchObject({
      status: 400,
      body: {error: "The model can't answer input 1. Check its shape and datatype."},
    });
    expect(good.status).toBe(200);
  });

  it('says that a teacher failed without saying why, and when to try again', async () => {
    const failing = (error: Error): Teacher => ({...teacher, ask: () => Promise.reject(error)});
    const broken = await start({}, failing(new Error('secret of the house')));
    expect(await infer(broken, tensor([1, 2]))).toMatchObject({status: 500, body: {error: 'The model failed.'}});
    const busy = await start({}, failing(new TeacherError('far', 'Busy.', {retryable: true, retryAfter: 1500})));
    const reply = await infer(busy, tensor([1, 2]));
    expect(reply.status).toBe(503);
    expect(reply.headers.get('retry-after')).toBe('2');
  });

  it('answers one request after another, and health checks in between', async () => {
    let underWay = 0;
    let most = 0;
    const slow: Teacher = {
      ...teacher,
      async ask(queries) {
        most = Math.max(most, ++underWay);
        await setTimeout(20);
        underWay--;
        return teacher.ask(queries);
      },
    };
    const service = await start({}, slow);
    const ends: string[] = [];
    const inferred = Promise.all([1, 2, 3].map(() => infer(service, tensor([1, 2])).then(() => ends.push('infer'))));
    await send(service, '/v2/health/ready').then(() => ends.push('health'));
    await inferred;
    expect(most).toBe(1);
    expect(ends[0]).toBe('health');
  });

  it('lets a health check in between the batches of one long request', async () => {
    const busy: Teacher = {
      ...teacher,
      async ask(queries) {
        const end = performance.now() + 5;
        while (performance.now() < end);
        return teacher.ask(queries);
      },
    };
    const service = await start({}, busy);
    let ended = false;
    const inferred = infer(service, tensor(Array.from({length: 400}, () => 1))).then(() => {
      ended = true;
    });
    await setTimeout(50);
    await send(service, '/v2/health/live');
    expect(ended).toBe(false);
    await inferred;
  });

  it('finishes the requests under way when it closes, and takes no new ones', async () => {
    const slow: Teacher = {...teacher, ask: async queries => setTimeout(50).then(() => teacher.ask(queries))};
    const service = await start({}, slow);
    const inferred = infer(service, tensor([1, 2]));
    await setTimeout(20);
    const closed = service.close();
    await expect(fetch(`${service.url}/v2`)).rejects.toThrow();
    expect(await inferred).toMatchObject({status: 200});
    const start_ = performance.now();
    await closed;
    expect(performance.now() - start_).toBeLessThan(3000);
  });

  it('does not wait for a connection that has asked for nothing', async () => {
    const service = await start();
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    await once(socket, 'connect');
    await setTimeout(20);
    const gone = once(socket, 'close');
    await service.close();
    await gone;
  });

  it('closes when its signal is aborted', async () => {
    const controller = new AbortController();
    const service = await start({signal: controller.signal});
    controller.abort();
    await setTimeout(10);
    await expect(fetch(`${service.url}/v2`)).rejects.toThrow();
    await expect(start({signal: controller.signal})).rejects.toThrow('aborted');
  });

  it('stops work for a client that went away', async () => {
    let signal: AbortSignal | undefined;
    const waiting: Teacher = {
      ...teacher,
      async ask(_, options) {
        signal = options?.signal;
        await setTimeout(5000, undefined, {signal});
        return [];
      },
    };
    const service = await start({}, waiting);
    const controller = new AbortController();
    const inferred = infer(service, tensor([1, 2]), {}, {signal: controller.signal});
    await setTimeout(50);
    controller.abort();
    await expect(inferred).rejects.toThrow();
    await setTimeout(50);
    expect(signal?.aborted).toBe(true);
  });

  it('shows only what the teacher gives and a service can', async () => {
    const labels: Teacher = {...teacher, access: 'black-box', detail: {kind: 'label'}} as Teacher;
    await expect(start({access: 'gray-box'}, labels)).rejects.toThrow(KnowledgeError);
    const votes: Teacher = {...teacher, access: 'black-box', detail: {kind: 'votes'}} as Teacher;
    await expect(start({access: 'black-box', detail: {kind: 'votes'}}, votes)).rejects.toThrow("can't show votes");
  });

  it('says that it is well as long as it takes requests, and asks for no key for that', async () => {
    const service = await start({key: 'open sesame'});
    expect(await send(service, '/health')).toMatchObject({status: 200, body: {status: 'ok'}});
    expect(await send(service, '/v2/health/ready')).toMatchObject({status: 200, body: {ready: true}});
  });

  it('refuses requests while too many inputs wait, and says when to come again', async () => {
    let release = () => {};
    const released = new Promise<void>(resolve => {
      release = resolve;
    });
    const held: Teacher = {...teacher, ask: queries => released.then(() => teacher.ask(queries))};
    const service = await start({maxWaiting: 2}, held);
    let refusals = 0;
    const ask = async () => {
      const reply = await infer(service, tensor([1, 2, 3, 4]));
      if (reply.status === 503 && ++refusals === 2) release();
      return reply;
    };
    const replies = await Promise.all([ask(), ask(), ask(), ask()]);
    expect(replies.map(({status}) => status).toSorted()).toEqual([200, 200, 503, 503]);
    const refused = replies.find(({status}) => status === 503)!;
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(refused.body).toEqual({error: 'Too many inputs wait for the model. Try again in a moment.'});
  });

  it('answers requests that come together in one pass', async () => {
    const sizes: number[] = [];
    let release = (): void => {};
    const others = new Promise<void>(resolve => {
      release = resolve;
    });
    const counting: Teacher = {
      ...teacher,
      maxBatch: 64,
      async ask(queries) {
        sizes.push(queries.length);
        await others;
        return teacher.ask(queries);
      },
    };
    const service = await start({}, counting);
    const asked = Promise.all(Array.from({length: 12}, (_, index) => infer(service, tensor([index % 5, 2]))));
    await vi.waitFor(async () => {
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      expect(metrics).toContain(`\nlimbeck_questions_waiting ${12 - sizes[0]!}\n`);
    }, 10_000);
    release();
    const replies = await asked;
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12);
    expect(sizes.length).toBeLessThan(6);
    for (const [index, {body}] of replies.entries()) {
      const alone = await infer(service, tensor([index % 5, 2]));
      expect(body).toEqual(alone.body);
    }
  });

  it('fills the places that a teacher of the k best leaves over', async () => {
    const answer = {
      kind: 'top-k',
      classes: Int32Array.of(2),
      logProbabilities: Float32Array.of(-0.5),
      rest: 0.4,
    } as const;
    const best: Teacher = {
      ...(teacher as Teacher),
      access: 'gray-box',
      detail: {kind: 'top-k', k: 2},
      ask: async queries => queries.map(() => ({answer})),
    };
    const {body} = await infer(await start({}, best), tensor([1, 2]));
    const least = expect.closeTo(Math.log(1e-38), 3);
    expect(body).toMatchObject({
      outputs: [
        {name: 'classes', shape: [1, 2], data: [2, -1]},
        {name: 'log_probabilities', shape: [1, 2], data: [-0.5, least]},
      ],
    });
  });

  it('says that its port is taken', async () => {
    const {port} = new URL((await start()).url);
    const second = start({port: Number(port)});
    await expect(second).rejects.toThrow(InputError);
    await expect(second).rejects.toThrow(`Cannot serve on 127.0.0.1:${port}`);
  });
});
