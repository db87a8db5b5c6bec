import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import fc from 'fast-check';
import {afterAll, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {anthropic} from '../../adapters/anthropic.ts';
import {bedrock} from '../../adapters/bedrock.ts';
import {gemini} from '../../adapters/gemini.ts';
import {ollama} from '../../adapters/ollama.ts';
import {type OpenAiOptions, openai} from '../../adapters/openai.ts';
import {openAsking} from '../../src/ask/asking.ts';
import {askAll} from '../../src/ask/batches.ts';
import {createBudget} from '../../src/ask/budget/budget.ts';
import {costOf} from '../../src/ask/budget/price.ts';
import {withCalls} from '../../src/ask/calls.ts';
import {InputError} from '../../src/errors.ts';
import type {Json, Price, Query, Teacher} from '../../src/teacher.ts';
import {allThatItMay, type ChargingService, type Deed, startChargingService, type Tokens} from '../charging-service.ts';

const price: Price = {perMillionInputTokens: 4, perMillionOutputTokens: 16};
const shared = {model: 'm', classes: ['ham', 'spam'], key: 'k', output: 'label', price} as const;

const textsOf = (count: number): Query[] =>
  Array.from({length: count}, (_, index) => ({input: {kind: 'text', text: `text ${index}`}}));

const dollarsOf = ({input, output}: Tokens, of: Price = price): number =>
  costOf(of, {calls: 1, usage: {inputTokens: input, outputTokens: output}});

describe('a service that charges as much as it can', () => {
  let service: ChargingService;
  let folder: string;
  beforeAll(async () => {
    service = await startChargingService();
  });
  beforeEach(async () => {
    service.reset();
    folder = await mkdtemp(join(tmpdir(), 'limbeck-budgets-'));
    return () => rm(folder, {recursive: true});
  });
  afterAll(() => service.close());

  const spend = async (teacher: Teacher, usd: number) => {
    const notes: string[] = [];
    const paths = {cache: join(folder, 'answers'), journal: join(folder, 'journal')};
    const asking = await openAsking({...paths, budget: [{usd}], onNote: note => notes.push(note)});
    try {
      const outcomes = await askAll(asking.open(teacher).teacher, textsOf(400));
      const answered = outcomes.filter(outcome => 'answer' in outcome).length;
      const charged = service.charged.reduce((sum, tokens) => sum + dollarsOf(tokens), 0);
      return {answered, charged, spent: asking.spent.usd, notes};
    } finally {
      await asking.close();
    }
  };

  it.each<[string, number, Partial<OpenAiOptions<'label'>>]>([
    ['`max_tokens` in `parameters`, one request at a time', 1, {parameters: {max_tokens: 4000}, concurrency: 1}],
    ['`max_tokens` in `parameters`, 199 requests at once', 1, {parameters: {max_tokens: 4000}, concurrency: 199}],
    ['many answers to each text', 1, {parameters: {n: 50}, concurrency: 64}],
    ['the floor of the Responses API', 0.2, {api: 'responses', maxTokens: 2, concurrency: 64}],
  ])('never comes to more than the budget: %s', async (_, usd, options) => {
    const teacher = openai({...shared, url: service.url, ...options});
    const {charged, spent, answered, notes} = await spend(teacher, usd);
    expect(charged).toBeLessThanOrEqual(usd);
    expect(spent).toBeCloseTo(charged, 6);
    expect(answered).toBe(service.charged.length);
    expect(answered).toBeGreaterThan(3);
    expect(notes).toEqual([]);
  });

  it('passes the budget, if it ignores `max_tokens`, by what is beyond it in the requests of the beginning alone', async () => {
    service.reset(({most, before}) => ({...most, output: 500, takes: before < 20 ? 50 : 0}));
    const {charged, notes} = await spend(openai({...shared, url: service.url, concurrency: 64}), 0.5);
    // Eight requests are sent before the first reply says how much is charged.
    const beyond = 8 * dollarsOf({input: 0, output: 500});
    expect(charged).toBeLessThanOrEqual(0.5 + beyond);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toContain('times the tokens that a request may use by its body');
  });

  it.each([
    ['negative', {input: -1000, output: -1}],
    ['a text', {input: '12', output: '3'}],
    ['a fraction', {input: 1.5, output: 1}],
    ['nothing at all', 'nothing' as const],
  ])('is not believed if it says that it used %s', async (_, said) => {
    service.reset(request => ({...allThatItMay(request), said}));
    const {charged, spent, notes} = await spend(openai({...shared, url: service.url}), 0.05);
    expect(charged).toBeLessThanOrEqual(0.05);
    expect(spent).toBeGreaterThanOrEqual(charged);
    expect(notes).toEqual([expect.stringContaining("doesn't say how many tokens a request used")]);
  });

  it.each<[string, {readonly [field: string]: Json}]>([
    ['web_search_options', {web_search_options: {}}],
    ['max_completion_tokens', {max_completion_tokens: 'all'}],
    ['tools', {tools: [{type: 'web_search'}]}],
  ])('is asked nothing under a budget if `%s` lets it charge without end', async (field, parameters) => {
    const asked = spend(openai({...shared, url: service.url, parameters}), 5);
    await expect(asked).rejects.toThrow(InputError);
    await expect(asked).rejects.toThrow(`\`${field}`);
    expect(service.charged).toEqual([]);
  });

  it('never passes any budget, with any adapter, options, faults and concurrency', async () => {
    const aws = {...shared, region: 'us-east-1'};
    const makers: readonly ((options: object, limit: number, copies: number) => Teacher)[] = [
      (options, limit, copies) => openai({...shared, ...options, parameters: {max_tokens: limit, n: copies}}),
      (options, limit) => openai({...shared, ...options, api: 'responses', parameters: {max_output_tokens: limit}}),
      (options, limit) => anthropic({...shared, ...options, parameters: {thinking: {budget_tokens: limit}}}),
      (options, limit, copies) =>
        gemini({
          ...shared,
          ...options,
          parameters: {generationConfig: {maxOutputTokens: limit, candidateCount: copies}},
        }),
      (options, limit) =>
        bedrock({...aws, ...options, parameters: {additionalModelRequestFields: {max_tokens: limit}}}),
      (options, limit) => ollama({...shared, ...options, maxTokens: limit}),
    ];
    const fault = fc.constantFrom<Partial<Deed>>(
      ...[{}, {}, {}, {status: 500}, {status: 429}, {breaks: true}, {takes: 20}],
      ...[{said: 'nothing' as const}, {said: {input: -5, output: 2 ** 70}}],
    );
    const script = fc.record({
      maker: fc.constantFrom(...makers),
      limit: fc.integer({min: 1, max: 5000}),
      copies: fc.integer({min: 1, max: 20}),
      faults: fc.array(fault, {minLength: 1, maxLength: 12}),
      requests: fc.integer({min: 1, max: 40}),
      prices: fc.record({
        perCall: fc.constantFrom(0, 0.0007),
        perMillionInputTokens: fc.integer({min: 0, max: 300}),
        perMillionOutputTokens: fc.integer({min: 0, max: 300}),
      }),
      usd: fc.integer({min: 1, max: 40}).map(cents => cents / 10),
    });
    await fc.assert(
      fc.asyncProperty(script, async ({maker, limit, copies, faults, requests, prices, usd}) => {
        service.reset(request => ({...allThatItMay(request), ...faults[request.before % faults.length]}));
        const teacher = maker({url: service.url, price: prices, concurrency: 40}, limit, copies);
        const budget = createBudget([{usd}], () => {});
        const layered = withCalls(teacher, {budget: budget.forTeacher(teacher), onNote: () => {}});
        await Promise.allSettled(textsOf(requests).map(query => layered.ask([query])));
        const charged = service.charged.reduce((sum, tokens) => sum + dollarsOf(tokens, prices), 0);
        expect(charged).toBeLessThanOrEqual(budget.spent.usd + 1e-9);
        expect(budget.spent.usd).toBeLessThanOrEqual(usd);
      }),
      {numRuns: 60},
    );
  }, 60_000);
});
