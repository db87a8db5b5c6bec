import {createServer, type Server, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {gzipSync} from 'node:zlib';
import {Agent} from 'undici';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {type OpenInferenceOptions, openInference, type ScoreOutput} from '../../adapters/open-inference.ts';
import {InputError, TeacherError} from '../../src/errors.ts';
import type {Query, Teacher} from '../../src/teacher.ts';
import {address, floats, halving, type Offline, offline, problemsIn, text} from './replay.ts';

const key = 'sk-very-secret';
const classes = ['red', 'green', 'blue'];
const path = '/v2/models/colours/infer';
const queries = [floats(1, 2), floats(3, 4)];

function teacherOn(
  {dispatcher}: Offline,
  output: ScoreOutput = {logits: 'y'},
  rest: Partial<OpenInferenceOptions> = {},
) {
  return openInference({url: address, model: 'colours', classes, output, key, dispatcher, ...rest});
}

/** A reply with one output `y`. */
function reply(shape: readonly number[], data: readonly unknown[]): object {
  return {model_name: 'colours', outputs: [{name: 'y', datatype: 'FP32', shape, data}]};
}

async function failureOf(asked: Promise<unknown>): Promise<TeacherError> {
  const error = await asked.catch((thrown: unknown) => thrown);
  if (!(error instanceof TeacherError)) throw new Error(`expected a TeacherError, got ${error}`);
  return error;
}

async function askWith(body: unknown, output: ScoreOutput = {logits: 'y'}, asked: readonly Query[] = queries) {
  const network = offline();
  network.answer(path, 200, body);
  return teacherOn(network, output).ask(asked);
}

describe('openInference, if the service refuses or fails', () => {
  it.each([
    [401, false, 'It refuses the key. Set LIMBECK_TEACHER_KEY or pass `key`.'],
    [403, false, 'It refuses the key.'],
    [302, false, 'It redirects without a target. Keys follow no redirect: check `url`.'],
    [405, false, 'It has no such route. Check `url`.'],
    [408, true, 'Lower `maxBatch`.'],
    [429, true, 'Lower `concurrency` or the rate.'],
    [500, true, 'Its own log says why'],
    [503, true, 'It failed.'],
  ])('says of %i what to do, and whether asking again can help', async (status, retryable, advice) => {
    const network = offline();
    network.answer(path, status, {error: `what you sent: ${key}`});
    const error = await failureOf(teacherOn(network).ask(queries));
    expect(error).toMatchObject({status, retryable});
    expect(error.message).toContain(`It answered ${status}: "what you sent: [secret]". `);
    expect(error.message).toContain(advice);
    expect(`${error.message} ${error.stack} ${error.cause}`).not.toContain(key);
  });

  it('says that a key is asked for if none was given', async () => {
    const network = offline();
    network.answer(path, 401, {});
    const error = await failureOf(teacherOn(network, undefined, {key: ''}).ask(queries));
    expect(error.message).toContain('It asks for a key. Set LIMBECK_TEACHER_KEY or pass `key`.');
  });

  it.each([
    ['insufficient_quota', {error: {code: 'insufficient_quota', message: `what you sent: ${key}`}}],
    ['insufficient_quota', {error: {type: 'insufficient_quota', code: null}}],
    ['billing_not_active', {code: 'billing_not_active'}],
  ])('does not take an account that is spent (%s) for one that asks too fast', async (code, body) => {
    const network = offline();
    network.answer(path, 429, body);
    const error = await failureOf(teacherOn(network).ask(queries));
    expect(error).toMatchObject({status: 429, retryable: false});
    expect(error.message).toMatch(new RegExp(`\\(${code}\\).* The account has nothing left to spend. Top it up\\.`));
    expect(error.message).not.toContain(key);
  });

  it.each(['insufficient_quota', '"insufficient_quota"', '{"error": {"code": 7}}', '{"error": null}', 'null', ''])(
    'takes a 429 that says %j for one that can pass',
    async body => {
      const network = offline();
      network.answer(path, 429, body);
      expect(await failureOf(teacherOn(network).ask(queries))).toMatchObject({status: 429, retryable: true});
    },
  );

  it('finds the one text that is refused, and answers the others', async () => {
    const network = offline();
    network.answer(path, 422, {});
    network.answer(path, 200, reply([2, 3], [1, 2, 3, 4, 5, 6]));
    network.answer(path, 422, {});
    network.answer(path, 422, {});
    network.answer(path, 200, reply([1, 3], [7, 8, 9]));
    const outcomes = await halving(teacherOn(network)).ask(['a', 'b', 'bad', 'd'].map(text));
    expect(problemsIn(outcomes)).toEqual(['none', 'none', expect.stringContaining('422'), 'none']);
    expect(outcomes[3]).toMatchObject({answer: {logits: Float32Array.of(7, 8, 9)}});
  });

  it('halves a batch that is too large', async () => {
    const network = offline();
    network.answer(path, 413, {});
    network.answer(path, 200, reply([1, 3], [1, 2, 3]));
    network.answer(path, 200, reply([1, 3], [4, 5, 6]));
    const outcomes = await halving(teacherOn(network)).ask(queries);
    expect(outcomes).toMatchObject([
      {answer: {logits: Float32Array.of(1, 2, 3)}},
      {answer: {logits: Float32Array.of(4, 5, 6)}},
    ]);
  });

  it('asks about each shape apart, and lets one that fails fail alone', async () => {
    const network = offline();
    network.answer(path, 200, reply([2, 3], [1, 2, 3, 4, 5, 6]));
    network.answer(path, 500, {});
    const outcomes = await teacherOn(network).ask([floats(1, 2), floats(9), floats(3, 4)]);
    expect(problemsIn(outcomes)).toEqual(['none', expect.stringContaining('It answered 500'), 'none']);
    expect(outcomes[2]).toMatchObject({answer: {logits: Float32Array.of(4, 5, 6)}});
  });

  it('sends no input that JSON can not carry or that is not whole', async () => {
    const network = offline();
    network.answer(path, 200, reply([1, 3], [1, 2, 3]));
    const short: Query = {input: {kind: 'tensor', dtype: 'uint8', shape: [2], data: Uint8Array.of(1)}};
    const outcomes = await teacherOn(network).ask([floats(1, Number.NaN), short, floats(1, 2)]);
    expect(problemsIn(outcomes)).toEqual([
      expect.stringContaining('An input holds NaN or an infinite value'),
      expect.stringContaining('An input of shape [2] holds 2 values, got 1.'),
      'none',
    ]);
  });
});

describe('openInference, if the reply is not what was asked for', () => {
  it.each<[string, unknown, string]>([
    [
      'no JSON',
      '<html>Welcome</html>',
      'Its reply is not JSON but a page, "Welcome". Check that `url` is that of an inference service.',
    ],
    ['JSON of something else', {predictions: [1]}, 'Its reply is not one of the Open Inference Protocol.'],
    ['another output', {outputs: [{name: 'z', shape: [2, 3], data: []}]}, 'Its reply has no output `y`, but z.'],
    ['one answer too few', reply([1, 3], [1, 2, 3]), 'Output `y` of shape [1, 3] has 3 values for 2 inputs.'],
    [
      'a class too many',
      reply([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
      'Output `y` of shape [2, 4] gives 4 values for each input, not 3.',
    ],
    [
      'classes before answers',
      reply([3, 2], [1, 2, 3, 4, 5, 6]),
      'Output `y` of shape [3, 2] has 6 values for 2 inputs.',
    ],
    ['fewer values than its shape', reply([2, 3], [1, 2, 3]), 'Output `y` of shape [2, 3] has 3 values for 2 inputs.'],
  ])('refuses a reply with %s', async (_, body, problem) => {
    const error = await failureOf(askWith(body));
    expect(error.message).toContain(problem);
    expect([error.retryable, error.unreadable, error.cause]).toEqual([false, true, undefined]);
    expect(error.message).not.toContain('<html>');
  });

  it('takes the NaN and Infinity of Python servers for what they are, each its own query’s', async () => {
    const body = '{"outputs": [{"name": "y", "shape": [3, 3], "data": [[1, NaN, 3], [1, 2, Infinity], [1, 2, 3]]}]}';
    const outcomes = await askWith(body, {logits: 'y'}, [...queries, floats(5, 6)]);
    expect(problemsIn(outcomes)).toEqual([
      expect.stringContaining('It gave NaN or an infinite value.'),
      expect.stringContaining('It gave NaN or an infinite value.'),
      'none',
    ]);
  });

  it('takes a log-probability of -Infinity for that of 1e-38', async () => {
    const body =
      '{"outputs": [{"name": "y", "shape": [1, 3], "data": [0.0, -Infinity, -Infinity]}], "note": "\\"NaN\\""}';
    const [outcome] = await askWith(body, {logProbabilities: 'y'}, [queries[0]!]);
    expect(outcome).toEqual({
      answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(0, Math.log(1e-38), Math.log(1e-38))},
    });
  });

  it('leaves a NaN inside a text of such a reply alone', async () => {
    const network = offline();
    const body = '{"outputs": [{"name": "y", "shape": [2], "data": ["NaN, [NaN", "b"]}], "time": NaN}';
    network.answer(path, 200, body);
    const options = {url: address, model: 'colours', classes: ['a', 'NaN, [NaN', 'b'], dispatcher: network.dispatcher};
    const outcomes = await openInference({...options, output: {label: 'y'}}).ask(queries);
    expect(outcomes).toEqual([1, 2].map(label => ({answer: {kind: 'label', label}})));
  });

  it.each<[string, ScoreOutput, readonly unknown[], string]>([
    ['do not sum to 1', {probabilities: 'y'}, [0.5, 0.4, 0.2], 'Its probabilities sum to 1.100, not 1.'],
    ['are negative', {probabilities: 'y'}, [1.5, -0.5, 0], 'It gave a negative probability. These look like logits.'],
    ['are logits in truth', {logProbabilities: 'y'}, [2, 1, 0], 'Its probabilities sum to 11.11, not 1.'],
    ['are no numbers', {logits: 'y'}, [1, 'two', 3], 'It gave NaN or an infinite value.'],
  ])('fails a query alone whose scores %s', async (_, output, scores, problem) => {
    const good = {probabilities: [0.2, 0.3, 0.5], logProbabilities: [0.2, 0.3, 0.5].map(Math.log), logits: [1, 2, 3]};
    const fine = good[Object.keys(output)[0] as keyof typeof good];
    const outcomes = await askWith(reply([2, 3], [...scores, ...fine]), output);
    expect(problemsIn(outcomes)).toEqual([expect.stringContaining(problem), 'none']);
    expect(outcomes[0]).toMatchObject({error: {misread: !('logits' in output), retryable: false}});
  });

  it('takes probabilities that sum to 1 but for rounding', async () => {
    const outcomes = await askWith(reply([2, 3], [0.3334, 0.3333, 0.3334, 1.0000001, 0, 0]), {probabilities: 'y'});
    expect(problemsIn(outcomes)).toEqual(['none', 'none']);
    expect(outcomes[1]).toMatchObject({
      answer: {logProbabilities: Float32Array.of(0, Math.log(1e-38), Math.log(1e-38))},
    });
  });

  it.each([[3], [-1], [1.5], ['3'], [null]])('fails a query alone whose label is %j', async label => {
    const network = offline();
    network.answer(path, 200, reply([2, 1], [[label], [2]]));
    const options = {url: address, model: 'colours', classes, dispatcher: network.dispatcher};
    const outcomes = await openInference({...options, output: {label: 'y'}}).ask(queries);
    expect(problemsIn(outcomes)).toEqual([expect.stringContaining('a label outside the class list of 3'), 'none']);
  });
});

describe('openInference with the k best classes', () => {
  const output = {topK: {classes: 'c', logProbabilities: 'p', k: 2}} as const;
  const best = (indices: readonly unknown[], values: readonly unknown[]) => ({
    outputs: [
      {name: 'p', shape: [2, 2], data: values},
      {name: 'c', shape: [2, 2], data: indices},
    ],
  });

  it('puts the most probable first and keeps the rest', async () => {
    const outcomes = await askWith(best([0, 1, 'blue', 'red'], [0.2, 0.5, 0.9, 0.1].map(Math.log)), output);
    expect(outcomes).toEqual([
      {
        answer: {
          kind: 'top-k',
          classes: Int32Array.of(1, 0),
          logProbabilities: Float32Array.of(Math.log(0.5), Math.log(0.2)),
          rest: expect.closeTo(0.3, 10),
        },
      },
      {
        answer: {
          kind: 'top-k',
          classes: Int32Array.of(2, 0),
          logProbabilities: Float32Array.of(Math.log(0.9), Math.log(0.1)),
          rest: expect.closeTo(0, 10),
        },
      },
    ]);
  });

  it.each<[string, readonly unknown[], readonly number[], string]>([
    ['names a class twice', [1, 1], [0.5, 0.2], 'It named a class twice'],
    ['names a class that is not there', [1, 7], [0.5, 0.2], 'a label outside the class list'],
    ['gives more mass than there is', [1, 0], [0.8, 0.4], 'have a mass of 1.200, above 1'],
    ['gives no number', [1, 0], [Number.NaN, 0.4], 'It gave NaN'],
  ])('fails a query alone whose answer %s', async (_, indices, values, problem) => {
    const outcomes = await askWith(best([...indices, 1, 0], [...values.map(Math.log), -1, -2]), output);
    expect(problemsIn(outcomes)).toEqual([expect.stringContaining(problem), 'none']);
  });
});

describe('openInference, if the network fails', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    vi.unstubAllEnvs();
  });

  async function listen(server: Server): Promise<string> {
    servers.push(server);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Sends only the query itself, because these servers treat all requests the same. */
  const at = (url: string, rest: Partial<OpenInferenceOptions> = {}) =>
    openInference({url, model: 'colours', classes, output: {logits: 'y'}, key, binary: false, ...rest});

  it('says that nothing answers at the address', async () => {
    const url = await listen(createServer());
    await new Promise(resolve => servers.pop()!.close(resolve));
    const error = await failureOf(at(url).ask(queries));
    expect(error.message).toContain(
      `Nothing answers at ${new URL(url).host}. Check \`url\`, and that the service runs.`,
    );
    expect(error).toMatchObject({retryable: true, inDoubt: false});
  });

  it('says that there is no such host', async () => {
    const error = await failureOf(at('http://teacher.invalid').ask(queries));
    expect(error).toMatchObject({retryable: true, inDoubt: false});
    // A machine without a name service reports another error.
    expect(error.message).toMatch(/There is no host teacher\.invalid\.|The connection to teacher\.invalid failed/);
  });

  it('says that a connection broke, which can pass', async () => {
    const url = await listen(createServer(request => request.socket.destroy()));
    const error = await failureOf(at(url).ask(queries));
    expect(error.message).toContain('failed (UND_ERR_SOCKET)');
    expect(error).toMatchObject({retryable: true, inDoubt: true});
  });

  it.each([
    ['never begins', () => {}],
    ['never ends', (response: {write(text: string): unknown}) => response.write('{')],
  ])('gives up on a reply that %s', async (_, begin) => {
    const url = await listen(createServer((_request, response) => void begin(response)));
    const error = await failureOf(at(url, {timeout: 300}).ask(queries));
    expect(error.message).toContain('It did not answer within 300 ms. Raise `timeout` or lower `maxBatch`.');
    expect(error).toMatchObject({retryable: true, inDoubt: true});
  });

  it('has no doubt of a request that waited for a connection until its time was up', async () => {
    const url = await listen(createServer(() => {}));
    const dispatcher = new Agent({connections: 1});
    // The first has the connection until well after the second has given up.
    const errors = await Promise.all(
      [1500, 300].map(timeout => failureOf(at(url, {timeout, dispatcher}).ask(queries))),
    );
    expect(errors.map(({inDoubt}) => inDoubt)).toEqual([true, false]);
  });

  it('leaves a reply that is too long, and hears of no more of it', async () => {
    let sent = 0;
    let closed = false;
    const url = await listen(
      createServer((_request, response) => {
        response.once('close', () => {
          closed = true;
        });
        const write = () => {
          while (!closed && sent < 1000 && response.write(' '.repeat(2 ** 20))) sent++;
          if (!closed && sent < 1000) response.once('drain', write);
        };
        write();
      }),
    );
    const error = await failureOf(at(url, {maxReply: 2 ** 21}).ask(queries));
    expect(error.message).toContain('Its reply is longer than 2097152 bytes. Lower `maxBatch` or raise `maxReply`.');
    expect(error).toMatchObject({status: 200, unreadable: true, inDoubt: true, retryable: false});
    await vi.waitFor(() => expect(closed).toBe(true), {timeout: 10_000});
    expect(sent).toBeLessThan(100);
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['is too long', response => response.writeHead(429).end('x'.repeat(100))],
    ['breaks off', response => response.writeHead(429, {'content-length': 50}).write('x', () => response.destroy())],
    ['never ends', response => response.writeHead(429).write('x')],
  ])('takes a refusal for what its status says though its body %s', async (_, respond) => {
    const url = await listen(createServer((_request, response) => respond(response)));
    const error = await failureOf(at(url, {maxReply: 10, timeout: 500}).ask(queries));
    expect(error).toMatchObject({status: 429, retryable: true, inDoubt: false, unreadable: false});
  });

  it('says that a reply is compressed, and reads one that only says so', async () => {
    const json = JSON.stringify(reply([2, 3], [1, 2, 3, 4, 5, 6]));
    const bodies = [gzipSync(json), Buffer.from(json)];
    const url = await listen(
      createServer((_request, response) => {
        response.writeHead(200, {'content-encoding': 'gzip'}).end(bodies.shift());
      }),
    );
    const teacher = at(url);
    const error = await failureOf(teacher.ask(queries));
    expect(error.message).toContain('Its reply is compressed, which was not asked for.');
    expect(error.unreadable).toBe(true);
    expect(problemsIn(await teacher.ask(queries))).toEqual(['none', 'none']);
  });

  it('follows no redirect, so that the key goes nowhere else', async () => {
    const visits: string[] = [];
    const elsewhere = await listen(
      createServer(({headers}, response) => {
        visits.push(String(headers.authorization));
        response.end();
      }),
    );
    const url = await listen(
      createServer((_request, response) => response.writeHead(307, {location: elsewhere}).end()),
    );
    expect(await failureOf(at(url).ask(queries))).toMatchObject({status: 307, retryable: false});
    expect(visits).toEqual([]);
  });

  it('ends a request at once when it is aborted, with the reason', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await listen(
      createServer(request => {
        closed = new Promise(resolve => request.socket.once('close', resolve));
      }),
    );
    const controller = new AbortController();
    const asked = at(url).ask(queries, {signal: controller.signal});
    await vi.waitFor(() => expect(closed).toBeDefined(), {timeout: 10_000});
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await closed;
  });

  it('reads its key late, and sends it only if there is one', async () => {
    const network = offline();
    for (let asked = 0; asked < 4; asked++) network.answer(path, 200, reply([2, 3], [1, 2, 3, 4, 5, 6]));
    const options = {
      url: address,
      model: 'colours',
      classes,
      output: {logits: 'y'},
      dispatcher: network.dispatcher,
    } as const;
    const teacher = openInference(options);
    vi.stubEnv('LIMBECK_TEACHER_KEY', undefined);
    await teacher.ask(queries);
    vi.stubEnv('LIMBECK_TEACHER_KEY', 'from-the-environment');
    await teacher.ask(queries);
    await openInference({...options, key: () => 'from-a-function'}).ask(queries);
    await openInference({...options, key}).ask(queries);
    const sent = network.sent.map(({headers}) => (headers as {authorization?: string}).authorization);
    expect(sent).toEqual([undefined, 'Bearer from-the-environment', 'Bearer from-a-function', `Bearer ${key}`]);
  });

  it('refuses a key that no header can carry, without showing it', async () => {
    const error = await failureOf(teacherOn(offline(), undefined, {key: `${key}\n`}).ask(queries));
    expect(error.message).toContain('Its key holds characters that a header can not hold.');
    expect(error.message).not.toContain(key);
  });
});

