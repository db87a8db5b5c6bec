import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {type EmbeddingsOptions, embeddings} from '../../adapters/embeddings.ts';
import {http} from '../../adapters/http.ts';
import {openAsking} from '../../src/ask/asking.ts';
import {askAll} from '../../src/ask/batches.ts';
import {collect} from '../../src/ask/collect.ts';
import {InputError} from '../../src/errors.ts';
import type {VectorAnswers} from '../../src/knowledge/answers.ts';
import {loadKnowledge, saveKnowledge} from '../../src/knowledge/files.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import type {Query} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {jsonServer} from './json-server.ts';
import {failureOf, floats, halving, offline, problemsIn, text} from './replay.ts';

const key = 'sk-very-secret';

/** A made-up model's vector of a text, each number exact in float32. */
function vectorOf(of: string, dimensions = 4): number[] {
  return Array.from({length: dimensions}, (_, index) => ((of.length * (index + 3)) % 7) / 4 - 0.5);
}

const base64Of = (vector: readonly number[]) => Buffer.from(Float32Array.from(vector).buffer).toString('base64');

interface Body {
  readonly input?: readonly string[];
  readonly inputs?: readonly string[];
  readonly texts?: readonly string[];
  readonly requests?: readonly {readonly content: {readonly parts: readonly {readonly text: string}[]}}[];
  readonly dimensions?: number;
  readonly encoding_format?: string;
}

/** Each service's reply to a body. */
const REPLIES: Readonly<Record<NonNullable<EmbeddingsOptions['api']>, (body: Body) => unknown>> = {
  openai: ({input = [], dimensions, encoding_format: format}) => ({
    object: 'list',
    data: input.map((each, index) => {
      const vector = vectorOf(each, dimensions);
      return {object: 'embedding', index, embedding: format === 'base64' ? base64Of(vector) : vector};
    }),
    model: 'm-2026',
    usage: {prompt_tokens: 2 * input.length, total_tokens: 2 * input.length},
  }),
  'text-embeddings-inference': ({inputs = []}) => inputs.map(each => vectorOf(each)),
  cohere: ({texts = []}) => ({
    id: '1',
    embeddings: {float: texts.map(each => vectorOf(each))},
    texts,
    meta: {api_version: {version: '2'}, billed_units: {input_tokens: 3 * texts.length}},
  }),
  gemini: ({requests = []}) => ({
    embeddings: requests.map(({content}) => ({values: vectorOf(content.parts[0]!.text)})),
  }),
};

const APIS = Object.keys(REPLIES) as NonNullable<EmbeddingsOptions['api']>[];

