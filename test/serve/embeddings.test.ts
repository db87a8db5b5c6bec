import {describe, expect, it} from 'vitest';
import {embeddings} from '../../adapters/embeddings.ts';
import {loadPeer} from '../../src/peer.ts';
import type {ServeOptions} from '../../src/serve/server.ts';
import type {Outcome, Teacher} from '../../src/teacher.ts';
import {peerOrSkip} from '../adapters/peer.ts';
import {metric, post, services, student, textOf} from './services.ts';

const start = services();

/** A text of n letters has the vector (n, 1, −1, 0), whose length is not 1. */
const vectorOf = (text: string): Float32Array => Float32Array.of(text.length, 1, -1, 0);
const model: Teacher<'gray-box'> = {
  name: 'letters',
  identity: {adapter: 'letters'},
  access: 'gray-box',
  classes: [],
  detail: {kind: 'vector'},
  maxBatch: 4,
  ask: async queries =>
    queries.map((query): Outcome<'gray-box'> => {
      const text = textOf(query);
      if (text === 'unanswerable') return {error: new Error('a secret of the house')};
      return {answer: {kind: 'vector', values: vectorOf(text)}};
    }),
};
const unit = (values: readonly number[]): number[] => values.map(value => value / Math.hypot(...values));
const serve = (options: Partial<ServeOptions> = {}) => start({model: 'letters', ...options}, model);

interface Listed {
  readonly data: readonly {readonly embedding: never}[];
}

describe('POST /v1/embeddings', () => {
  it('gives a vector of length 1 of each text, whatever model is asked for', async () => {
    const service = await serve();
    const {status, body} = await post(service, '/v1/embeddings', {
      model: 'text-embedding-3-small',
      input: ['ab', 'abcdef'],
    });
    expect(status).toBe(200);
    const near = (values: readonly number[]) => unit(values).map(value => expect.closeTo(value, 6));
    expect(body).toEqual({
      object: 'list',
      data: [
        {object: 'embedding', index: 0, embedding: near([2, 1, -1, 0])},
        {object: 'embedding', index: 1, embedding: near([6, 1, -1, 0])},
      ],
      model: 'letters',
      usage: {prompt_tokens: 3, total_tokens: 3},
    });
    expect((await post(service, '/v1/embeddings', {input: 'ab'})).body).toMatchObject({
      data: [{embedding: near([2, 1, -1, 0])}],
    });
    expect(await (await fetch(`${service.url}/v1/models`)).json()).toMatchObject({data: [{id: 'letters'}]});
    expect(service.tally.answered).toBe(3);
    expect(await metric(service, `limbeck_requests_total{route="/v1/embeddings",status="200"}`)).toBe(2);
  });

  it('cuts vectors to `dimensions`, and packs them in base64', async () => {
    const service = await serve();
    const ask = async (rest: object) =>
      ((await post(service, '/v1/embeddings', {input: 'abc', ...rest})).body as Listed).data[0]!.embedding;
    const cut: number[] = await ask({dimensions: 2});
    expect(cut).toHaveLength(2);
    for (const [at, value] of unit([3, 1]).entries()) expect(cut[at]).toBeCloseTo(value, 6);
    const bytes = Uint8Array.from(Buffer.from(await ask({encoding_format: 'base64', dimensions: 2}), 'base64'));
    expect([...new Float32Array(bytes.buffer)]).toEqual(cut.map(Math.fround));
  });

  it.each<[object, string]>([
    [{}, 'input'],
    [{input: null}, 'not a text'],
    [{input: []}, 'one text at least'],
    [{input: [1, 2]}, 'takes texts, not tokens'],
    [{input: [[1, 2]]}, 'takes texts, not tokens'],
    [{input: 'a', dimensions: 5}, 'The vectors have 4 dimensions'],
    [{input: 'a', dimensions: 0}, 'dimensions'],
    [{input: 'a', encoding_format: 'int8'}, 'encoding_format'],
    [{input: ['a', 'unanswerable']}, "can't answer input 1"],
  ])('refuses %j', async (body, problem) => {
    const reply = await post(await serve(), '/v1/embeddings', body);
    expect(reply.status).toBe(400);
    expect((reply.body as {readonly error: {readonly message: string}}).error.message).toContain(problem);
  });

  it('keeps the limit of inputs, and has no routes of classes', async () => {
    const service = await serve({maxInputs: 2});
    expect((await post(service, '/v1/embeddings', {input: ['a', 'b', 'c']})).status).toBe(413);
    expect((await post(service, '/classify', {text: 'a'})).status).toBe(404);
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
  });

  it('is asked by limbeck as any embedding model', async () => {
    const {url} = await serve();
    const teacher = embeddings({url: `${url}/v1`, model: 'letters', dimensions: 4});
    const [outcome] = await teacher.ask([{input: {kind: 'text', text: 'abcd'}}]);
    const {values} = (outcome as {readonly answer: {readonly values: Float32Array}}).answer;
    for (const [at, value] of unit([4, 1, -1, 0]).entries()) expect(values[at]).toBeCloseTo(value, 6);
  });

  it('is refused with what is of classes', async () => {
    await expect(serve({access: 'black-box'})).rejects.toThrow('can show nothing else');
    await expect(serve({detail: {kind: 'label'}})).rejects.toThrow('can show nothing else');
    await expect(serve({cascade: {teacher: student}})).rejects.toThrow('no confidence');
    const other = {teacher: model, model: 'other', version: '1'};
    await expect(start({others: [other]})).rejects.toThrow('`other` in a process of its own');
  });
});

interface ClientModule {
  readonly OpenAI: new (
    options: object,
  ) => {
    readonly embeddings: {create(body: object): Promise<{readonly data: readonly {readonly embedding: number[]}[]}>};
  };
}

const lack = await peerOrSkip('openai');

describe.skipIf(lack !== undefined)(`OpenAI’s own client${lack === undefined ? '' : ` (skipped: ${lack})`}`, () => {
  it('reads the vectors, which it asks for in base64', async () => {
    const {OpenAI} = await loadPeer<ClientModule>('openai', 'This test');
    const {url} = await serve();
    const client = new OpenAI({baseURL: `${url}/v1`, apiKey: 'none'});
    const {data} = await client.embeddings.create({model: 'letters', input: ['abcd'], dimensions: 2});
    expect(data[0]!.embedding).toHaveLength(2);
    for (const [at, value] of unit([4, 1]).entries()) expect(data[0]!.embedding[at]).toBeCloseTo(value, 6);
  });
});