describe('openInference, before it is asked', () => {
  const options = {model: 'colours', classes, output: {logits: 'y'}} as const;

  it.each(['127.0.0.1:8080', 'ftp://teacher.test', ''])('refuses the address `%s`', url => {
    expect(() => openInference({...options, url})).toThrow(InputError);
    expect(() => openInference({...options, url})).toThrow('Give an address such as http://127.0.0.1:8080.');
  });

  it.each(['http://me:hunter2@teacher.test', 'http://teacher.test/?key=hunter2'])(
    'refuses an address that may hold a secret, without showing it',
    url => {
      expect(() => openInference({...options, url})).toThrow(
        'The `url` of teacher.test holds a user, a password or a query.',
      );
      expect(() => openInference({...options, url})).not.toThrow(/hunter2/);
    },
  );

  it('needs a name for an address that is not known yet', () => {
    expect(() => openInference({...options, url: async () => address})).toThrow('needs `service`');
  });

  it('is typed by the output that it reads', () => {
    const gray: Teacher<'gray-box'> = openInference({...options, url: address});
    const black: Teacher<'black-box'> = openInference({...options, url: address, output: {label: 'y'}});
    // @ts-expect-error labels are not scores
    const wrong: Teacher<'gray-box'> = openInference({...options, url: address, output: {label: 'y'}});
    expect([gray.access, black.access, wrong.access]).toEqual(['gray-box', 'black-box', 'black-box']);
  });

  it('has an identity of all that can change an answer, and of nothing else', () => {
    const teacher = openInference({...options, url: `${address}/`, version: '2', key, maxBatch: 5, timeout: 7});
    expect(teacher).toMatchObject({name: `open-inference colours at ${address}`, maxBatch: 5, concurrency: 4});
    expect(teacher.identity).toEqual({
      adapter: 'open-inference',
      service: address,
      model: 'colours',
      version: '2',
      input: {name: 'input', datatype: null},
      output: {logits: 'y'},
    });
    const moved = openInference({...options, url: 'http://elsewhere.test', service: address, version: '2'});
    expect(moved.identity).toEqual(teacher.identity);
    const labels = openInference({...options, url: address, output: {label: 'y'}});
    expect(labels.identity['classes']).toEqual(classes);
  });
});
