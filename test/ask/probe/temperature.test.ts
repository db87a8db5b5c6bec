import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {type OpenAiOptions, openai} from '../../../adapters/openai.ts';
import {openAsking} from '../../../src/ask/asking.ts';
import {probeTeacher} from '../../../src/ask/probe/probe.ts';
import {type JsonReply, jsonServer} from '../../adapters/json-server.ts';
import {text} from '../../adapters/replay.ts';

interface ChatRequest {
  readonly messages: readonly {readonly content: string}[];
  readonly temperature?: number;
  readonly top_logprobs: number;
}

const VOCABULARY = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
const classes = ['praise', 'complaint', 'query'];

const logSoftmax = (values: readonly number[]): readonly number[] => {
  const total = Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
  return values.map(value => value - total);
};

/** The log-probabilities that a service tells of a model's logits, at a temperature. */
type Telling = (logits: readonly number[], temperature: number) => readonly number[];

const before: Telling = logits => logSoftmax(logits);
const after: Telling = (logits, temperature) => logSoftmax(logits.map(logit => logit / Math.max(temperature, 0.01)));

/** A language model of 26 tokens that is no model: it counts characters. */
function answer(tell: Telling, {messages, temperature = 1, top_logprobs}: ChatRequest): JsonReply {
  const {length} = messages.at(-1)!.content;
  const logits = VOCABULARY.map((_, index) => (index < 3 ? 1 + ((length * (index + 2)) % 5) : -(index % 4)));
  const logs = tell(logits, temperature);
  const tokens = VOCABULARY.map((token, index) => ({token, logprob: logs[index]!, bytes: [...Buffer.from(token)]}));
  const told = tokens.toSorted((one, other) => other.logprob - one.logprob).slice(0, top_logprobs);
  const content = [{...told[0], top_logprobs: told}];
  const choice = {finish_reason: 'stop', message: {content: told[0]!.token}, logprobs: {content}};
  return {body: {choices: [choice], usage: {prompt_tokens: length, completion_tokens: 1}}};
}

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-temperature-'));
});

afterEach(() => rm(folder, {recursive: true}));

/** Tries out a service, and tells at which temperatures it was asked. */
async function probed(
  respond: (body: ChatRequest) => JsonReply,
  options: Partial<OpenAiOptions<'log-probabilities'>> = {},
) {
  const temperatures: unknown[] = [];
  const url = await jsonServer((body: ChatRequest) => {
    temperatures.push(body.temperature);
    return respond(body);
  });
  const teacher = openai({model: 'm', url, classes, key: 'k', output: 'log-probabilities', ...options});
  const asking = await openAsking({cache: join(folder, 'answers'), journal: join(folder, 'journal')});
  try {
    const queries = ['fine', 'lovely', 'why'].map(text);
    const probe = await probeTeacher(asking, teacher, {queries, needed: {kind: 'top-k', k: 1}, inputs: 100});
    return {probe, temperatures, kept: await asking.store.count()};
  } finally {
    await asking.close();
  }
}

describe('a service of a language model', () => {
  it('is asked one query again, hotter, and then known to tell log-probabilities from before the temperature', async () => {
    const {probe, temperatures, kept} = await probed(body => answer(before, body));
    expect(temperatures).toEqual([0, 0, 0, 0, 0, 0, 2]);
    expect(probe.tokens).toMatchObject({meaning: 'raw', key: 'bytes', named: {least: 20, most: 20}});
    expect(probe.tokens?.temperature).toEqual({temperature: 2, change: 0});
    expect(probe).toMatchObject({problems: [], paid: {calls: 7}});
    // Its reply at another temperature is no answer of this teacher.
    expect(kept).toBe(4);
  });

  it('is found to tell them from after it, against what its adapter takes them for', async () => {
    const {probe} = await probed(body => answer(after, body));
    expect(probe.tokens?.meaning).toBe('processed');
    expect(probe.problems[0]).toMatchObject({
      severity: 'error',
      text: expect.stringMatching(
        /takes the scores of tokens for the model’s own .*`logprobsTaken: 'after-temperature'`/,
      ),
    });
  });

  it('does what is declared if they are taken after it and asked for at temperature 1', async () => {
    const {probe} = await probed(body => answer(after, body), {logprobsTaken: 'after-temperature'});
    expect(probe.tokens).toMatchObject({meaning: 'processed', declared: {meaning: 'processed', temperature: 1}});
    expect(probe.problems).toEqual([]);
  });

  it('is asked at temperature 1 if 2 is its own', async () => {
    const {temperatures} = await probed(body => answer(before, body), {temperature: 2});
    expect(temperatures).toEqual([2, 2, 2, 2, 2, 2, 1]);
  });

  it('may refuse another temperature: then it is not known', async () => {
    const {probe} = await probed(body => (body.temperature === 2 ? {status: 400, body: {}} : answer(before, body)));
    expect(probe.tokens?.temperature).toEqual({temperature: 2, problem: expect.stringContaining('It answered 400.')});
    expect(probe.tokens).not.toHaveProperty('meaning');
    expect(probe.problems).toEqual([]);
  });

  it('that gives no log-probabilities is not asked for them again, at whatever temperature', async () => {
    const {probe, temperatures} = await probed(() => ({body: {choices: [{message: {content: 'A'}}]}}));
    expect(temperatures).toEqual([0, 0, 0]);
    expect(probe).not.toHaveProperty('tokens');
    expect(probe.problems.map(({text: said}) => said)).toEqual([
      expect.stringMatching(/^Not one of 3 inputs brought an answer\. Its reply holds no log-probabilities\./),
      expect.stringMatching(/^It ignores `topLogprobs` without saying so \(3 of 3 replies\)/),
    ]);
  });
});
