import {execFile} from 'node:child_process';
import {once} from 'node:events';
import {type AddressInfo, createServer} from 'node:net';
import {promisify} from 'node:util';
import {Metadata, type Server, status} from '@grpc/grpc-js';
import fc from 'fast-check';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {decodeResponse} from '../../adapters/_open-inference/protobuf.ts';
import {type OpenInferenceOptions, openInference} from '../../adapters/open-inference.ts';
import {InputError, TeacherError} from '../../src/errors.ts';
import type {Query, Reply} from '../../src/teacher.ts';
import {freePort} from '../free-port.ts';
import {testTeacher} from '../teacher-suite.ts';
import {grpcService, type Handler, http2Service, readRequest, startGrpc, writeReply} from './grpc-service.ts';
import {floats, halving, problemsIn, recorded, text} from './replay.ts';

const key = 'sk-very-secret';
const classes = ['red', 'green', 'blue'];
const queries = [floats(1, 2), floats(3, 4)];

function teacherAt(url: string, rest: Partial<OpenInferenceOptions> = {}) {
  return openInference({url, model: 'colours', classes, output: {logits: 'y'}, key, ...rest});
}

/** The logits of inputs of two numbers: these, and their difference. */
const answer: Handler = ({request}, reply) => {
  const {shape, values} = readRequest(request);
  if (shape[1] !== 2) {
    reply({code: status.INVALID_ARGUMENT, details: 'it takes two numbers'});
    return;
  }
  const logits = Array.from({length: shape[0]!}, (_, row) => {
    const [first = 0, second = 0] = values.subarray(2 * row);
    return [first, second, first - second];
  });
  reply(null, writeReply([logits.length, 3], Float32Array.from(logits.flat())));
};

async function failureOf(asked: Promise<unknown>): Promise<TeacherError> {
  const error = await asked.catch((thrown: unknown) => thrown);
  if (!(error instanceof TeacherError)) throw new Error(`expected a TeacherError, got ${error}`);
  return error;
}

const bytesOf = (body: unknown): Buffer => Buffer.from(body as string, 'base64');

describe('openInference over gRPC', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    const started = await startGrpc(answer);
    server = started.server;
    url = `grpc://127.0.0.1:${started.port}`;
  });
  afterAll(() => server.forceShutdown());

  testTeacher({
    it,
    teacher: () => teacherAt(url, {maxBatch: 4}),
    queries: [floats(1, 2), floats(3, 4), floats(-1, 0.5), floats(0, 0), floats(2, -2)],
    badQuery: floats(1, 2, 3),
    secret: key,
  });

  it('tells which model answered', async () => {
    const replies: Reply[] = [];
    const teacher = teacherAt(url);
    await teacher.ask(queries, {
      exchange: async (_, send) => {
        replies.push(await send());
        return replies[0]!;
      },
    });
    expect(teacher.service!.receipt!(replies[0]!)).toEqual({model: 'colours', fingerprint: '7'});
  });

  it('lets the process end that asked', async () => {
    const script = `
      import {openInference} from ${JSON.stringify(new URL('../../adapters/open-inference.ts', import.meta.url).href)};
      const teacher = openInference({url: '${url}', model: 'm', classes: ['a', 'b', 'c'], output: {logits: 'y'}});
      const input = {kind: 'tensor', dtype: 'float32', shape: [2], data: Float32Array.of(1, 2)};
      const [{answer}] = await teacher.ask([{input}]);
      console.log(answer.logits.join());`;
    const args = ['--import', import.meta.resolve('tsx'), '--input-type=module', '-e', script];
    const {stdout} = await promisify(execFile)(process.execPath, args, {timeout: 30_000});
    expect(stdout.trim()).toBe('1,2,-1');
  });
});

