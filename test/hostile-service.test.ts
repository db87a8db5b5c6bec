import {afterEach, describe, expect, it} from 'vitest';
import {openInference} from '../adapters/open-inference.ts';
import type {Outcome, Query} from '../src/teacher.ts';
import {
  type FaultKind,
  type HostileOptions,
  type HostileService,
  inputName,
  PASSING_FAULTS,
  spawnHostileService,
  startHostileService,
  type Tally,
  tokensOf,
} from './hostile-service.ts';

const services: HostileService[] = [];
afterEach(() => Promise.all(services.splice(0).map(service => service.close())));

async function start(options: HostileOptions = {}, run = startHostileService): Promise<HostileService> {
  const service = await run(options);
  services.push(service);
  return service;
}

/** Posts a request about texts like a client that ignores faults. */
function post({url}: HostileService, texts: readonly string[], outputs = ['log_probabilities'], init?: RequestInit) {
  const body = {
    inputs: [{name: 'x', datatype: 'BYTES', shape: [texts.length, 1], data: texts}],
    outputs: outputs.map(name => ({name})),
  };
  return fetch(`${url}/v2/models/m/infer`, {method: 'POST', body: JSON.stringify(body), redirect: 'manual', ...init});
}

async function outputsOf(response: Response): Promise<readonly {name: string; shape: number[]; data: unknown[]}[]> {
  return ((await response.json()) as {outputs: {name: string; shape: number[]; data: unknown[]}[]}).outputs;
}

const teacherAt = (service: HostileService, rest: {readonly maxBatch?: number; readonly timeout?: number} = {}) =>
  openInference({
    url: service.url,
    model: 'm',
    classes: service.classes,
    output: {logProbabilities: 'log_probabilities'},
    concurrency: 8,
    // Long enough that a busy machine isn't mistaken for a stall.
    timeout: 3000,
    ...rest,
  });

const query = (text: string): Query => ({input: {kind: 'text', text}});

/** True if the input was paid for once, apart from spoilt replies, as every client can expect. */
const isPaidOnce = ({paid, spoilt}: Tally): boolean => paid - spoilt === 1;

describe('the hostile service without faults', () => {
  it('answers an input by its content, in any process', async () => {
    const here = await start();
    const there = await start({}, spawnHostileService);
    const names = ['logits', 'log_probabilities', 'probabilities', 'label', 'class'];
    const texts = ['a', 'b', 'a'];
    const [one, two] = await Promise.all(
      [here, there].map(async service => outputsOf(await post(service, texts, names))),
    );
    expect(two).toEqual(one);
    const [logits, logs, probabilities, labels, names_] = one!;
    expect(logits!.shape).toEqual([3, 10]);
    expect(logits!.data.slice(0, 10)).toEqual(logits!.data.slice(20));
    expect(logits!.data.slice(0, 10)).not.toEqual(logits!.data.slice(10, 20));
    const first = logits!.data.slice(0, 10) as number[];
    expect(labels!.data[0]).toBe(first.indexOf(Math.max(...first)));
    expect(names_!.data[0]).toBe(here.classes[labels!.data[0] as number]);
    const sum = (values: unknown[]) => (values as number[]).slice(0, 10).reduce((total, value) => total + value, 0);
    expect(sum(probabilities!.data)).toBeCloseTo(1, 12);
    expect(sum((logs!.data as number[]).map(Math.exp))).toBeCloseTo(1, 12);
    expect((await there.stats()).inputs).toEqual((await here.stats()).inputs);
  });

  it('counts payments by input', async () => {
    const service = await start();
    const pixels: Query = {input: {kind: 'tensor', dtype: 'uint8', shape: [2], data: Uint8Array.of(7, 8)}};
    const teacher = teacherAt(service);
    await teacher.ask([query('a'), pixels]);
    await teacher.ask([query('a'), query('b')]);
    const once = {asked: 1, paid: 1, spoilt: 0, doubtful: 0, faults: 0};
    const {inputs, requests} = await service.stats();
    expect(inputs).toEqual({a: {...once, asked: 2, paid: 2}, [inputName(Uint8Array.of(7, 8))]: once, b: once});
    expect(requests).toBe(3);
  });

  it('asks for its key', async () => {
    const service = await start({key: 'sk-one'});
    const headers = {authorization: 'Bearer sk-one'};
    expect([(await post(service, ['a'])).status, (await post(service, ['a'], undefined, {headers})).status]).toEqual([
      401, 200,
    ]);
    expect(await service.stats()).toMatchObject({unauthorized: 1, inputs: {a: {asked: 1, paid: 1}}});
  });

  it('keeps its limit of requests, and reports it', async () => {
    const service = await start({requestsPerMinute: 3});
    const replies = [];
    for (const text of ['a', 'b', 'c', 'd']) replies.push(await post(service, [text]));
    expect(replies.map(({status}) => status)).toEqual([200, 200, 200, 429]);
    expect(replies.map(({headers}) => headers.get('x-ratelimit-remaining-requests'))).toEqual(['2', '1', '0', '0']);
    expect(replies[2]!.headers.get('x-ratelimit-reset-requests')).toMatch(/^(1m0s|5\d\.\d+s)$/);
    expect(Number(replies[3]!.headers.get('retry-after'))).toBeGreaterThanOrEqual(15);
    expect(await service.stats()).toMatchObject({limited: 1, requests: 4});
  });

  it('keeps its limit of tokens, which fills up again', async () => {
    const cost = tokensOf(['a'.repeat(100)]);
    const service = await start({tokensPerMinute: 60_000});
    expect(cost).toBe(26);
    const many = new Array(Math.floor(60_000 / cost)).fill('a'.repeat(100));
    expect((await post(service, many)).status).toBe(200);
    expect((await post(service, many)).status).toBe(429);
    await expect.poll(async () => (await post(service, ['a'.repeat(100)])).status).toBe(200);
  });
});

