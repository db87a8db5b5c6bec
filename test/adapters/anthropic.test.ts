import {describe, expect, it} from 'vitest';
import {type AnthropicOptions, anthropic} from '../../adapters/anthropic.ts';
import {InputError} from '../../src/errors.ts';
import {testTeacher} from '../teacher-suite.ts';
import {chatServer, type Protocol} from './chat-server.ts';
import {address, failureOf, floats, type Offline, offline, problemsIn, replayFor, text} from './replay.ts';

const classes = ['positive', 'negative', 'neutral'];
const key = 'sk-ant-very-secret';
const review = text('great film but boring');
const shared = {model: 'claude-haiku-4-5', classes, key, output: 'label'} as const;

function teacherOn({dispatcher}: Offline, rest: Partial<AnthropicOptions<'label'>> = {}) {
  return anthropic({...shared, url: address, dispatcher, ...rest});
}

describe('anthropic on recorded replies', () => {
  it('reads the label and what it cost, and marks what all texts share for the cache', async () => {
    const network = replayFor('anthropic', 'litellm-message-200');
    const teacher = teacherOn(network);
    expect(await teacher.ask([review])).toEqual([{answer: {kind: 'label', label: 1}}]);
    const {body, headers} = network.sent[0]!;
    expect(headers).toMatchObject({'x-api-key': key, 'anthropic-version': '2023-06-01'});
    expect(headers).not.toHaveProperty('authorization');
    expect(body).toMatchObject({
      model: 'claude-haiku-4-5',
      max_tokens: 32,
      temperature: 0,
      system: [{type: 'text', cache_control: {type: 'ephemeral'}}],
      messages: [{role: 'user', content: 'great film but boring'}],
      output_config: {format: {type: 'json_schema', schema: {properties: {label: {enum: classes}}}}},
    });
  });

  it('sends no temperature to a version that refuses one, and the key as that version wants it', async () => {
    const network = replayFor('anthropic', 'litellm-message-200');
    await teacherOn(network, {version: '2026-10-21'}).ask([review]);
    expect(network.sent[0]!.body).not.toHaveProperty('temperature');
    expect(network.sent[0]!.headers).toMatchObject({authorization: `Bearer ${key}`});
    expect(() => teacherOn(network, {version: '2026-10-21', temperature: 0})).toThrow('takes no `temperature`');
  });

  it('takes an answer that was cut off for no answer, and does not ask again', async () => {
    const network = offline();
    const reply = {content: [{type: 'text', text: 'posi'}], stop_reason: 'max_tokens', usage: {}};
    network.answer('/v1/messages', 200, reply);
    const [outcome] = await teacherOn(network).ask([review]);
    expect(outcome).toMatchObject({error: {unreadable: false, retryable: false}});
    expect(problemsIn([outcome!])[0]).toContain('Raise `maxTokens`');
  });

  it('says so if the model refuses', async () => {
    const network = offline();
    network.answer('/v1/messages', 200, {content: [], stop_reason: 'refusal'});
    expect(problemsIn(await teacherOn(network).ask([review]))[0]).toContain('The model refused to answer');
  });

  it('counts tokens that came from the prompt cache, and those that were written to it', () => {
    const usage = {input_tokens: 5, output_tokens: 2, cache_creation_input_tokens: 100, cache_read_input_tokens: 1000};
    const body = JSON.stringify({model: 'm', content: [], stop_reason: null, usage});
    const receipt = teacherOn(offline()).service?.receipt?.({status: 200, headers: {}, body});
    expect(receipt).toEqual({
      model: 'm',
      usage: {inputTokens: 1105, outputTokens: 2, cacheReadTokens: 1000, cacheWriteTokens: 100},
    });
  });

  it.each([
    [400, 'invalid_request_error', false, 'Fields of the request can be changed'],
    [401, 'authentication_error', false, 'It refuses the key. Set ANTHROPIC_API_KEY'],
    [402, 'billing_error', false, 'The account has nothing left to spend.'],
    [403, 'permission_error', false, 'The key may not use this.'],
    [404, 'not_found_error', false, 'There is no such model.'],
    [429, 'rate_limit_error', true, 'It gets too many requests.'],
    [500, 'api_error', true, 'It failed.'],
    [504, 'timeout_error', true, 'The service itself timed out.'],
    [529, 'overloaded_error', true, 'It is overloaded.'],
  ])('answers %i (%s) with a message of its own', async (status, type, retryable, message) => {
    const network = offline();
    network.answer('/v1/messages', status, {type: 'error', error: {type, message: `${key} is wrong`}, request_id: 'r'});
    const error = await failureOf(teacherOn(network).ask([review]));
    expect(error).toMatchObject({status, retryable});
    expect(error.message).toContain(`It answered ${status} (${type}): "[secret] is wrong". ${message}`);
    expect(error.message).not.toContain(key);
  });

  it('knows a limit of money that was reached from a pace that was too fast', async () => {
    const network = offline();
    const error = {type: 'rate_limit_error', details: {error_code: 'enforced_spend_limit_reached'}};
    network.answer('/v1/messages', 429, {type: 'error', error});
    await expect(teacherOn(network).ask([review])).rejects.toMatchObject({status: 429, retryable: false});
  });

  it('refuses log-probabilities at once, which it does not have', () => {
    const options = {...shared, output: 'log-probabilities'} as unknown as AnthropicOptions<'label'>;
    expect(() => anthropic(options)).toThrow(InputError);
  });
});

interface MessageBody {
  readonly messages: readonly {readonly content: string}[];
  readonly output_config: {readonly format: {readonly schema: {readonly properties: object}}};
}

/** Replies as llmock's and llama.cpp's are, with the schema kept to. */
const protocol: Protocol = {
  asked: ({messages}: MessageBody) => messages[0]!.content,
  reply: ({label}, {output_config}: MessageBody) => ({
    type: 'message',
    model: 'claude-haiku-4-5',
    content: [
      {
        type: 'text',
        text: JSON.stringify(
          'confidence' in output_config.format.schema.properties ? {label, confidence: 90} : {label},
        ),
      },
    ],
    stop_reason: 'end_turn',
    usage: {input_tokens: 10, output_tokens: 5},
  }),
};

describe.each(['label', 'confidence'] as const)('anthropic with %s', output => {
  testTeacher({
    it,
    teacher: async () => anthropic({...shared, url: await chatServer(protocol), service: 'tiny', output}),
    queries: ['great cast', 'boring awful movie', 'a film'].map(text),
    badQuery: floats(1, 2),
    secret: key,
  });
});
