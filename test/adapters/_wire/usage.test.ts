import {describe, expect, it} from 'vitest';
import {withPromptCache} from '../../../adapters/_wire/usage.ts';
import {anthropic} from '../../../adapters/anthropic.ts';
import {bedrock} from '../../../adapters/bedrock.ts';
import {decisions} from '../../../adapters/decisions.ts';
import {gemini} from '../../../adapters/gemini.ts';
import {openai} from '../../../adapters/openai.ts';
import {nanoDollars} from '../../../src/ask/budget/price.ts';
import type {Json, Price, Query, Teacher} from '../../../src/teacher.ts';

const shared = {model: 'm', classes: ['ham', 'spam'], key: 'k', output: 'label'} as const;
const questions = [{name: 'q', type: 'predicate', instructions: 'Is it?'}] as const;
const query: Query = {input: {kind: 'text', text: 'hello'}};

describe('tokens of the prompt cache', () => {
  it.each<readonly [string, Teacher, Json]>([
    [
      'OpenAI, in chat completions',
      openai(shared),
      {
        usage: {
          prompt_tokens: 1200,
          completion_tokens: 3,
          prompt_tokens_details: {cached_tokens: 1024, cache_write_tokens: 64},
        },
      },
    ],
    [
      'OpenAI, in Responses',
      openai({...shared, api: 'responses'}),
      {
        usage: {
          input_tokens: 1200,
          output_tokens: 3,
          input_tokens_details: {cached_tokens: 1024, cache_write_tokens: 64},
        },
      },
    ],
    [
      'OpenAI, in decisions',
      decisions({model: 'm', questions, key: 'k'}),
      {
        usage: {
          input_tokens: 1200,
          output_tokens: 3,
          input_tokens_details: {cached_tokens: 1024, cache_write_tokens: 64},
        },
      },
    ],
    [
      'Anthropic, which counts them apart',
      anthropic(shared),
      {usage: {input_tokens: 112, output_tokens: 3, cache_read_input_tokens: 1024, cache_creation_input_tokens: 64}},
    ],
    [
      'Bedrock, which counts them apart',
      bedrock({...shared, region: 'us-east-1'}),
      {usage: {inputTokens: 112, outputTokens: 3, cacheReadInputTokens: 1024, cacheWriteInputTokens: 64}},
    ],
  ])('are read from replies of %s', (_, teacher, body) => {
    const receipt = teacher.service!.receipt!({status: 200, headers: {}, body: JSON.stringify(body)});
    expect(receipt.usage).toEqual({inputTokens: 1200, outputTokens: 3, cacheReadTokens: 1024, cacheWriteTokens: 64});
  });

  it.each<readonly [string, Teacher, Json]>([
    ['DeepSeek', openai(shared), {usage: {prompt_tokens: 1200, completion_tokens: 3, prompt_cache_hit_tokens: 1024}}],
    [
      'Gemini',
      gemini(shared),
      {usageMetadata: {promptTokenCount: 1200, candidatesTokenCount: 3, cachedContentTokenCount: 1024}},
    ],
  ])('are read from replies of %s, which counts no writing', (_, teacher, body) => {
    const receipt = teacher.service!.receipt!({status: 200, headers: {}, body: JSON.stringify(body)});
    expect(receipt.usage).toEqual({inputTokens: 1200, outputTokens: 3, cacheReadTokens: 1024});
  });

  it('leave the other counts as they are if they are no counts, or more than the prompt has', () => {
    const body = {usage: {prompt_tokens: 12, completion_tokens: 3, prompt_tokens_details: {cached_tokens: 'many'}}};
    const receipt = openai(shared).service!.receipt!({status: 200, headers: {}, body: JSON.stringify(body)});
    expect(receipt.usage).toEqual({inputTokens: 12, outputTokens: 3});
    const usage = {inputTokens: 12, outputTokens: 3};
    expect(withPromptCache(usage, {read: 10, written: 3})).toEqual(usage);
  });
});

describe('the prices of a prompt cache', () => {
  const costs = (teacher: Teacher) => {
    const {service} = teacher;
    const {cacheWriteTokens, inputTokens} = service!.worstCase!([query])!;
    return {price: service!.price, isWritten: cacheWriteTokens === inputTokens};
  };

  it('of Anthropic follow from that of input tokens, and a budget reserves the price of writing', () => {
    const priced = (rest: object) => costs(anthropic({...shared, price: {perMillionInputTokens: 4}, ...rest}));
    expect(priced({})).toEqual({
      price: {perMillionInputTokens: 4, perMillionCacheReadTokens: 0.4, perMillionCacheWriteTokens: 5},
      isWritten: true,
    });
    const long = {cache_control: {type: 'ephemeral', ttl: '1h'}};
    expect(priced({parameters: long}).price).toMatchObject({perMillionCacheWriteTokens: 8});
    // Nobody knows what another service takes for reading: at most as much as for other tokens.
    expect(priced({url: 'http://127.0.0.1:9'}).price).toMatchObject({perMillionCacheReadTokens: 4});
    const own: Price = {perMillionInputTokens: 4, perMillionCacheReadTokens: 1, perMillionCacheWriteTokens: 4};
    expect(priced({price: own})).toEqual({price: own, isWritten: false});
    expect(costs(anthropic(shared))).toEqual({price: undefined, isWritten: false});
  });

  it('never make a reply cost more than was reserved for its request', () => {
    const {service} = anthropic({...shared, price: {perMillionInputTokens: 4, perMillionOutputTokens: 20}});
    const {inputTokens, ...worst} = service!.worstCase!([query])!;
    const replied = {...worst, inputTokens, cacheReadTokens: 0, cacheWriteTokens: inputTokens - 1};
    const cost = (usage: typeof replied) => nanoDollars(service!.price!, {calls: 1, usage});
    expect(cost(replied)).toBeLessThan(cost({...worst, inputTokens, cacheReadTokens: 0} as typeof replied));
  });
});

describe('a prompt that all requests share', () => {
  it('is waited for only if it is long enough for a prompt cache', () => {
    expect(openai(shared).service!.fillsPromptCache).toBe(false);
    const classes = Array.from({length: 255}, (_, index) => `a class with the number ${index}`);
    expect(openai({...shared, classes}).service!.fillsPromptCache).toBe(true);
  });
});
