import {readFileSync} from 'node:fs';
import {createServer, type IncomingHttpHeaders, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import {buffer} from 'node:stream/consumers';
import fc from 'fast-check';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {decodeRaw, encodeRaw} from '../../adapters/_open-inference/tensors.ts';
import {type OpenInferenceOptions, openInference} from '../../adapters/open-inference.ts';
import {InputError, TeacherError} from '../../src/errors.ts';
import {parseReply, replyLine} from '../../src/store/journal/lines.ts';
import type {Exchange, Query, Reply} from '../../src/teacher.ts';
import {floats, problemsIn, recorded, text} from './replay.ts';

const species = ['setosa', 'versicolor', 'virginica'];
const flowers = [floats(5.1, 3.5, 1.4, 0.2), floats(6.2, 2.9, 4.3, 1.3)];
const HEAD_SIZE = 'inference-header-content-length';

interface Sent {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A service whose metadata and answers are given; it says what it was sent. */
async function service(metadata: (response: ServerResponse) => void, infer: (response: ServerResponse) => void) {
  const sent: Sent[] = [];
  const server = createServer(async (request, response) => {
    sent.push({method: request.method!, headers: request.headers, body: await buffer(request)});
    if (request.url === '/v2') metadata(response);
    else infer(response);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent};
}

/** Answers with what was recorded. */
const replaying = (name: string) => (response: ServerResponse) => {
  const {status, contentType, headers, body} = recorded(name).response;
  response.writeHead(status, {'content-type': contentType, ...headers});
  response.end(contentType === 'application/json' ? JSON.stringify(body) : Buffer.from(String(body), 'base64'));
};

const triton = () => service(replaying('triton-server-200'), replaying('triton-binary-200'));

function irisAt(url: string, rest: Partial<OpenInferenceOptions> = {}) {
  return openInference({url, model: 'iris', classes: species, input: {name: 'x'}, output: {logits: 'logits'}, ...rest});
}

/** The head and the bytes of a request. */
function partsOf({headers, body}: Sent) {
  const size = Number(headers[HEAD_SIZE]);
  return {head: JSON.parse(body.toString('utf8', 0, size)), bytes: body.subarray(size)};
}

const wanted = {
  answer: {
    kind: 'logits',
    logits: Float32Array.of(2.580889940261841, -1.3473191261291504, 3.554774284362793),
    features: {},
  },
};

describe('openInference with tensors as bytes', () => {
  it('sends them to Triton, which says that it takes them, asking that once', async () => {
    const {url, sent} = await triton();
    const teacher = irisAt(url);
    const all = await Promise.all([teacher.ask(flowers), teacher.ask(flowers)]);
    for (const outcomes of [...all, await teacher.ask(flowers)]) expect(outcomes[0]).toEqual(wanted);
    expect(sent.map(({method}) => method)).toEqual(['GET', 'POST', 'POST', 'POST']);
    const request = recorded('triton-binary-200').request as unknown as {body: string; headers: object};
    const real = partsOf({method: 'POST', headers: {...request.headers}, body: Buffer.from(request.body, 'base64')});
    const {head, bytes} = partsOf(sent[1]!);
    expect(sent[1]!.headers['content-type']).toBe('application/octet-stream');
    expect(bytes).toEqual(real.bytes);
    expect(head).toEqual({
      id: 'limbeck',
      inputs: real.head.inputs,
      outputs: [{name: 'logits', parameters: {binary_data: true}}],
    });
  });

  it('reads an output that came as JSON beside one of bytes', async () => {
    const {url} = await triton();
    const [, second] = await irisAt(url, {output: {probabilities: 'probs'}} as never).ask(flowers);
    const logs = [0.9385222792625427, 0.014703959226608276, 0.04677385464310646].map(Math.log);
    expect(second).toEqual({answer: {kind: 'log-probabilities', logProbabilities: Float32Array.from(logs)}});
  });

  it('reads such a reply again from the journal', async () => {
    const {url} = await triton();
    const kept: Reply[] = [];
    const exchange: Exchange = async (_, send) => {
      kept.push(await send());
      return kept[0]!;
    };
    const teacher = irisAt(url);
    const outcomes = await teacher.ask(flowers, {exchange});
    // The query about bytes goes through no exchange: it is not charged.
    expect(kept).toHaveLength(1);
    const {reply} = parseReply(Buffer.from(replyLine(1, ['a', 'b'], kept[0]!)))!;
    expect(teacher.service!.read(reply, 2, teacher.detail)).toEqual(outcomes);
    expect(teacher.service!.receipt!(reply)).toEqual({model: 'iris', fingerprint: '1'});
  });

  it('sends texts as bytes if that is wished for', async () => {
    const {url, sent} = await triton();
    await irisAt(url, {binary: true}).ask([text('é'), text('')]);
    expect(sent.map(({method}) => method)).toEqual(['POST']);
    const {head, bytes} = partsOf(sent[0]!);
    expect(head.inputs).toEqual([
      {name: 'x', datatype: 'BYTES', shape: [2, 1], parameters: {content_type: 'str', binary_data_size: 10}},
    ]);
    expect([...bytes]).toEqual([2, 0, 0, 0, 0xc3, 0xa9, 0, 0, 0, 0]);
  });
});

describe('openInference with tensors as JSON', () => {
  const answering = (response: ServerResponse) =>
    void response.end(JSON.stringify({outputs: [{name: 'logits', shape: [2, 3], data: [1, 2, 3, 4, 5, 6]}]}));

  it.each<[string, (response: ServerResponse) => void]>([
    ['MLServer, which takes no bytes', replaying('mlserver-server-200')],
    ['a service that keeps its metadata to itself', response => void response.writeHead(404).end('{}')],
    ['a service whose metadata is something else', response => void response.end('<html>')],
  ])('sends it to %s, asking that once', async (_, metadata) => {
    const {url, sent} = await service(metadata, answering);
    const teacher = irisAt(url);
    expect(problemsIn([...(await teacher.ask(flowers)), ...(await teacher.ask(flowers))])).toEqual(
      Array(4).fill('none'),
    );
    expect(sent.map(({method}) => method)).toEqual(['GET', 'POST', 'POST']);
    expect(sent[1]!.headers['content-type']).toBe('application/json');
  });

  it('asks again about bytes if no reply came', async () => {
    const {url, sent} = await service(response => void response.destroy(), answering);
    const teacher = irisAt(url);
    await teacher.ask(flowers);
    await teacher.ask(flowers);
    expect(sent.map(({method}) => method)).toEqual(['GET', 'POST', 'GET', 'POST']);
  });

  it.each<[string, Partial<OpenInferenceOptions>, readonly Query[]]>([
    ['of texts', {}, [text('a'), text('b')]],
    ['where bytes are not wished for', {binary: false}, flowers],
  ])('does not ask about bytes %s', async (_, rest, queries) => {
    const {url, sent} = await service(replaying('triton-server-200'), answering);
    await irisAt(url, rest).ask(queries);
    expect(sent.map(({method}) => method)).toEqual(['POST']);
  });

  it('ends at once at an abort while it asks, and leaves others their answer', async () => {
    let held: ServerResponse | undefined;
    const {url} = await service(response => {
      held = response;
    }, answering);
    const teacher = irisAt(url);
    const controller = new AbortController();
    const reason = new Error('enough');
    const [aborted, other] = [teacher.ask(flowers, {signal: controller.signal}), teacher.ask(flowers)];
    await vi.waitFor(() => expect(held).toBeDefined(), {timeout: 10_000});
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    held!.end('{}');
    expect(problemsIn(await other)).toEqual(['none', 'none']);
  });
});

describe('openInference on bytes that are not what they say', () => {
  const read = (headers: Reply['headers'], body: Buffer) => {
    const teacher = irisAt('http://teacher.test');
    const reply = {
      status: 200,
      headers: {'content-type': 'application/octet-stream', ...headers},
      body: body.toString('base64'),
    };
    return teacher.service!.read(reply, 2, teacher.detail);
  };
  const whole = Buffer.from(String(recorded('triton-binary-200').response.body), 'base64');

  it.each<[string, string | undefined, Buffer, string]>([
    ['bytes that end early', '317', whole.subarray(0, -1), 'not one of the Open Inference Protocol'],
    ['a head that ends early', '300', whole, 'not JSON'],
    ['a head that ends nowhere', 'x', whole, 'not JSON'],
    ['a head that is not marked off', undefined, whole, 'not JSON'],
  ])('refuses %s', (_, size, body, problem) => {
    const readIt = () => read(size === undefined ? {} : {[HEAD_SIZE]: size}, body);
    expect(readIt).toThrow(TeacherError);
    expect(readIt).toThrow(problem);
  });

  it('refuses whatever else comes, as unreadable', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(400), (offset, byte, size) => {
        const body = Buffer.concat([whole.subarray(0, offset), Buffer.from([byte]), whole.subarray(offset + 1)]);
        try {
          read({[HEAD_SIZE]: String(offset % 2 ? 317 : size)}, body);
        } catch (error) {
          expect(error).toMatchObject({name: 'TeacherError', unreadable: true});
        }
      }),
    );
  });
});

