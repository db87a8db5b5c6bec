import {mkdtemp, rm} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {http} from '../../adapters/http.ts';
import {openai} from '../../adapters/openai.ts';
import {askAll} from '../../src/ask/batches.ts';
import {openAsking} from '../../src/index.ts';
import type {Teacher} from '../../src/teacher.ts';
import {text} from './replay.ts';

const classes = ['praise', 'complaint'];
const texts = Array.from({length: 30}, (_, index) => `text ${index}.`);

/** A service that refuses every request with one of these words, by a code that no adapter knows. */
let refused: readonly string[];
let status: number;
let requests: string[];
let server: Server;
let url: string;
let folder: string;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    requests.push(body);
    const isRefused = refused.some(word => body.includes(word));
    response.writeHead(isRefused ? status : 200, {'content-type': 'application/json'});
    const labels = [...body.matchAll(/text \d+\./g)].map(() => 'praise');
    const answer = {choices: [{message: {content: '{"label": "praise"}'}}], labels};
    response.end(JSON.stringify(isRefused ? {error: {code: 'moderation_blocked'}} : answer));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(() => new Promise(resolve => server.close(resolve)));

beforeEach(async () => {
  requests = [];
  folder = await mkdtemp(join(tmpdir(), 'limbeck-refused-texts-'));
});

afterEach(() => rm(folder, {recursive: true}));

const shared = {classes, concurrency: 16} as const;
const TEACHERS: Readonly<Record<string, () => Teacher>> = {
  openai: () => openai({...shared, url: `${url}/v1`, model: 'm', output: 'label'}),
  http: () => http({...shared, url, request: {inputs: '{texts}'}, output: {label: '/labels/*'}, maxBatch: 8}),
};

async function ask(teacher: Teacher) {
  const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
  try {
    return await askAll(asking.open(teacher).teacher, texts.map(text));
  } finally {
    await asking.close();
  }
}

describe.each(Object.keys(TEACHERS))('a service behind %s', name => {
  it.each([
    [400, ['text 0.']],
    [413, ['text 29.']],
    [422, ['text 13.']],
    [400, texts.filter((_, index) => index % 2 === 0)],
  ] satisfies [number, string[]][])('that refuses some texts with a %i leaves these out: %j', async (code, some) => {
    [refused, status] = [some, code];
    const outcomes = await ask(TEACHERS[name]!());
    expect(outcomes.map(outcome => 'error' in outcome)).toEqual(texts.map(one => some.includes(one)));
    const before = requests.length;
    expect((await ask(TEACHERS[name]!())).filter(outcome => 'answer' in outcome)).toHaveLength(30 - some.length);
    expect(requests).toHaveLength(before);
  });

  it('that refuses all stops the run after a handful of requests', async () => {
    [refused, status] = [['text'], 400];
    await expect(ask(TEACHERS[name]!())).rejects.toThrow(
      /It refused 5 different inputs and answered none.*\n {2}5 times: It answered 400 \(moderation_blocked\)/,
    );
    expect(requests.length).toBeLessThanOrEqual(10);
  });
});
