import {readFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {llama} from '../../adapters/llama.ts';
import {type LlamaCppLogProbabilitiesOptions, llamaCpp} from '../../adapters/llama-cpp.ts';
import {openai} from '../../adapters/openai.ts';
import {createBudget} from '../../src/ask/budget/budget.ts';
import {withCalls} from '../../src/ask/calls.ts';
import {BudgetError, InputError, TeacherError} from '../../src/errors.ts';
import type {Outcome, Reply, TopKAnswer} from '../../src/teacher.ts';
import {MODEL, startLlamaCpp} from '../servers/llama-cpp.ts';
import {NO_SERVERS, type PythonServer, programsOf} from '../servers/python-server.ts';
import {testTeacher} from '../teacher-suite.ts';
import {type JsonReply, jsonServer, probabilitiesOf} from './json-server.ts';
import {type Message, nextTokens, rendered, tokensOf, WAYS} from './letter-model.ts';
import {peerOrSkip} from './peer.ts';
import {sessionOf} from './recorded-session.ts';
import {address, floats, offline, problemsIn, text} from './replay.ts';

const classes = ['positive', 'negative', 'neutral'];
const key = 'very-secret';
const texts = ['great film but boring', 'terrible movie', 'the plot was okay'];

/** The model that was recorded was trained on bare texts and answers with names. */
const shared = {url: `${address}/v1`, model: 'tiny-sent', classes, codes: 'names', prompt: {user: '{text}'}} as const;

interface Way {
  readonly logProbabilities: readonly number[];
}

const noLibrary = await peerOrSkip('node-llama-cpp');

/** The values of transformers for the same weights. */
const reference: Readonly<Record<string, Readonly<Record<string, readonly Way[]>>>> = JSON.parse(
  readFileSync(new URL('../fixtures/vllm/reference.json', import.meta.url), 'utf8'),
);

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** @param end - how many tokens at the end of each answer are left out */
function expectedLogs(said: string, names: readonly string[], end = 0): number[] {
  return names.map(name => {
    const ways = reference[said]![name]!.map(({logProbabilities}) =>
      logProbabilities.slice(0, logProbabilities.length - end),
    );
    return Math.log(sum(ways.map(logs => Math.exp(sum(logs)))));
  });
}

function answerOf(outcome: Outcome | undefined): TopKAnswer {
  if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? new Error('no outcome');
  return outcome.answer as TopKAnswer;
}

/** Log-probabilities in the order of the classes. */
function logsOf(outcome: Outcome | undefined): number[] {
  const {classes: named, logProbabilities} = answerOf(outcome);
  return [...named.keys()].map(label => logProbabilities[named.indexOf(label)]!);
}

function expectClose(actual: readonly number[], expected: readonly number[], digits: number): void {
  expect(actual).toHaveLength(expected.length);
  for (const [index, value] of actual.entries()) expect(value).toBeCloseTo(expected[index]!, digits);
}

async function failureOf(asked: Promise<unknown>): Promise<TeacherError> {
  const error = await asked.catch((thrown: unknown) => thrown);
  if (!(error instanceof TeacherError)) throw new Error(`expected a TeacherError, got ${error}`);
  return error;
}

describe('llama-cpp on recorded replies', () => {
  it('gives each class the exact probability of its answer, whichever way it is written', async () => {
    const {dispatcher, sent} = sessionOf('llama-cpp', 'llama-cpp-answers-200');
    const two = classes.slice(0, 2);
    const [outcome] = await llamaCpp({...shared, classes: two, dispatcher}).ask([text(texts[0]!)]);
    expectClose(logsOf(outcome), expectedLogs(texts[0]!, two), 3);
    const paths = ['/apply-template', '/tokenize', '/completion', '/completion'];
    expect(sent.slice(-4).map(({path}) => path)).toEqual(paths);
    const [root, inner] = sent.slice(-2).map(({body}) => body);
    expect(root).toMatchObject({n_predict: 1, n_probs: 200, temperature: 0, cache_prompt: false});
    expect(inner).toMatchObject({n_predict: 1, n_probs: 20, temperature: 0, cache_prompt: true, id_slot: 0});
  });

  it('asks by itself for a token that is not among the listed', async () => {
    const {dispatcher, sent} = sessionOf('llama-cpp', 'llama-cpp-first-tokens-200');
    const [outcome] = await llamaCpp({...shared, endsTurn: false, dispatcher}).ask([text(texts[0]!)]);
    expectClose(logsOf(outcome), expectedLogs(texts[0]!, classes, 1), 3);
    const forced = sent.filter(({body}) => (body as {logit_bias?: unknown} | undefined)?.logit_bias);
    expect(forced.map(({body}) => (body as {logit_bias: unknown}).logit_bias)).toEqual([[[294, 10_000]]]);
  });

  it.each(['great <|im_end|> film', '<|im_end|>'])(
    'reads the name of a special token in a text as letters, and the template’s own as what they are: %s',
    async said => {
      const {dispatcher, sent} = sessionOf('llama-cpp', 'llama-cpp-special-200');
      const [outcome] = await llamaCpp({...shared, endsTurn: false, dispatcher}).ask([text(said)]);
      expect(logsOf(outcome)).toHaveLength(3);
      const scored = sent.find(({path}) => path === '/completion');
      const {prompt} = scored!.body as {readonly prompt: readonly (readonly number[])[]};
      // The end of a turn, and what the template has after the text.
      const end = 3;
      expect(prompt[0]!.filter(token => token === end)).toHaveLength(1);
      expect(prompt[0]!.slice(-7)).toEqual([end, 202, 2, 358, 308, 379, 202]);
    },
  );

  it('has the model write one of the classes alone, by a grammar', async () => {
    const {dispatcher, sent} = sessionOf('llama-cpp', 'llama-cpp-grammar-200');
    const outcomes = await llamaCpp({...shared, output: 'label', dispatcher}).ask(texts.map(text));
    expect(outcomes).toEqual([0, 1, 2].map(label => ({answer: {kind: 'label', label}})));
    expect(sent[0]!.body).toMatchObject({grammar: 'root ::= "positive" | "negative" | "neutral"', temperature: 0});
  });

  it('lets a text that is too long fail alone', async () => {
    const {dispatcher} = sessionOf('llama-cpp', 'llama-cpp-too-long-400');
    const teacher = llamaCpp({...shared, classes: classes.slice(0, 2), dispatcher});
    const [outcome] = await teacher.ask([text('a b c '.repeat(64))]);
    expect((outcome as {readonly error: TeacherError}).error).toMatchObject({status: 400, retryable: false});
    expect(problemsIn([outcome!])[0]).toContain('Start the server with a larger `--ctx-size`');
  });
});

interface LetterBody {
  readonly content: string;
  readonly messages: readonly Message[];
  readonly prompt: readonly (readonly number[])[];
  readonly logit_bias?: readonly (readonly [number, number])[];
}

/** A server that speaks as llama-server does about a model whose answers are known, and lists few tokens. */
function letterServer(
  answers: readonly string[],
  listed = 2,
  spoil: (body: LetterBody) => JsonReply | undefined = () => undefined,
): Promise<string> {
  return jsonServer((body: LetterBody, path): JsonReply => {
    if (path === '/apply-template') {
      // Like the real server, it continues a message of the assistant, and else opens an answer.
      return {body: {prompt: rendered(body.messages, body.messages.at(-1)!.role === 'user')}};
    }
    if (path === '/tokenize') return {body: {tokens: tokensOf(body.content)}};
    if (path === '/props') return {body: {eos_token: '<|end|>'}};
    const spoilt = spoil(body);
    if (spoilt) return spoilt;
    const replies = body.prompt.map((prompt, index) => {
      const next = nextTokens(prompt, answers);
      const [[id] = [next[0]!.id]] = body.logit_bias ?? [];
      const logprob = next.find(token => token.id === id)?.logprob ?? -30;
      const step = {id, logprob, top_logprobs: next.slice(0, listed)};
      const used = {tokens_evaluated: prompt.length, tokens_predicted: 1};
      return {index, id_slot: 0, model: 'letters', ...used, completion_probabilities: [step]};
    });
    return {body: replies.length === 1 ? replies[0] : replies};
  });
}

const letters = {model: 'letters', classes, codes: 'names', prompt: {user: '{text}'}, key} as const;

describe('llama-cpp', () => {
  testTeacher({
    it,
    teacher: async () => llamaCpp({...letters, url: await letterServer(classes), service: 'letters'}),
    queries: ['one', 'three', 'a'].map(text),
    badQuery: floats(1),
    secret: key,
  });

  it.each([1, 2, 1000])('scores all classes however few tokens the server lists: %i', async listed => {
    const url = await letterServer(classes, listed);
    const [outcome] = await llamaCpp({...letters, url}).ask([text('one')]);
    const expected = probabilitiesOf('one', 3).map(value => Math.log((WAYS.bare + WAYS.spaced) * value));
    expectClose(logsOf(outcome), expected, 5);
    expect(answerOf(outcome).rest).toBeCloseTo(1 - WAYS.bare - WAYS.spaced, 5);
  });

  it('keeps one reply that says all that its reader needs', async () => {
    const kept: Reply[] = [];
    const exchange = async (_: readonly number[], send: () => Promise<Reply>) => {
      const reply = await send();
      kept.push(reply);
      return reply;
    };
    const [outcome] = await llamaCpp({...letters, url: await letterServer(classes)}).ask([text('one')], {exchange});
    const {service, detail} = llamaCpp(letters);
    expect(kept).toHaveLength(1);
    expect(service!.read(kept[0]!, 1, detail)).toEqual([outcome]);
    expect(service!.receipt!(kept[0]!)).toMatchObject({model: 'letters'});
  });

  it('never passes a budget of tokens if later requests about a text are refused', async () => {
    let charged = 0;
    const url = await letterServer(classes, 2, ({prompt, logit_bias: bias}) => {
      if (bias !== undefined) return {status: 500, body: {}};
      charged += prompt.flat().length + prompt.length;
      return undefined;
    });
    const teacher = llamaCpp({...letters, url});
    const [worst] = [teacher.service!.worstCase!([text('one')])!];
    const tokens = 3 * (worst.inputTokens + worst.outputTokens);
    const budget = createBudget([{tokens}]);
    const layered = withCalls(teacher, {budget: budget.forTeacher(teacher), onNote: () => {}});
    let refusal: unknown;
    while (!(refusal instanceof BudgetError)) {
      const [outcome] = await layered.ask([text('one')]).catch((error: Error) => [{error}]);
      refusal = (outcome as {readonly error: Error}).error;
    }
    expect(budget.spent.tokens).toBe(charged);
    expect(charged).toBeLessThanOrEqual(tokens);
    expect(charged).toBeGreaterThan(tokens / 2);
  });

  it('says so if the server tells no log-probabilities', async () => {
    const url = await jsonServer((body: LetterBody, path) => {
      if (path === '/apply-template') return {body: {prompt: rendered(body.messages, true)}};
      return {body: path === '/tokenize' ? {tokens: tokensOf(body.content)} : {content: 'X'}};
    });
    const outcomes = await llamaCpp({...letters, endsTurn: false, url}).ask([text('one')]);
    expect(problemsIn(outcomes)[0]).toContain('Check that `url` is that of a llama-server');
  });

  it('tells of codes that begin another one if the end of the turn does not count', async () => {
    const options = {...letters, classes: ['yes', 'yesterday'], url: await letterServer(['yes', 'yesterday'])};
    await expect(llamaCpp({...options, endsTurn: false}).ask([text('one')])).rejects.toThrow(InputError);
    expect(problemsIn(await llamaCpp(options).ask([text('one')]))).toEqual(['none']);
  });

  it.each<[number, object, boolean, string]>([
    [503, {code: 503, message: 'Loading model', type: 'unavailable_error'}, true, 'It still loads its model.'],
    [401, {code: 401, message: 'Invalid API Key', type: 'authentication_error'}, false, 'Set LIMBECK_TEACHER_KEY'],
    [404, {code: 404, message: 'File Not Found', type: 'not_found_error'}, false, 'It does not have the route.'],
    [
      501,
      {code: 501, message: 'This server does not support it.', type: 'not_supported_error'},
      false,
      'can not do that',
    ],
    [400, {code: 400, message: 'failed', type: 'invalid_request_error'}, false, 'one that knows no system message'],
    [500, {code: 500, message: 'failed', type: 'server_error'}, true, 'It failed. Its own log says why'],
  ])('says what %i means', async (status, error, retryable, message) => {
    const {dispatcher, answer} = offline();
    answer('/tokenize', status, {error});
    const failure = await failureOf(llamaCpp({...shared, dispatcher}).ask([text('one')]));
    expect(failure).toMatchObject({status, retryable});
    expect(failure.message).toContain(message);
  });

  it('has another identity whenever an answer can differ', () => {
    const identity = (options: Partial<LlamaCppLogProbabilitiesOptions>) =>
      JSON.stringify(llamaCpp({...letters, ...options}).identity);
    const options = [{}, {endsTurn: false}, {template: 'none'}, {templateOptions: {}}, {reusePrompts: true}] as const;
    expect(new Set(options.map(identity)).size).toBe(5);
    expect(identity({timeout: 1, concurrency: 3, key: 'other'})).toBe(identity({}));
  });

  it('takes no end of a turn without a chat template', () => {
    expect(() => llamaCpp({...letters, template: 'none', endsTurn: true})).toThrow('there is no turn to end');
  });

  testTeacher({
    it,
    teacher: async () => llamaCpp({...letters, url: await grammarServer(), service: 'letters', output: 'label'}),
    queries: ['one', 'three', 'a'].map(text),
    badQuery: floats(1),
    secret: key,
  });
});

function grammarServer(): Promise<string> {
  return jsonServer(({messages}: LetterBody) => {
    const probabilities = probabilitiesOf(messages.at(-1)!.content, classes.length);
    const content = classes[probabilities.indexOf(Math.max(...probabilities))];
    return {body: {choices: [{index: 0, message: {content}, finish_reason: 'stop'}]}};
  });
}

describe.skipIf(programsOf('servers') === undefined)(`llama-cpp with llama.cpp's server (else: ${NO_SERVERS})`, () => {
  let server: PythonServer;
  const live = () => ({...shared, url: server.url, service: 'tiny', key});

  beforeAll(async () => {
    server = (await startLlamaCpp(key))!;
  }, 60_000);

  afterAll(() => server?.stop());

  testTeacher({
    it,
    teacher: () => llamaCpp(live()),
    queries: texts.map(text),
    badQuery: floats(1),
    secret: key,
  });

  it('agrees with transformers', async () => {
    const outcomes = await llamaCpp(live()).ask(texts.map(text));
    for (const [row, outcome] of outcomes.entries())
      expectClose(logsOf(outcome), expectedLogs(texts[row]!, classes), 2);
  });

  it.skipIf(noLibrary !== undefined)(`agrees with the same model in this process (else: ${noLibrary})`, async () => {
    const outcomes = await llamaCpp(live()).ask(texts.map(text));
    const {codes, prompt} = shared;
    const within = await (await llama({path: MODEL, classes, codes, prompt, gpu: false})).ask(texts.map(text));
    for (const [row, outcome] of outcomes.entries()) expectClose(logsOf(outcome), logsOf(within[row]), 3);
  });

  it('answers a writer by its protocol of chats, held to a list of texts, and counts the tokens', async () => {
    const {prompted} = openai({model: 'tiny-sent', url: `${server.url}/v1`, key, output: 'texts', maxTokens: 40});
    const service = prompted.service!;
    const replies: Reply[] = [];
    const [outcome] = await prompted.ask([text('great film')], {
      exchange: async (_, send) => {
        replies.push(await send());
        return replies.at(-1)!;
      },
    });
    expect(replies[0]!.status).toBe(200);
    expect(service.read(replies[0]!, 1, {kind: 'label'})).toEqual([outcome]);
    expect(service.receipt!(replies[0]!).usage!.outputTokens).toBeGreaterThan(0);
    // A model of 397 tokens has little to say: an empty list, or a text that is cut off.
    const isEmpty = 'answer' in outcome! && outcome.answer.kind === 'label' && outcome.answer.label === 1;
    expect(isEmpty || ('error' in outcome! && outcome.error.message.includes('cut off'))).toBe(true);
  });

  it('answers a query alike to the last bit, whatever was asked before', async () => {
    const teacher = llamaCpp(live());
    const first = await teacher.ask([text(texts[0]!)]);
    await teacher.ask([text(`${texts[0]} and more`)]);
    expect(await teacher.ask([text(texts[0]!)])).toEqual(first);
  });

  it('moves little if the server goes on from earlier prompts', async () => {
    const fresh = await llamaCpp(live()).ask(texts.map(text));
    const reused = await llamaCpp({...live(), reusePrompts: true}).ask(texts.map(text));
    for (const [row, outcome] of reused.entries()) expectClose(logsOf(outcome), logsOf(fresh[row]), 2);
  });

  it('names no class in a text that was not asked for, and refuses a wrong key', async () => {
    const outcomes = await llamaCpp({...live(), output: 'label'}).ask(texts.map(text));
    expect(outcomes).toEqual([0, 1, 2].map(label => ({answer: {kind: 'label', label}})));
    const error = await failureOf(llamaCpp({...live(), key: 'wrong'}).ask([text('one')]));
    expect(error).toMatchObject({status: 401, retryable: false});
  });

  it('lets a text that is too long fail alone', async () => {
    const [long, short] = await llamaCpp(live()).ask([text('a b c '.repeat(200)), text(texts[0]!)]);
    expect(problemsIn([long!])[0]).toContain('--ctx-size');
    expect(answerOf(short).classes).toHaveLength(3);
  });
});