describe('values as bytes', () => {
  interface Written {
    readonly given: readonly number[];
    readonly bytes: string;
    readonly held: readonly number[];
  }
  const path = new URL('../fixtures/open-inference/datatypes.json', import.meta.url);
  const datatypes = Object.entries(JSON.parse(readFileSync(path, 'utf8')) as Record<string, Written>);

  it.each(datatypes)('are for %s what numpy writes, and what it holds', (datatype, {given, bytes, held}) => {
    const isFloat = datatype.includes('F');
    const data = isFloat ? Float32Array.from(given) : Int32Array.from(given);
    const dtype = isFloat ? 'float32' : 'int32';
    const input = {kind: 'tensor', dtype, shape: [given.length], data} as const;
    // All of them can be in an input: none was cut when it became one.
    expect([...data]).toEqual(given);
    expect(encodeRaw([input], datatype).toString('base64')).toBe(bytes);
    expect(decodeRaw(Buffer.from(bytes, 'base64'), datatype)).toEqual(held);
  });

  it('are read from any offset, and not at all if they do not fit', () => {
    const bytes = Buffer.from([9, 0, 0, 128, 63, 1, 0, 0, 0, 97]);
    expect(decodeRaw(bytes.subarray(1, 5), 'FP32')).toEqual([1]);
    expect(decodeRaw(bytes.subarray(5), 'BYTES')).toEqual(['a']);
    expect([decodeRaw(bytes.subarray(1, 4), 'FP32'), decodeRaw(bytes, 'BYTES'), decodeRaw(bytes, 'FP8')]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('hold the infinite and NaN of halves', () => {
    const halves = decodeRaw(Buffer.from([0, 0x7c, 0, 0xfc, 1, 0x7c]), 'FP16');
    expect(halves).toEqual([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]);
    expect(decodeRaw(Buffer.from([0x80, 0x7f, 0xc0, 0x7f]), 'BF16')).toEqual([Number.POSITIVE_INFINITY, Number.NaN]);
  });

  it('fail a query alone whose values its datatype can not hold', async () => {
    const {url} = await triton();
    const problems = async (datatype: string, ...queries: Query[]) =>
      problemsIn(await irisAt(url, {input: {name: 'x', datatype}}).ask(queries));
    const problem = expect.stringContaining('An input holds values that INT64 can not. Check `input.datatype`.');
    expect(await problems('INT64', floats(1.5, 0, 0, 0), floats(1, 2, 3, 4), floats(1, 2, 3, -4))).toEqual([
      problem,
      'none',
      'none',
    ]);
    expect((await problems('FP16', floats(70_000), ...flowers))[0]).toContain('FP16 can not');
    expect((await problems('UINT8', floats(-1), ...flowers))[0]).toContain('UINT8 can not');
    expect((await problems('BYTES', floats(1), text('a'), text('b')))[0]).toContain('BYTES can not');
  });

  it('have a datatype of the protocol', () => {
    const make = () => irisAt('http://teacher.test', {input: {datatype: 'FLOAT32'}});
    expect(make).toThrow(InputError);
    expect(make).toThrow('`input` has no datatype FLOAT32. Use one of BOOL, UINT8,');
  });
});