describe('openInference on messages of MLServer', () => {
  const digits = Array.from({length: 10}, (_, digit) => String(digit));
  const moods = ['neg', 'neu', 'pos'];
  const probabilities = [
    0.752043531601284, 0.003270470928811406, 0.01637329396672163, 0.021234361590962116, 0.028252215348346658,
    0.04000914801674691, 0.019431588769394374, 0.01884789251379416, 0.02869525784400962, 0.07184223941992898,
  ];

  /** A service that gives one recorded reply, and what it was sent. */
  async function replayed(name: string) {
    const calls: Buffer[] = [];
    const {request, response} = recorded(name);
    const url = await grpcService((call, reply) => {
      calls.push(call.request);
      reply(null, bytesOf(response.body));
    });
    return {url, calls, expected: bytesOf(request.body)};
  }

  it('sends the very bytes that its own client sends, and reads what comes back', async () => {
    const {url, calls, expected} = await replayed('mlserver-grpc-digits-200');
    const pixels = expected.subarray(-128);
    const images = [0, 64].map(
      (start): Query => ({
        input: {kind: 'tensor', dtype: 'uint8', shape: [64], data: Uint8Array.from(pixels.subarray(start, start + 64))},
      }),
    );
    const teacher = openInference({
      url,
      model: 'digits',
      version: 'v1',
      classes: digits,
      input: {name: 'x'},
      output: {probabilities: 'predict_proba'},
    });
    const [first] = await teacher.ask(images);
    expect(calls).toEqual([expected]);
    const logProbabilities = Float32Array.from(probabilities, Math.log);
    expect(first).toEqual({answer: {kind: 'log-probabilities', logProbabilities}});
  });

  it('sends texts as its own client does, and reads the names of classes', async () => {
    const {url, calls, expected} = await replayed('mlserver-grpc-moods-200');
    const options = {url, model: 'moods', version: 'v1', classes: moods, input: {name: 'x'}} as const;
    const teacher = openInference({...options, output: {label: 'predict'}});
    const outcomes = await teacher.ask([text('great cast'), text('a great film')]);
    expect(calls).toEqual([expected]);
    expect(outcomes).toEqual([2, 2].map(label => ({answer: {kind: 'label', label}})));
  });

  it('is the same teacher with a slash at the end of its address or in other case', () => {
    const at = (url: string) => openInference({url, model: 'any', classes: names, output: {label: 'x'}});
    const names = ['a', 'b'];
    const [one, other] = [at('grpc://teacher.test:8081'), at('GRPC://Teacher.Test:8081/')];
    expect(other.identity).toEqual(one.identity);
    expect(other.service!.account).toBe(one.service!.account);
  });

  it('reads values in the fields of their datatypes as well', () => {
    const read = (name: string, output: object, names: readonly string[]) => {
      const options = {url: 'grpc://teacher.test:8081', model: 'any', classes: names};
      const teacher = openInference({...options, output: output as {label: string}});
      const {body} = recorded(name).response;
      const reply = {status: 200, headers: {'content-type': 'application/grpc'}, body: String(body)};
      return teacher.service!.read(reply, 2, teacher.detail);
    };
    const [first] = read('mlserver-grpc-digits-fields-200', {probabilities: 'predict_proba'}, digits);
    const logProbabilities = Float32Array.from(probabilities, Math.log);
    expect(first).toEqual({answer: {kind: 'log-probabilities', logProbabilities}});
    const labels = read('mlserver-grpc-digits-fields-200', {label: 'predict'}, digits);
    expect(labels).toEqual([0, 1].map(label => ({answer: {kind: 'label', label}})));
    const names = read('mlserver-grpc-moods-fields-200', {label: 'predict'}, moods);
    expect(names).toEqual([2, 2].map(label => ({answer: {kind: 'label', label}})));
  });

  it('takes bytes that are no such message for an unreadable reply', async () => {
    const url = await grpcService((_, reply) =>
      reply(null, Buffer.from('\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff')),
    );
    expect(await failureOf(teacherAt(url).ask(queries))).toMatchObject({unreadable: true, status: 200});
    fc.assert(fc.property(fc.uint8Array({maxLength: 200}), bytes => void decodeResponse(bytes)));
    const whole = bytesOf(recorded('mlserver-grpc-digits-200').response.body);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (offset, byte) => {
        decodeResponse(Buffer.concat([whole.subarray(0, offset), Buffer.from([byte]), whole.subarray(offset + 1)]));
      }),
    );
  });
});