const FAULTY: readonly [FaultKind, (service: HostileService) => Promise<unknown>, unknown][] = [
  ['429', async service => [...read(await post(service, ['a', 'b']), 'retry-after')], [429, '1']],
  ['429-silent', async service => [...read(await post(service, ['a', 'b']), 'retry-after')], [429, null]],
  ['429-quota', async service => (await post(service, ['a', 'b'])).json(), {error: {code: 'insufficient_quota'}}],
  ['500', async service => (await post(service, ['a', 'b'])).status, 500],
  ['503', async service => [...read(await post(service, ['a', 'b']), 'retry-after')], [503, '1']],
  ['529', async service => (await post(service, ['a', 'b'])).status, 529],
  [
    'redirect',
    async service => [...read(await post(service, ['a', 'b']), 'location')],
    [307, expect.stringMatching(/^http:\/\/localhost:\d+\/elsewhere$/)],
  ],
  [
    'stall',
    service => failureOf(post(service, ['a', 'b'], undefined, {signal: AbortSignal.timeout(500)})),
    'TimeoutError',
  ],
  ['reset-before', service => failureOf(post(service, ['a', 'b'])), 'TypeError'],
  ['reset-during', async service => failureOf((await post(service, ['a', 'b'])).text()), 'TypeError'],
  ['truncated-json', async service => failureOf((await post(service, ['a', 'b'])).json()), 'SyntaxError'],
  ['invalid-json', async service => failureOf((await post(service, ['a', 'b'])).json()), 'SyntaxError'],
  [
    'wrong-label',
    async service =>
      (await outputsOf(await post(service, ['a', 'b'], ['label'])))[0]!.data.filter(label => label === -1),
    [-1],
  ],
  ['missing', async service => (await outputsOf(await post(service, ['a', 'b'])))[0]!.shape, [1, 10]],
  ['duplicated', async service => (await outputsOf(await post(service, ['a', 'b'])))[0]!.shape, [3, 10]],
  [
    'reordered',
    async service => (await outputsOf(await post(service, ['a', 'b'], ['label', 'logits']))).map(({name}) => name),
    ['extra', 'logits', 'label'],
  ],
  ['drip', async service => (await outputsOf(await post(service, ['a', 'b'])))[0]!.shape, [2, 10]],
  ['reset-after', async service => (await outputsOf(await post(service, ['a', 'b'])))[0]!.shape, [2, 10]],
  ['huge', async service => (await (await post(service, ['a', 'b'])).arrayBuffer()).byteLength, 50 * 2 ** 20],
  ['gzip-lie', async service => failureOf((await post(service, ['a', 'b'])).text()), 'TypeError'],
];

