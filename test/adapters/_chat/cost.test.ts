import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {ChatOptions} from '../../../adapters/_chat/chat.ts';
import {anthropic} from '../../../adapters/anthropic.ts';
import {bedrock} from '../../../adapters/bedrock.ts';
import {gemini} from '../../../adapters/gemini.ts';
import {llamaCpp} from '../../../adapters/llama-cpp.ts';
import {ollama} from '../../../adapters/ollama.ts';
import {openai} from '../../../adapters/openai.ts';
import {vllm} from '../../../adapters/vllm.ts';
import type {BatchService} from '../../../src/service-features.ts';
import type {Json, Query, Teacher} from '../../../src/teacher.ts';
import {type ChargingService, startChargingService} from '../../charging-service.ts';

type Parameters = {readonly [field: string]: Json};

const shared = {model: 'm', classes: ['ham', 'spam'], key: 'k'};
const label = {...shared, output: 'label'} as const;
const aws = {...label, region: 'us-east-1'};

/** Each way to send a body, with what of it costs more. */
const WAYS: readonly {
  readonly name: string;
  readonly make: (
    options: Partial<Pick<ChatOptions, 'parameters' | 'maxTokens' | 'prompt'>> & {readonly url?: string},
  ) => Teacher;
  readonly dear: readonly Parameters[];
  readonly limit: Parameters;
  readonly endless: readonly Parameters[];
}[] = [
  {
    name: 'openai',
    make: options => openai({...label, ...options}),
    dear: [
      {max_tokens: 4000},
      {n: 50},
      {max_completion_tokens: 900, n: 3},
      {best_of: 20, max_tokens: 60},
      {reasoning: {max_tokens: 1000}},
      {thinking_budget: 700},
    ],
    limit: {max_tokens: null, max_completion_tokens: null},
    endless: [{max_tokens: -1}, {max_tokens: '4000'}, {n: 0.5}, {max_completion_tokens: 0}],
  },
  {
    name: 'openai by Responses',
    make: options => openai({...label, api: 'responses', ...options}),
    dear: [{max_output_tokens: 5}, {max_output_tokens: 4000}, {reasoning: {effort: 'high'}}],
    limit: {max_output_tokens: null},
    endless: [{max_output_tokens: 'all'}],
  },
  {
    name: 'anthropic',
    make: options => anthropic({...label, ...options}),
    dear: [{max_tokens: 4000}, {max_tokens: 3000, thinking: {type: 'enabled', budget_tokens: 2000}}],
    limit: {max_tokens: null},
    endless: [{max_tokens: -1}, {thinking: {budget_tokens: 1.5}}],
  },
  {
    name: 'gemini',
    make: options => gemini({...label, ...options}),
    dear: [
      {generationConfig: {maxOutputTokens: 4000}},
      {generationConfig: {candidateCount: 8}},
      {generationConfig: {thinkingConfig: {thinkingBudget: 2000}, candidateCount: 2}},
      {generationConfig: {thinkingConfig: {thinkingBudget: -1}}},
      {generationConfig: {thinkingConfig: {thinkingBudget: 0}}},
    ],
    limit: {generationConfig: {maxOutputTokens: null}},
    endless: [{generationConfig: {candidateCount: 'many'}}, {generationConfig: {maxOutputTokens: -1}}],
  },
  {
    name: 'bedrock',
    make: options => bedrock({...aws, ...options}),
    dear: [
      {inferenceConfig: {maxTokens: 4000}},
      {additionalModelRequestFields: {max_tokens: 5000, thinking: {type: 'enabled', budget_tokens: 1024}}},
    ],
    limit: {inferenceConfig: {maxTokens: null}},
    endless: [{inferenceConfig: {maxTokens: -5}}],
  },
  {
    name: 'ollama',
    make: options => ollama({...label, ...options}),
    dear: [{options: {num_predict: 4000}}, {options: {num_ctx: 8192, num_predict: 99}, think: true}],
    limit: {options: {num_predict: null}},
    endless: [{options: {num_predict: -1}}, {options: {num_predict: -2}}],
  },
  {
    name: 'vllm',
    make: options => vllm({...label, ...options}),
    dear: [{max_tokens: 4000}, {n: 50, min_tokens: 3}],
    limit: {max_tokens: null},
    endless: [{max_tokens: -1}],
  },
  {
    name: 'llama-cpp',
    make: options => llamaCpp({...label, ...options}),
    dear: [{n_predict: 4000}, {max_tokens: 4000}],
    limit: {max_tokens: null},
    endless: [{n_predict: -1}],
  },
];