describe('openInference over gRPC, if the service refuses or fails', () => {
  it.each<[keyof typeof status, number, boolean, string]>([
    ['UNAUTHENTICATED', 401, false, 'It refuses the key. Set LIMBECK_TEACHER_KEY or pass `key`.'],
    ['PERMISSION_DENIED', 403, false, 'The key may not use this.'],
    ['NOT_FOUND', 404, false, 'no model `colours`. Check `url`, `model` and `version`.'],
    ['ABORTED', 409, true, 'Something else blocked the request.'],
    ['RESOURCE_EXHAUSTED', 429, true, 'Lower `concurrency` or the rate.'],
    ['UNKNOWN', 500, true, 'Its own log says why'],
    ['INTERNAL', 500, true, 'Its own log says why'],
    ['UNIMPLEMENTED', 501, false, 'It has no inference of this protocol. Check `url`.'],
    ['UNAVAILABLE', 503, true, 'It failed.'],
    ['DEADLINE_EXCEEDED', 504, true, 'Lower `maxBatch`.'],
  ])('says of %s what to do, and whether asking again can help', async (code, expected, retryable, advice) => {
    const url = await grpcService((_, reply) => reply({code: status[code], details: `you sent ${key}`}));
    const error = await failureOf(teacherAt(url).ask(queries));
    expect(error).toMatchObject({status: expected, retryable, inDoubt: false, unreadable: false});
    expect(error.message).toContain(`It answered ${expected} (${code}): "you sent [secret]". `);
    expect(error.message).toContain(advice);
    expect(error.message).not.toContain(key);
  });

  it('keeps the trailing metadata of a refusal', async () => {
    const metadata = new Metadata();
    metadata.set('retry-after', '3');
    const url = await grpcService((_, reply) => reply({code: status.UNAVAILABLE, details: '', metadata}));
    const replies: Reply[] = [];
    const exchange = async (_: unknown, send: () => Promise<Reply>) => {
      replies.push(await send());
      return replies[0]!;
    };
    await failureOf(teacherAt(url).ask(queries, {exchange}));
    expect(replies).toMatchObject([{status: 503, headers: {'retry-after': '3'}}]);
  });

  it('takes a refusal of tensors for that of each', async () => {
    const url = await grpcService(answer);
    const outcomes = await teacherAt(url).ask([floats(1, 2, 3), floats(1, 2)]);
    expect(problemsIn(outcomes)).toEqual([expect.stringContaining('It answered 400 (INVALID_ARGUMENT)'), 'none']);
  });

  it.each([
    'Received message larger than max (268 vs. 100)',
    'Received message larger than max (268 vs 100)',
    'grpc: received message larger than max (268 vs. 100)',
    'gRPC message exceeds maximum size 100: 268',
  ])('halves a batch that is too large (%s)', async details => {
    const url = await grpcService((call, reply) => {
      if (readRequest(call.request).shape[0]! > 1) reply({code: status.RESOURCE_EXHAUSTED, details});
      else answer(call, reply);
    });
    expect(await halving(teacherAt(url)).ask(queries)).toMatchObject([
      {answer: {logits: Float32Array.of(1, 2, -1)}},
      {answer: {logits: Float32Array.of(3, 4, -1)}},
    ]);
  });

  it('sends its key as metadata, read late, and only if there is one', async () => {
    const sent: unknown[] = [];
    const url = await grpcService((call, reply) => {
      sent.push(...call.metadata.get('authorization'), '|');
      answer(call, reply);
    });
    await teacherAt(url, {key: ''}).ask(queries);
    await teacherAt(url).ask(queries);
    expect(sent).toEqual(['|', `Bearer ${key}`, '|']);
    const error = await failureOf(teacherAt(url, {key: `${key}\n`}).ask(queries));
    expect(error.message).toContain('Its key holds characters that a header can not hold.');
  });
});