const read = ({status, headers}: Response, header: string): readonly unknown[] => [status, headers.get(header)];

const failureOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'none',
    (error: Error) => error.name,
  );

describe('the hostile service', () => {
  it('has a test of every passing fault', () => {
    expect(FAULTY.map(([kind]) => kind)).toEqual(expect.arrayContaining([...PASSING_FAULTS]));
  });

  it.each(FAULTY)('plays %s, and books it', async (kind, ask, seen) => {
    const service = await start({rate: 1, faults: [kind]});
    expect(await ask(service)).toEqual(seen);
    const {faults, inputs, strays} = await service.stats();
    expect({faults, strays}).toEqual({faults: {[kind]: 1}, strays: 0});
    expect({...inputs['a'], ...inputs['b']}).toMatchObject({asked: 1});
    expect(Object.values(inputs).some(tally => tally.faults === 1)).toBe(true);
    // The input has met its one fault.
    expect((await post(service, ['a', 'b'])).status).toBe(200);
  });

  it('notices a client that follows a redirect', async () => {
    const service = await start({rate: 1, faults: ['redirect']});
    await post(service, ['a'], undefined, {redirect: 'follow'}).catch(() => {});
    expect((await service.stats()).strays).toBe(1);
  });

  it('meets a client with the same faults in the same order, by its seed', async () => {
    const statuses = async (seed: number) => {
      const service = await start({seed, rate: 0.5, faults: ['429', '500', '503'], retryAfter: 0.25});
      const replies = [];
      for (let text = 0; text < 40; text++) replies.push((await post(service, [String(text)])).status);
      return replies;
    };
    const first = await statuses(1);
    expect(await statuses(1)).toEqual(first);
    expect(await statuses(2)).not.toEqual(first);
    expect(new Set(first)).toEqual(new Set([200, 429, 500, 503]));
  });

  it('is paid once for every input by a client that asks again after a lost reply', async () => {
    const service = await start({rate: 0.5, retryAfter: 0.01});
    const teacher = teacherAt(service, {maxBatch: 3});
    const texts = Array.from({length: 600}, (_, index) => `text ${index}`);
    const askAll = async (asked: readonly string[]): Promise<void> => {
      const outcomes: readonly Outcome[] = await teacher
        .ask(asked.map(query))
        .catch(error => asked.map(() => ({error})));
      const failed = asked.filter((_, position) => 'error' in outcomes[position]!);
      if (failed.length > 0) await askAll(failed);
    };
    const batches = Array.from({length: 200}, (_, index) => texts.slice(index * 3, index * 3 + 3));
    await Promise.all(
      Array.from({length: 8}, async () => {
        for (let batch = batches.pop(); batch; batch = batches.pop()) await askAll(batch);
      }),
    );
    const {inputs, faults, strays} = await service.stats();
    expect(Object.keys(faults).length).toBeGreaterThan(15);
    expect(strays).toBe(0);
    expect(Object.keys(inputs)).toHaveLength(600);
    expect(Object.entries(inputs).filter(([, tally]) => !isPaidOnce(tally))).toEqual([]);
    expect(Math.max(...Object.values(inputs).map(tally => tally.faults))).toBe(1);
  });

  it('counts the inputs of a client that goes away as in doubt', async () => {
    const service = await start({delay: 500});
    const gone = new AbortController();
    const asked = expect(post(service, ['a'], undefined, {signal: gone.signal})).rejects.toThrow();
    const tally = async () => (await service.stats()).inputs['a'];
    await expect.poll(tally).toMatchObject({asked: 1});
    gone.abort();
    await asked;
    await expect.poll(tally).toEqual({asked: 1, paid: 0, spoilt: 0, doubtful: 1, faults: 0});
  });

  it('counts how many requests are under way', async () => {
    const service = await start({delay: 30});
    await Promise.all(['a', 'b', 'c'].map(text => post(service, [text])));
    expect((await service.stats()).mostAtOnce).toBe(3);
  });
});
