import {describe, expect, it} from 'vitest';
import {gemini} from '../../../adapters/gemini.ts';
import {ollama} from '../../../adapters/ollama.ts';
import {type OpenAiOptions, openai} from '../../../adapters/openai.ts';
import {findInTokens} from '../../../src/ask/probe/tokens.ts';
import type {ProbedService, ServiceProbe} from '../../../src/service-features.ts';
import type {Access, Reply, Teacher} from '../../../src/teacher.ts';
import {address, floats, offline, recordedFor, text} from '../replay.ts';

const classes = ['positive', 'negative', 'neutral'];
const shared = {model: 'tiny', classes, codes: 'names', url: `${address}/v1`, key: 'k'} as const;

function probeOf<A extends Access>({service}: Teacher<A>): ServiceProbe<A> {
  return (service as ProbedService<A>).probe!;
}

const gray = (rest: Partial<OpenAiOptions<'log-probabilities'>> = {}) =>
  probeOf(openai({...shared, output: 'log-probabilities', ...rest}));
const black = (rest: Partial<OpenAiOptions<'label'>> = {}) => probeOf(openai({...shared, output: 'label', ...rest}));

function recordedReply(adapter: string, name: string): Reply {
  const {status, body} = recordedFor(adapter, name).response;
  return {status, headers: {}, body: JSON.stringify(body)};
}

const completion = (content: string, fields: object = {}): Reply => ({
  status: 200,
  headers: {},
  body: JSON.stringify({
    choices: [{finish_reason: 'stop', message: {content}}],
    usage: {prompt_tokens: 9, completion_tokens: 2},
    ...fields,
  }),
});

describe('what a language model’s adapter declares', () => {
  it('is what it takes the scores of tokens for', () => {
    expect(gray({topLogprobs: 5}).scores).toEqual({meaning: 'raw', topK: 5, key: 'bytes', temperature: 0});
    const after = gray({logprobsTaken: 'after-temperature'});
    expect(after.scores).toEqual({meaning: 'processed', topK: 20, key: 'bytes', temperature: 1});
    expect(probeOf(gemini({...shared, output: 'log-probabilities'})).scores?.key).toBe('id');
  });

  it('is nothing if no scores are read', () => {
    expect(black().scores).toBeUndefined();
  });
});

describe('a reply of a language model', () => {
  it.each([
    ['openai', 'vllm-logprobs-200', {key: 'bytes', untold: 0}],
    ['openai', 'vllm-raw-logits-200', {meaning: 'logits'}],
    ['openai', 'vllm-choice-200', {meaning: 'masked'}],
    ['openai', 'llama-cpp-logprobs-200', {key: 'id', alike: 2}],
    ['openai', 'llama-cpp-python-logprobs-200', {key: 'string'}],
    ['ollama', 'ollama-logprobs-200', {key: 'bytes'}],
  ])('of %s, %s, shows what its scores are', (adapter, name, expected) => {
    const {inspect, scores} =
      adapter === 'ollama'
        ? probeOf(ollama({...shared, url: address, output: 'log-probabilities', topLogprobs: 3}))
        : gray({topLogprobs: 3});
    const inspection = inspect(recordedReply(adapter, name));
    expect(inspection.ignored).toEqual([]);
    expect(findInTokens([inspection], scores!)).toMatchObject(expected);
  });

  it('shows that log-probabilities were left out in silence', () => {
    expect(gray().inspect(recordedReply('openai', 'transformers-no-logprobs-200')).ignored).toEqual(['topLogprobs']);
    const step = {token: 'a', logprob: -1, top_logprobs: []};
    const bare = completion('a', {choices: [{message: {content: 'a'}, logprobs: {content: [step]}}]});
    expect(gray().inspect(bare).ignored).toEqual(['topLogprobs']);
  });

  it('shows that a schema was ignored, unless the answer was cut off or says what it allows', () => {
    expect(black().inspect(completion('{"label": "neutral"}')).ignored).toEqual([]);
    expect(black().inspect(completion('neutral')).ignored).toEqual(['structured']);
    expect(black().inspect(completion('{"label": "another"}')).ignored).toEqual(['structured']);
    expect(black({structured: false}).inspect(completion('neutral')).ignored).toEqual([]);
    const cut = completion('', {choices: [{finish_reason: 'length', message: {content: '{"la'}}]});
    expect(black().inspect(cut).ignored).toEqual([]);
  });

  it('shows that it answers fewer times than asked, and writes more than the limit', () => {
    expect(black({samples: 3}).inspect(completion('{"label": "neutral"}')).ignored).toEqual(['samples']);
    const long = completion('{"label": "neutral"}', {usage: {prompt_tokens: 9, completion_tokens: 400}});
    expect(black().inspect(long).ignored).toEqual(['maxTokens']);
    expect(black({maxTokens: 1000}).inspect(long).ignored).toEqual([]);
  });

  it('that can’t be read shows nothing', () => {
    for (const body of ['', '<html>', '{}', '{"choices": []}']) {
      expect(black().inspect({status: 200, headers: {}, body})).toEqual({ignored: []});
    }
  });
});

describe('the same teacher at another temperature', () => {
  it.each([
    [
      'openai',
      () => openai({...shared, output: 'log-probabilities', parameters: {seed: 7}}),
      {seed: 7, temperature: 2},
    ],
    [
      'ollama',
      () => ollama({...shared, output: 'log-probabilities', parameters: {options: {seed: 7}}}),
      {options: {num_predict: 11, seed: 7, temperature: 2}},
    ],
    [
      'gemini',
      () => gemini({...shared, output: 'log-probabilities'}),
      {generationConfig: {maxOutputTokens: 11, responseLogprobs: true, logprobs: 20, temperature: 2}},
    ],
  ])('of %s asks alike but for it', (_, make, expected) => {
    const teacher = make();
    const warm = probeOf(teacher).atTemperature!(2);
    const request = teacher.identity['request'] as object;
    expect(warm.identity).toEqual({...teacher.identity, request: {...request, ...expected}});
  });

  it('sends it', async () => {
    const network = offline();
    network.answer('/v1/chat/completions', 200, JSON.parse(completion('a').body));
    const {dispatcher} = network;
    await gray({dispatcher}).atTemperature!(1.5).ask([text('x')]);
    expect(network.sent[0]?.body).toMatchObject({temperature: 1.5});
    expect(await gray({dispatcher}).atTemperature!(1.5).ask([floats(1)])).toMatchObject([{error: expect.anything()}]);
  });
});
