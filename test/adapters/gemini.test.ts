import {describe, expect, it} from 'vitest';
import {type GeminiOptions, gemini} from '../../adapters/gemini.ts';
import type {TopKAnswer} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {chatServer, type Protocol, tokensOf} from './chat-server.ts';
import {address, failureOf, floats, type Offline, offline, problemsIn, recordedFor, text} from './replay.ts';

const classes = ['positive', 'negative', 'neutral'];
const key = 'AIza-very-secret';
const review = text('great film but boring');
const path = '/v1beta/models/gemini-2.5-flash:generateContent';
const shared = {model: 'gemini-2.5-flash', classes, codes: 'names', key} as const;
const url = `${address}/v1beta`;

function black({dispatcher}: Offline, rest: Partial<GeminiOptions<'label'>> = {}) {
  return gemini({...shared, url, output: 'label', dispatcher, ...rest});
}

function gray({dispatcher}: Offline) {
  return gemini({...shared, url, output: 'log-probabilities', dispatcher});
}

/** A network that gives one reply. */
function answering(status: number, body: unknown): Offline {
  const network = offline();
  network.answer(path, status, body);
  return network;
}

const replyOf = (name: string) => recordedFor('gemini', name).response;

describe('gemini on recorded replies', () => {
  it.each(['llmock-enum-200', 'litellm-text-200'])('reads the label of %s', async name => {
    const network = answering(200, replyOf(name).body);
    expect(await black(network).ask([review])).toEqual([{answer: {kind: 'label', label: 0}}]);
    expect(network.sent[0]!.headers).toMatchObject({'x-goog-api-key': key});
    expect(network.sent[0]!.body).toMatchObject({
      contents: [{role: 'user', parts: [{text: 'great film but boring'}]}],
      generationConfig: {maxOutputTokens: 32, temperature: 0, responseMimeType: 'application/json'},
    });
  });

  it('says so if a model gives no log-probabilities though they were asked for', async () => {
    const network = answering(200, replyOf('litellm-text-200').body);
    expect(problemsIn(await gray(network).ask([review]))[0]).toContain('Its reply holds no log-probabilities.');
    expect(network.sent[0]!.body).toMatchObject({generationConfig: {responseLogprobs: true, logprobs: 20}});
  });

  it('reads log-probabilities in the documented form, tokens told apart by their ids', async () => {
    const chosen = {token: 'positive', tokenId: 30487, logProbability: -0.2};
    const others = [chosen, {token: 'negative', tokenId: 42653, logProbability: -2}, {tokenId: 0, logProbability: -4}];
    const logprobsResult = {chosenCandidates: [chosen], topCandidates: [{candidates: others}]};
    const content = {role: 'model', parts: [{text: 'positive'}]};
    const network = answering(200, {candidates: [{content, finishReason: 'STOP', logprobsResult}]});
    const [outcome] = await gray(network).ask([review]);
    const {classes: named, rest} = (outcome as {readonly answer: TopKAnswer}).answer;
    expect([...named]).toEqual([0, 1]);
    // The third token has no text: it ends the answer before a label is said.
    expect(rest).toBeCloseTo(1 - Math.exp(-0.2) - Math.exp(-2), 6);
  });

  it('leaves the thoughts of a model out of its answer, and counts their tokens', async () => {
    const content = {parts: [{text: 'negative? no', thought: true}, {text: '{"label":"positive"}'}]};
    const usageMetadata = {promptTokenCount: 7, candidatesTokenCount: 5, thoughtsTokenCount: 90};
    const body = {candidates: [{content, finishReason: 'STOP'}], usageMetadata, modelVersion: 'gemini-2.5-flash-001'};
    const teacher = black(answering(200, body));
    expect(await teacher.ask([review])).toEqual([{answer: {kind: 'label', label: 0}}]);
    expect(teacher.service?.receipt?.({status: 200, headers: {}, body: JSON.stringify(body)})).toEqual({
      model: 'gemini-2.5-flash-001',
      usage: {inputTokens: 7, outputTokens: 95},
    });
  });

  it.each([
    ['SAFETY', {candidates: [{finishReason: 'SAFETY'}]}, 'A content filter'],
    ['a blocked prompt', {promptFeedback: {blockReason: 'PROHIBITED_CONTENT'}}, 'A content filter'],
    ['MAX_TOKENS', {candidates: [{finishReason: 'MAX_TOKENS', content: {}}]}, 'Raise `maxTokens`'],
    ['no candidate', {usageMetadata: {}}, 'Its reply holds no candidate'],
  ])('says what %s means', async (_, body, message) => {
    expect(problemsIn(await black(answering(200, body)).ask([review]))[0]).toContain(message);
  });

  it.each([
    [400, 'INVALID_ARGUMENT', false, 'Fields of the request can be changed'],
    [400, 'FAILED_PRECONDITION', false, 'Set up billing'],
    [401, 'UNAUTHENTICATED', false, 'It refuses the key. Set GEMINI_API_KEY'],
    [403, 'PERMISSION_DENIED', false, 'The key may not use this.'],
    [404, 'NOT_FOUND', false, 'There is no such model.'],
    [429, 'RESOURCE_EXHAUSTED', true, 'It gets too many requests'],
    [500, 'INTERNAL', true, 'It failed.'],
    [503, 'UNAVAILABLE', true, 'It is overloaded.'],
    [504, 'DEADLINE_EXCEEDED', true, 'The service itself timed out.'],
  ])('answers %i (%s) with a message of its own', async (code, status, retryable, message) => {
    const network = answering(code, {error: {code, message: `not for ${key}`, status}});
    const error = await failureOf(black(network).ask([review]));
    expect(error).toMatchObject({status: code, retryable});
    expect(error.message).toContain(message);
    expect(error.message).not.toContain(key);
  });

  it('tells the pace how long to wait, which the service says in the body', async () => {
    const details = [{'@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '13.5s'}];
    const network = answering(429, {error: {code: 429, status: 'RESOURCE_EXHAUSTED', details}});
    const headers: unknown[] = [];
    const exchange = async (_: readonly number[], send: () => Promise<import('../../src/teacher.ts').Reply>) => {
      const reply = await send();
      headers.push(reply.headers['retry-after-ms']);
      return reply;
    };
    await black(network)
      .ask([review], {exchange})
      .catch(() => {});
    expect(headers).toEqual(['13500']);
  });

  it('goes to Vertex with a bearer token', async () => {
    const network = offline();
    const host = 'https://europe-west1-aiplatform.googleapis.com';
    const {dispatcher} = network;
    const seen: object[] = [];
    const body = JSON.stringify(replyOf('litellm-text-200').body);
    dispatcher
      .get(host)
      .intercept({
        path: '/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-flash:generateContent',
        method: 'POST',
      })
      .reply(({headers}) => {
        seen.push(headers as object);
        return {statusCode: 200, data: body};
      });
    await black(network, {url: `${host}/v1/projects/p/locations/l/publishers/google`}).ask([review]);
    expect(seen[0]).toMatchObject({authorization: `Bearer ${key}`});
  });

  it('merges what `parameters` say into the fields that it sends', () => {
    const parameters = {generationConfig: {thinkingConfig: {thinkingBudget: 0}, temperature: null}};
    const {request} = black(offline(), {parameters}).identity as {request: {generationConfig: object}};
    expect(request.generationConfig).toMatchObject({maxOutputTokens: 32, thinkingConfig: {thinkingBudget: 0}});
    expect(request.generationConfig).not.toHaveProperty('temperature');
  });
});

interface ContentBody {
  readonly contents: readonly {readonly parts: readonly {readonly text: string}[]}[];
  readonly generationConfig: {
    readonly responseLogprobs?: true;
    readonly responseJsonSchema?: {readonly properties: object};
  };
}

/** Replies as llmock's and LiteLLM's are, with the fields of the official client's types. */
const protocol: Protocol = {
  asked: ({contents}: ContentBody) => contents[0]!.parts[0]!.text,
  reply(opinion, {generationConfig}: ContentBody) {
    const tokens = tokensOf(opinion).map(({token, logprob}, tokenId) => ({token, tokenId, logProbability: logprob}));
    const {properties} = generationConfig.responseJsonSchema ?? {};
    const said = {label: opinion.label, ...(properties && 'confidence' in properties && {confidence: 70})};
    const text = properties ? JSON.stringify(said) : tokens[0]!.token;
    const logprobsResult = {chosenCandidates: [tokens[0]], topCandidates: [{candidates: tokens}]};
    return {
      candidates: [
        {
          content: {role: 'model', parts: [{text}]},
          finishReason: 'STOP',
          ...(generationConfig.responseLogprobs && {logprobsResult}),
        },
      ],
      usageMetadata: {promptTokenCount: 9, candidatesTokenCount: 1, totalTokenCount: 10},
    };
  },
};

describe.each(['label', 'confidence', 'log-probabilities'] as const)('gemini with %s', output => {
  testTeacher({
    it,
    teacher: async () => gemini({...shared, url: await chatServer(protocol), service: 'tiny', output}),
    queries: ['great cast', 'boring awful movie', 'a film'].map(text),
    badQuery: floats(1, 2),
    secret: key,
  });
});
