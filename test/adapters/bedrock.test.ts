import {describe, expect, it} from 'vitest';
import {type BedrockOptions, bedrock} from '../../adapters/bedrock.ts';
import {predicate} from '../../src/questions.ts';
import type {Query} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {chatServer, type Protocol} from './chat-server.ts';
import {address, failureOf, floats, type Offline, offline, problemsIn, text} from './replay.ts';

const classes = ['positive', 'negative', 'neutral'];
const secretAccessKey = 'wJalr-very-secret';
const credentials = {accessKeyId: 'AKIDEXAMPLE', secretAccessKey};
const model = 'anthropic.claude-haiku-4-5-v1:0';
const path = '/model/anthropic.claude-haiku-4-5-v1%3A0/converse';
const shared = {model, classes, region: 'eu-central-1', credentials, output: 'label'} as const;
const review = text('great film but boring');

function teacherOn({dispatcher}: Offline, rest: Partial<BedrockOptions<'label'>> = {}) {
  return bedrock({...shared, url: address, dispatcher, ...rest});
}

function answering(status: number, body: unknown, headers?: Readonly<Record<string, string>>): Offline {
  const network = offline();
  network.answer(path, status, body, headers);
  return network;
}

const reply = (text: string, stopReason = 'end_turn') => ({
  output: {message: {role: 'assistant', content: [{text}]}},
  stopReason,
  usage: {inputTokens: 12, outputTokens: 3, totalTokens: 15},
});

describe('bedrock', () => {
  it('sends what the official client sends, signed, and reads the label', async () => {
    const network = answering(200, reply('Positive.'));
    expect(await teacherOn(network).ask([review])).toEqual([{answer: {kind: 'label', label: 0}}]);
    const {body, headers} = network.sent[0]!;
    expect((headers as Record<string, string>)['authorization']).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/bedrock\/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$/,
    );
    expect(body).toEqual({
      messages: [{role: 'user', content: [{text: 'great film but boring'}]}],
      system: [{text: expect.stringContaining('Sort the text')}],
      inferenceConfig: {maxTokens: 32, temperature: 0},
    });
  });

  it('sends the schema as the text that Converse wants, if it is wished for', async () => {
    const network = answering(200, reply('{"label": "neutral"}'));
    expect(await teacherOn(network, {structured: true}).ask([review])).toEqual([{answer: {kind: 'label', label: 2}}]);
    const {outputConfig} = network.sent[0]!.body as {
      outputConfig: {textFormat: {type: string; structure: {jsonSchema: {schema: string}}}};
    };
    expect(outputConfig.textFormat.type).toBe('json_schema');
    expect(JSON.parse(outputConfig.textFormat.structure.jsonSchema.schema)).toMatchObject({
      properties: {label: {enum: classes}},
    });
  });

  it('sends a schema with questions unless `structured` says no, and without questions only if it says so', async () => {
    const late = predicate('late', 'Is it late?');
    const sent = async (options: object, query: Query) => {
      const network = answering(200, reply('{"q1": "no"}'));
      await bedrock({...shared, url: address, dispatcher: network.dispatcher, ...options}).ask([query]);
      return Object.keys(network.sent[0]!.body as object).includes('outputConfig');
    };
    const asked = {classes: undefined, questions: [late]};
    const query = {...review, question: late};
    expect(await sent(asked, query)).toBe(true);
    expect(await sent({...asked, structured: false}, query)).toBe(false);
    expect(await sent({pack: 4}, review)).toBe(false);
  });

  it('sends a key of its own as it is', async () => {
    const network = answering(200, reply('neutral'));
    await teacherOn(network, {key: 'bedrock-key'}).ask([review]);
    expect(network.sent[0]!.headers).toMatchObject({authorization: 'Bearer bedrock-key'});
  });

  it('counts tokens', () => {
    const body = JSON.stringify(reply('neutral'));
    const receipt = teacherOn(offline()).service?.receipt?.({status: 200, headers: {}, body});
    expect(receipt).toEqual({usage: {inputTokens: 12, outputTokens: 3}});
  });

  it.each([
    ['guardrail_intervened', 'A content filter'],
    ['max_tokens', 'Raise `maxTokens`'],
  ])('says what %s means', async (stopReason, message) => {
    const network = answering(200, reply('', stopReason));
    expect(problemsIn(await teacherOn(network).ask([review]))[0]).toContain(message);
  });

  it.each([
    [400, 'ValidationException', false, 'Fields of the request can be changed'],
    [400, 'ServiceQuotaExceededException', false, 'A quota of the account is used up.'],
    [403, 'AccessDeniedException', false, 'The credentials may not ask it.'],
    [403, 'ExpiredTokenException', false, 'The credentials have expired.'],
    [404, 'ResourceNotFoundException', false, 'There is no such model in this region.'],
    [408, 'ModelTimeoutException', true, 'The model took too long.'],
    [424, 'ModelErrorException', true, 'The model failed.'],
    [429, 'ThrottlingException', true, 'It gets too many requests.'],
    [429, 'ModelNotReadyException', true, 'The model is not ready yet.'],
    [500, 'InternalFailure', true, 'It failed.'],
    [503, 'ServiceUnavailableException', true, 'It can not take the request now.'],
  ])('answers %i (%s) with a message of its own', async (status, type, retryable, message) => {
    const headers = {'content-type': 'application/json', 'x-amzn-errortype': `${type}:http://internal.amazon.com/`};
    const error = await failureOf(teacherOn(answering(status, {message: secretAccessKey}, headers)).ask([review]));
    expect(error).toMatchObject({status, retryable});
    expect(error.message).toContain(`It answered ${status} (${type}): "[secret]". ${message}`);
    expect(error.message).not.toContain(secretAccessKey);
  });
});

interface ConverseBody {
  readonly messages: readonly {readonly content: readonly {readonly text: string}[]}[];
  readonly system: readonly {readonly text: string}[];
}

/** Replies of the documented form. */
const protocol: Protocol = {
  asked: ({messages}: ConverseBody) => messages[0]!.content[0]!.text,
  reply: ({label}, {system}: ConverseBody) =>
    reply(system[0]!.text.includes('confidence') ? JSON.stringify({label, confidence: 75}) : label),
};

describe.each(['label', 'confidence'] as const)('bedrock with %s', output => {
  testTeacher({
    it,
    teacher: async () => bedrock({...shared, url: await chatServer(protocol), service: 'tiny', output}),
    queries: ['great cast', 'boring awful movie', 'a film'].map(text),
    badQuery: floats(1, 2),
    secret: secretAccessKey,
  });
});