const TEXTS = ['hello', '', '"quoted" \n\t\u0001', '好'.repeat(50), '🏳️‍🌈\ud800'];
const queries: readonly Query[] = TEXTS.map(text => ({input: {kind: 'text', text}, sample: 3}));

let service: ChargingService;
beforeAll(async () => {
  service = await startChargingService();
});
afterAll(() => service.close());

describe.each(WAYS)('$name', ({make, dear, limit, endless}) => {
  it.each([{}, ...dear])('knows the most that is charged for a body with %j', async parameters => {
    service.reset();
    const teacher = make({url: service.url, parameters});
    const bound = (query: Query) => teacher.service!.worstCase!([query])!;
    expect(teacher.service!.unbounded).toBeUndefined();
    for (const query of queries) {
      await teacher.ask([query]);
      const {input, output} = service.charged.at(-1)!;
      expect(bound(query).inputTokens).toBeGreaterThanOrEqual(input);
      expect(bound(query).outputTokens).toBe(output);
    }
    const all = teacher.service!.worstCase!(queries)!;
    expect(all.outputTokens).toBe(service.charged.reduce((sum, {output}) => sum + output, 0));
  });

  it('counts every occurrence of the text in a prompt', () => {
    const twice = {system: '{classes}', user: '{text} {text} {text}'};
    const teacher = make({prompt: twice});
    const long: Query = {input: {kind: 'text', text: 'x'.repeat(1000)}};
    expect(teacher.service!.worstCase!([long])!.inputTokens).toBeGreaterThan(3000);
  });

  it('says that nothing limits an answer if its limit is left out or is none', () => {
    for (const parameters of [limit, ...endless]) {
      expect(make({parameters}).service!.unbounded, JSON.stringify(parameters)).toMatchObject({of: 'tokens'});
    }
    expect(make({maxTokens: Number.NaN}).service!.unbounded).toMatchObject({of: 'tokens'});
  });

  it.each([
    {tools: [{type: 'web_search'}]},
    {web_search_options: {}},
    {web_search_options: {user_location: null}},
    {model: 'a dearer one'},
    {service_tier: 'priority'},
    {nobody_knows: {this: 1}},
    {messages: [{role: 'user', content: [{type: 'image_url', image_url: {url: 'http://127.0.0.1/large'}}]}]},
  ])('takes the cost of %j for unbounded, and names the field', parameters => {
    const {of, problem} = make({parameters}).service!.unbounded!;
    expect(of).toBe('fees');
    expect(problem).toContain(`\`${Object.keys(parameters)[0]}`);
    expect(problem).toContain('Leave it out.');
  });
});

describe('teachers that score codes exactly', () => {
  it.each([
    ['vllm', (parameters: Parameters) => vllm({...shared, parameters})],
    ['llama-cpp', (parameters: Parameters) => llamaCpp({...shared, parameters})],
  ] as const)('%s knows the most of a body that asks for more than one token', (_, make) => {
    const query: Query = {input: {kind: 'text', text: 'one'}};
    const output = (parameters: Parameters) => make(parameters).service!.worstCase!([query])!.outputTokens;
    expect(output({max_tokens: 4000, n: 3})).toBe(12_000 * output({}));
    expect(make({}).service!.unbounded).toBeUndefined();
    expect(make({max_tokens: -1}).service!.unbounded).toMatchObject({of: 'tokens'});
    expect(make({tools: []}).service!.unbounded).toMatchObject({of: 'fees'});
  });
});

it('batches carry the bodies that the worst case is of', () => {
  const query = queries[0]!;
  const teachers = [
    openai({...label, parameters: {max_tokens: 4000}}),
    anthropic({...label, parameters: {max_tokens: 4000}}),
    gemini({...label, parameters: {generationConfig: {maxOutputTokens: 4000}}}),
  ];
  for (const {service: asked} of teachers) {
    const line = (asked as BatchService).lane!.lineOf('0'.repeat(64), query);
    expect(line).toMatch(/"(max_tokens|maxOutputTokens)":4000/);
    expect(asked!.worstCase!([query])!.outputTokens).toBe(4000);
  }
});