describe('embeddings', () => {
  const urls = new Map<string, string>();
  const bodies: Body[] = [];
  beforeAll(async () => {
    for (const api of APIS) {
      const answer = (body: Body) => {
        bodies.push(body);
        return {body: REPLIES[api](body)};
      };
      urls.set(api, await jsonServer(answer as never));
    }
  });
  beforeEach(() => {
    bodies.length = 0;
  });
  const made = (api: NonNullable<EmbeddingsOptions['api']>, options: EmbeddingsOptions = {}) =>
    embeddings({api, model: 'm', url: urls.get(api)!, key, ...options});

  describe.each(APIS)('of %s', api => {
    testTeacher({
      it,
      teacher: () => made(api),
      queries: ['one', 'three', 'a'].map(text),
      badQuery: floats(1),
      secret: key,
    });

    it('gives the vector of each text, all in one request', async () => {
      const outcomes = await made(api).ask(['one', 'three', 'a'].map(text));
      expect(outcomes).toEqual(
        ['one', 'three', 'a'].map(of => ({answer: {kind: 'vector', values: Float32Array.from(vectorOf(of))}})),
      );
      expect(bodies).toHaveLength(1);
    });
  });

  it.each<[EmbeddingsOptions & {readonly api: (typeof APIS)[number]}, string, object]>([
    [
      {api: 'openai', model: 'm', dimensions: 2},
      '/v1/embeddings',
      {model: 'm', input: ['a'], encoding_format: 'base64', dimensions: 2},
    ],
    [
      {api: 'cohere', model: 'm', dimensions: 4},
      '/v2/embed',
      {
        ...{model: 'm', texts: ['a'], input_type: 'search_document', embedding_types: ['float']},
        ...{truncate: 'NONE', output_dimension: 4},
      },
    ],
    [
      {api: 'gemini', model: 'm', task: 'SEMANTIC_SIMILARITY'},
      '/v1beta/models/m:batchEmbedContents',
      {requests: [{model: 'models/m', content: {parts: [{text: 'a'}]}, taskType: 'SEMANTIC_SIMILARITY'}]},
    ],
    [
      {api: 'text-embeddings-inference', url: 'http://tei.test', parameters: {normalize: false}},
      '/embed',
      {inputs: ['a'], normalize: false},
    ],
  ])('sends to %o what the service documents', async (options, path, body) => {
    const own = {openai: 'https://api.openai.com', cohere: 'https://api.cohere.com'} as Record<string, string>;
    const google = 'https://generativelanguage.googleapis.com';
    const {dispatcher, sent, answer} = offline(options.url ?? own[options.api] ?? google);
    answer(path, 200, REPLIES[options.api](body));
    const [outcome] = await embeddings({...options, dispatcher, key}).ask([text('a')]);
    expect(outcome).toMatchObject({answer: {kind: 'vector'}});
    expect(sent[0]).toMatchObject({path, body});
    const header = options.api === 'gemini' ? {'x-goog-api-key': key} : {authorization: `Bearer ${key}`};
    expect(sent[0]!.headers).toMatchObject(header);
  });

  it('reads numbers and base64 alike, whatever was asked for', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.float({noNaN: true, noDefaultInfinity: true}), {minLength: 1}), async vector => {
        const [plain, packed] = await Promise.all(
          [vector, base64Of(vector)].map(async embedding => {
            const {dispatcher, answer} = offline();
            answer('/embeddings', 200, {data: [{embedding}]});
            const [outcome] = await embeddings({model: 'm', url: 'http://teacher.test:8080', dispatcher}).ask([
              text('a'),
            ]);
            return outcome;
          }),
        );
        expect(packed).toEqual({answer: {kind: 'vector', values: Float32Array.from(vector)}});
        // JSON has no negative zero.
        expect(plain).toEqual({answer: {kind: 'vector', values: Float32Array.from(vector, value => value + 0)}});
      }),
      {numRuns: 30},
    );
  });

  describe('a reply with the index of each vector', () => {
    const ask = (indices: readonly unknown[]) => {
      const {dispatcher, answer} = offline();
      const data = indices.map(index => ({...(index !== undefined && {index}), embedding: [Number(index ?? 9), 1]}));
      answer('/embeddings', 200, {data});
      const teacher = embeddings({model: 'm', url: 'http://teacher.test:8080', dispatcher});
      return teacher.ask(indices.map((_, row) => text(`text ${row}`)));
    };

    it('is put in the order of the texts', async () => {
      const outcomes = await ask([2, 0, 3, 1]);
      expect(outcomes).toEqual([0, 1, 2, 3].map(row => ({answer: {kind: 'vector', values: Float32Array.of(row, 1)}})));
    });

    it.each<[readonly unknown[], string]>([
      [[2, undefined, 0], 'has 2 indices at `/data/*/index` for 3 answers'],
      [[1, 0, 1], 'has the index 1 more than once'],
      [[0, 1, 3], 'has the index 3 at `/data/*/index`, and those of the queries go from 0 to 2'],
      [[-1, 1, 0], 'has the index -1'],
      [[0.5, 1, 0], 'has the index 0.5'],
      [[1, '0', 2], 'an index that is no number'],
      [[1, null, 2], 'an index that is no number'],
    ])('is an error with the indices %j', async (indices, problem) => {
      const error = await failureOf(ask(indices));
      expect(error).toMatchObject({name: 'TeacherError', status: 200, unreadable: true});
      expect(error.message).toContain(`embeddings m at http://teacher.test:8080`);
      expect(error.message).toContain(problem);
    });
  });

  it('refuses a vector of another length than was asked for, one that is empty, and one that is none', async () => {
    const problems = await Promise.all(
      [[1, 2, 3], [], ['x'], ['1', '2'], [null, 1], [1, 1e39], 'abc', 'out of memory', null].map(async embedding => {
        const {dispatcher, answer} = offline();
        answer('/embeddings', 200, {data: [{embedding}]});
        const asked = embeddings({model: 'm', url: 'http://teacher.test:8080', dimensions: 2, dispatcher});
        return (await failureOf(asked.ask([text('a')]))).message;
      }),
    );
    expect(problems[0]).toContain('a vector of 3 numbers, not of 2');
    for (const problem of problems.slice(1)) expect(problem).toContain('no list of finite numbers');
  });

  it('asks without the text that is refused, and fails that alone', async () => {
    const url = await jsonServer((body: Body) =>
      body.input!.some(each => each.length > 10)
        ? {status: 400, body: {error: {message: "This model's maximum context length is 8192 tokens", type: 'x'}}}
        : {body: REPLIES.openai(body)},
    );
    const outcomes = await halving(embeddings({model: 'm', url})).ask(['a', 'a'.repeat(11), 'b', 'c'].map(text));
    expect(problemsIn(outcomes).map(problem => problem === 'none')).toEqual([true, false, true, true]);
  });

  it('keeps answers apart by what can change them', () => {
    const identityOf = (rest: EmbeddingsOptions) => JSON.stringify(embeddings({model: 'm', ...rest}).identity);
    const cohere = {api: 'cohere'} as const;
    const identities = [{}, {model: 'n'}, {dimensions: 2}, {parameters: {user: 'x'}}, cohere, {...cohere, task: 'x'}];
    expect(new Set(identities.map(identityOf)).size).toBe(6);
    const own = (model: string) => identityOf({api: 'text-embeddings-inference', url: 'http://tei.test', model});
    expect(own('a')).not.toBe(own('b'));
    expect(identityOf({timeout: 5, concurrency: 2, maxBatch: 4, key})).toBe(identityOf({}));
  });

  it.each<[EmbeddingsOptions, string]>([
    [{}, 'needs `model`'],
    [{api: 'text-embeddings-inference'}, 'needs `url`'],
    [{model: 'm', task: 'x'}, 'has no `task`'],
    [{api: 'cohere', model: 'm', maxBatch: 97}, 'at most 96'],
    [{model: 'm', dimensions: 0}, 'a whole number above 0'],
  ])('refuses %o', (options, problem) => {
    expect(() => embeddings(options)).toThrow(InputError);
    expect(() => embeddings(options)).toThrow(problem);
  });

  it('reads the vectors of any other service by a pointer', async () => {
    const url = await jsonServer((body: Body) => ({body: {rows: body.texts!.map(each => ({v: vectorOf(each)}))}}));
    const teacher = http({url, request: {texts: '{texts}'}, output: {vector: '/rows/*/v', dimensions: 4}});
    const [outcome] = await teacher.ask([text('abc')]);
    expect(outcome).toEqual({answer: {kind: 'vector', values: Float32Array.from(vectorOf('abc'))}});
    const withClasses = {url, request: {texts: '{texts}'}, classes: ['a', 'b'], output: {vector: '/v'}} as const;
    expect(() => http(withClasses)).toThrow('A vector is of no class');
  });

  describe('behind the layers', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'limbeck-embeddings-'));
    });
    afterAll(() => rm(folder, {recursive: true}));
    const texts = Array.from({length: 250}, (_, index) => `text ${index}${'.'.repeat(index % 5)}`);
    const queries = texts.map((each): Query => text(each));
    const paths = (name: string) => ({cache: join(folder, name, 'answers'), journal: join(folder, name, 'journal')});

    it('pays for each text once, in batches, and keeps its vectors as knowledge that is read back', async () => {
      const price = {perMillionInputTokens: 1e6};
      const ask = async () => {
        const asking = await openAsking(paths('once'));
        const {teacher, ledger} = asking.open(made('openai', {price}));
        const set = {role: 'transfer', inputs: {kind: 'text', count: texts.length, texts}} as const;
        const knowledge = await collect(teacher, set);
        const {calls, usd} = ledger.snapshot();
        await asking.close();
        return {knowledge, calls, usd};
      };
      const {knowledge, calls, usd} = await ask();
      expect({calls, usd}).toEqual({calls: 3, usd: 500});
      const answers = knowledge.answers as VectorAnswers;
      expect(answers).toMatchObject({kind: 'vector', count: 250, dimensions: 4});
      expect([...answers.vectors]).toEqual(texts.flatMap(each => vectorOf(each)));
      const again = await ask();
      expect([again.calls, again.knowledge]).toEqual([0, knowledge]);
      const file = join(folder, 'vectors.safetensors');
      await saveKnowledge(file, knowledge);
      expect(await loadKnowledge(file)).toEqual(knowledge);
      const stored = await openKnowledge(file);
      const [first, last] = [answers.vectors.slice(0, 4), answers.vectors.slice(-4)];
      expect((await stored.readAnswers([249, 0])) as VectorAnswers).toMatchObject({
        vectors: Float32Array.of(...last, ...first),
      });
      await stored.close();
    });

    it('stops before a request could pass the budget', async () => {
      const asking = await openAsking({...paths('budget'), budget: [{usd: 0.02}], onNote: () => {}});
      const {teacher} = asking.open(made('openai', {price: {perMillionInputTokens: 100}, maxBatch: 10}));
      const outcomes = await askAll(teacher, queries);
      const answered = outcomes.filter(outcome => 'answer' in outcome).length;
      expect(asking.spent.usd).toBeLessThanOrEqual(0.02);
      expect(answered).toBeGreaterThan(0);
      expect(answered).toBeLessThan(250);
      expect(bodies.length).toBeLessThanOrEqual(25);
      await asking.close();
    });
  });
});