describe('openInference over gRPC, if no whole reply comes', () => {
  it('says that nothing answers at the address', async () => {
    const port = await freePort();
    const error = await failureOf(teacherAt(`grpc://127.0.0.1:${port}`).ask(queries));
    expect(error.message).toContain(`Nothing answers at 127.0.0.1:${port}. Check \`url\`, and that the service runs.`);
    expect(error).toMatchObject({retryable: true, inDoubt: false, status: undefined});
  });

  it('connects again as soon as the service is back', async () => {
    const first = await startGrpc(answer);
    const teacher = teacherAt(`grpc://127.0.0.1:${first.port}`);
    expect(problemsIn(await teacher.ask(queries))).toEqual(['none', 'none']);
    first.server.forceShutdown();
    for (let attempt = 0; attempt < 5; attempt++) await failureOf(teacher.ask(queries));
    const second = await startGrpc(answer, first.port);
    const again = async () => expect(problemsIn(await teacher.ask(queries))).toEqual(['none', 'none']);
    await vi.waitFor(again, {timeout: 3000, interval: 100});
    second.server.forceShutdown();
  });

  it('gives up when its time is over, and says for how long', async () => {
    const deadlines: unknown[] = [];
    const url = await grpcService(call => deadlines.push(call.getDeadline()));
    const error = await failureOf(teacherAt(url, {timeout: 300}).ask(queries));
    expect(error.message).toContain('It did not answer within 300 ms. Raise `timeout` or lower `maxBatch`.');
    expect(error).toMatchObject({retryable: true, inDoubt: true, status: undefined});
    expect(Number(deadlines[0])).toBeLessThan(Date.now() + 1000);
  });

  it('has no doubt of a call that never had a connection until its time was up', async () => {
    // It takes connections and says nothing, so that no session of HTTP/2 begins.
    const silent = createServer(() => {}).listen(0, 'localhost');
    await once(silent, 'listening');
    const url = `grpcs://localhost:${(silent.address() as AddressInfo).port}`;
    const error = await failureOf(teacherAt(url, {timeout: 300}).ask(queries));
    expect(error).toMatchObject({retryable: true, inDoubt: false});
    silent.close();
  });

  it.each<[string, (stream: Parameters<Parameters<typeof http2Service>[0]>[0]) => void]>([
    ['breaks', stream => stream.session?.destroy()],
    [
      'breaks after the reply began',
      stream => {
        stream.respond({':status': 200, 'content-type': 'application/grpc'});
        setTimeout(() => stream.session?.destroy(), 50);
      },
    ],
    ['is reset', stream => stream.close(2)],
    [
      'ends without a status',
      stream => {
        stream.respond({':status': 200});
        stream.end();
      },
    ],
  ])('says of a call that %s that the service can have heard it', async (_, handle) => {
    const url = await http2Service(handle);
    const error = await failureOf(teacherAt(url).ask(queries));
    expect(error.message).toContain(`The connection to ${new URL(url).host} failed`);
    expect(error).toMatchObject({retryable: true, inDoubt: true, status: undefined});
  });

  it('takes an answer of something else for what its status says', async () => {
    const url = await http2Service(stream => {
      stream.respond({':status': 404, 'content-type': 'text/html'});
      stream.end('<html>');
    });
    const error = await failureOf(teacherAt(url).ask(queries));
    expect(error).toMatchObject({status: 501, retryable: false, inDoubt: false});
    expect(error.message).toContain('It has no inference of this protocol. Check `url`.');
  });

  it('leaves a reply that is too long', async () => {
    const url = await grpcService((_, reply) => reply(null, writeReply([2, 3], new Float32Array(1000))));
    const error = await failureOf(teacherAt(url, {maxReply: 1000}).ask(queries));
    expect(error.message).toContain('Its reply is longer than 1000 bytes. Lower `maxBatch` or raise `maxReply`.');
    expect(error).toMatchObject({status: 200, unreadable: true, inDoubt: true, retryable: false});
  });

  it('cancels a call when it is aborted, with the reason', async () => {
    let cancelled: Promise<unknown> | undefined;
    const url = await grpcService(call => {
      cancelled = once(call, 'cancelled');
    });
    const controller = new AbortController();
    const asked = teacherAt(url).ask(queries, {signal: controller.signal});
    await vi.waitFor(() => expect(cancelled).toBeDefined(), {timeout: 10_000});
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await cancelled;
  });

  it('greets a service of grpcs:// with TLS, and shows the key to none without it', async () => {
    const heard: Buffer[] = [];
    const server = createServer(socket => {
      socket.on('error', () => {});
      socket.once('data', data => {
        heard.push(data);
        socket.destroy();
      });
    }).listen(0, 'localhost');
    await once(server, 'listening');
    const url = `grpcs://localhost:${(server.address() as AddressInfo).port}`;
    const error = await failureOf(teacherAt(url, {timeout: 2000}).ask(queries));
    expect(error).toMatchObject({retryable: true, inDoubt: false});
    // A handshake record, as TLS begins.
    expect(heard[0]?.[0]).toBe(22);
    expect(Buffer.concat(heard).includes('secret')).toBe(false);
    server.close();
  });
});

describe('openInference over gRPC, before it is asked', () => {
  it('refuses what gRPC has not', () => {
    expect(() => teacherAt('grpc://teacher.test:8081/v2')).toThrow(
      new InputError('The `url` of teacher.test:8081 has a path, which gRPC has not. Leave it out.'),
    );
    const problem = '`binary`, `dispatcher` and `http2` are for HTTP, and `url` says gRPC. Leave them out.';
    expect(() => teacherAt('grpc://teacher.test:8081', {binary: true})).toThrow(problem);
    expect(() => teacherAt('grpc://me:hunter2@teacher.test')).toThrow('holds a user, a password or a query');
    expect(() => teacherAt('grpc://')).toThrow('The service has no usable `url`.');
  });

  it('has the address in its identity, and an account of its own', () => {
    const teacher = teacherAt('grpc://teacher.test:8081/', {key: ''});
    expect(teacher.identity['service']).toBe('grpc://teacher.test:8081');
    expect(teacher.name).toBe('open-inference colours at grpc://teacher.test:8081');
    expect(teacher.service!.account).toBe('http://teacher.test:8081');
    const shared = {service: 'colours of this study'};
    const [grpc, rest] = ['grpc://teacher.test:8081', 'http://teacher.test:8080'].map(url => teacherAt(url, shared));
    expect(grpc!.identity).toEqual(rest!.identity);
  });

  it('finds out how to ask from an address that comes late', async () => {
    const url = await grpcService(answer);
    const late = openInference({
      url: async () => url,
      service: 'colours',
      model: 'colours',
      classes,
      output: {logits: 'y'},
    });
    expect(problemsIn(await late.ask(queries))).toEqual(['none', 'none']);
  });
});
