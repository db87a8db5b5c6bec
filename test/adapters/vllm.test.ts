import {readFileSync} from 'node:fs';
import type {Dispatcher} from 'undici';
import {describe, expect, it} from 'vitest';
import {type VllmLogProbabilitiesOptions, vllm} from '../../adapters/vllm.ts';
import {InputError, TeacherError} from '../../src/errors.ts';
import type {Outcome, Reply, TopKAnswer} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {type JsonReply, jsonServer, probabilitiesOf} from './json-server.ts';
import {type Message, nextTokens, rendered, tokensOf, WAYS} from './letter-model.ts';
import {sessionOf} from './recorded-session.ts';
import {address, floats, offline, problemsIn, replayFor, text} from './replay.ts';

const classes = ['positive', 'negative', 'neutral'];
const key = 'very-secret';
const texts = ['great film but boring', 'terrible movie', 'the plot was okay'];
const reviews = texts.map(text);

/** The model that was recorded was trained on bare texts and answers with names. */
const shared = {url: `${address}/v1`, model: 'tiny', classes, codes: 'names', prompt: {user: '{text}'}} as const;

interface Way {
  readonly tokens: readonly number[];
  readonly logProbabilities: readonly number[];
}

const reference: Readonly<Record<string, Readonly<Record<string, readonly Way[]>>>> = JSON.parse(
  readFileSync(new URL('../fixtures/vllm/reference.json', import.meta.url), 'utf8'),
);

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** Log-probabilities in the order of the classes. */
function logsOf(outcome: Outcome | undefined): number[] {
  if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? new Error('no outcome');
  const {classes: named, logProbabilities} = outcome.answer as TopKAnswer;
  return classes.map((_, label) => logProbabilities[named.indexOf(label)]!);
}

const restOf = (outcome: Outcome | undefined) => (outcome as {readonly answer: TopKAnswer}).answer.rest;

function scoring(session: string, rest: Partial<VllmLogProbabilitiesOptions> = {}) {
  const network = sessionOf('vllm', session);
  return {...network, teacher: vllm({...shared, dispatcher: network.dispatcher, ...rest})};
}

async function failureOf(asked: Promise<unknown>): Promise<TeacherError> {
  const error = await asked.catch((thrown: unknown) => thrown);
  if (!(error instanceof TeacherError)) throw new Error(`expected a TeacherError, got ${error}`);
  return error;
}

describe('vllm, scoring answers on recorded replies', () => {
  it('gives each class the exact probability of its answer, whichever way it is written', async () => {
    const outcomes = await scoring('vllm-answers-200').teacher.ask(reviews);
    for (const [row, outcome] of outcomes.entries()) {
      const expected = classes.map(name =>
        sum(reference[texts[row]!]![name]!.map(way => Math.exp(sum(way.logProbabilities)))),
      );
      for (const [label, log] of logsOf(outcome).entries()) expect(log).toBeCloseTo(Math.log(expected[label]!), 4);
      expect(restOf(outcome)).toBeCloseTo(1 - sum(expected), 5);
    }
  });

  it('leaves the end of the turn out if that is wished', async () => {
    const {teacher, sent} = scoring('vllm-first-tokens-200', {endsTurn: false});
    const [outcome] = await teacher.ask(reviews.slice(0, 1));
    const expected = classes.map(name =>
      sum(reference[texts[0]!]![name]!.map(way => Math.exp(sum(way.logProbabilities.slice(0, -1))))),
    );
    for (const [label, log] of logsOf(outcome).entries()) expect(log).toBeCloseTo(Math.log(expected[label]!), 4);
    const [scored] = sent.filter(({path}) => path === '/v1/completions');
    // After the prompt, and after the `ne` of two classes.
    expect((scored!.body as {readonly prompt: unknown[]}).prompt).toHaveLength(2);
  });

  it('asks how codes are written once, and then in two requests about a text', async () => {
    const {teacher, sent} = scoring('vllm-answers-200');
    await teacher.ask(reviews.slice(0, 1));
    const before = sent.length;
    await teacher.ask(reviews.slice(1, 2));
    expect(sent.slice(before).map(({path}) => path)).toEqual(['/tokenize', '/v1/completions']);
    expect(sent.at(-2)!.body).toEqual({
      model: 'tiny',
      messages: [{role: 'user', content: 'terrible movie'}],
      add_generation_prompt: true,
      chat_template_kwargs: {enable_thinking: false},
    });
    expect(sent.at(-1)!.body).toMatchObject({
      max_tokens: 1,
      temperature: 0,
      logprob_token_ids: [282, 292, 262, 280, 294, 3, 274, 290],
    });
  });

  it('reads the same off the prompts’ own log-probabilities if vLLM knows no other way', async () => {
    const {teacher, sent} = scoring('vllm-older-200');
    const [outcome] = await teacher.ask(reviews.slice(0, 1));
    const [newer] = await scoring('vllm-answers-200').teacher.ask(reviews.slice(0, 1));
    for (const [label, log] of logsOf(newer).entries()) expect(logsOf(outcome)[label]).toBeCloseTo(log, 6);
    const scored = sent.filter(({path}) => path === '/v1/completions').map(({body}) => Object.keys(body as object));
    expect(scored.map(fields => fields.includes('prompt_logprobs'))).toEqual([false, true]);
    await teacher.ask(reviews.slice(0, 1));
    expect(sent.filter(({path}) => path === '/v1/completions')).toHaveLength(3);
  });

  it('gives a model without a chat template the prompt as it is', async () => {
    const {teacher, sent} = scoring('vllm-plain-200', {template: 'none', prompt: {user: 'Review: {text}\nLabel:'}});
    const [outcome] = await teacher.ask(reviews.slice(0, 1));
    expect(logsOf(outcome).every(Number.isFinite)).toBe(true);
    const prompt = 'Review: great film but boring\nLabel:';
    expect(sent.at(-2)!.body).toEqual({model: 'tiny', prompt, add_special_tokens: true});
    expect(teacher.identity).toMatchObject({template: 'none', endsTurn: false});
  });

  it('refuses logits instead of log-probabilities', async () => {
    const outcomes = await scoring('vllm-raw-logits-200', {endsTurn: false}).teacher.ask(reviews.slice(0, 1));
    expect(problemsIn(outcomes)[0]).toContain('vLLM does with `--logprobs-mode raw_logprobs`');
  });

  it('lets a text that is too long fail alone', async () => {
    const {teacher} = scoring('vllm-too-long-400');
    const [outcome] = await teacher.ask([text('a b c '.repeat(64))]);
    expect((outcome as {readonly error: TeacherError}).error).toMatchObject({status: 400, retryable: false});
    expect(problemsIn([outcome!])[0]).toContain('The text is longer than `--max-model-len`');
  });

  it('says what model there is none of', async () => {
    const {teacher} = scoring('vllm-no-model-404', {model: 'nope'});
    const error = await failureOf(teacher.ask(reviews.slice(0, 1)));
    expect(error).toMatchObject({status: 404, retryable: false});
    expect(error.message).toContain('It serves no model of that name. Check `model`');
  });
});

/** A server that speaks as vLLM does about a model whose answers are known. */
function letterServer(
  answers: readonly string[],
  spoil: (body: CompletionBody) => JsonReply | undefined = () => undefined,
) {
  return jsonServer((body: TokenizeBody & CompletionBody, path) => {
    if (path === '/tokenize') {
      const {messages, prompt, add_generation_prompt} = body as TokenizeBody;
      const tokens = tokensOf(messages ? rendered(messages, add_generation_prompt ?? true) : prompt!);
      return {body: {count: tokens.length, max_model_len: 9999, tokens}};
    }
    return spoil(body) ?? completionOf(body, answers);
  });
}

interface TokenizeBody {
  readonly messages?: readonly Message[];
  readonly prompt?: string;
  readonly add_generation_prompt?: boolean;
}

interface CompletionBody {
  readonly prompt: readonly (readonly number[])[];
  readonly logprob_token_ids: readonly number[];
}

function completionOf({prompt, logprob_token_ids: asked}: CompletionBody, answers: readonly string[]): JsonReply {
  if (asked.length > 128)
    return {status: 400, body: {error: {message: 'too many', type: 'BadRequestError', code: 400}}};
  const choices = prompt.map((tokens, index) => {
    const next = nextTokens(tokens, answers);
    const told = next.slice(0, 1);
    for (const id of asked) told.push({id, logprob: next.find(token => token.id === id)?.logprob ?? -9999});
    const top = Object.fromEntries(told.map(({id, logprob}) => [`token_id:${id}`, logprob]));
    return {index, text: '', logprobs: {top_logprobs: [top]}, finish_reason: 'length'};
  });
  const usage = {prompt_tokens: prompt.flat().length, completion_tokens: prompt.length};
  return {body: {model: 'letters', system_fingerprint: 'vllm-0', choices, usage}};
}

const letters = {model: 'letters', classes, codes: 'names', prompt: {user: '{text}'}, key} as const;

describe('vllm, scoring answers', () => {
  testTeacher({
    it,
    teacher: async () => vllm({...letters, url: await letterServer(classes), service: 'letters'}),
    queries: ['one', 'three', 'a'].map(text),
    badQuery: floats(1),
    secret: key,
  });

  it('asks about as many tokens at once as vLLM tells of, and scores any number of classes', async () => {
    const many = Array.from({length: 200}, (_, index) => String.fromCodePoint(0x4e00 + index));
    const url = await letterServer(many);
    const [outcome] = await vllm({...letters, classes: many, url}).ask([text('one')]);
    const {classes: named, logProbabilities, rest} = (outcome as {readonly answer: TopKAnswer}).answer;
    expect(named).toHaveLength(200);
    expect(rest).toBeCloseTo(1 - WAYS.bare - WAYS.spaced, 5);
    for (const [label, probability] of probabilitiesOf('one', 200).entries()) {
      const log = logProbabilities[named.indexOf(label)];
      expect(log).toBeCloseTo(Math.log((WAYS.bare + WAYS.spaced) * probability), 4);
    }
  });

  it('keeps a reply that says all that its reader needs, and no more of it than that', async () => {
    const url = await letterServer(classes);
    const kept: Reply[] = [];
    const exchange = async (_: readonly number[], send: () => Promise<Reply>) => {
      const reply = await send();
      kept.push(reply);
      return reply;
    };
    const [outcome] = await vllm({...letters, url}).ask([text('one')], {exchange});
    const {service, detail} = vllm(letters);
    expect(service!.read(kept[0]!, 1, detail)).toEqual([outcome]);
    expect(kept[0]!.body.length).toBeLessThan(3000);
    const receipt = service!.receipt!(kept[0]!);
    expect(receipt).toMatchObject({model: 'letters', fingerprint: 'vllm-0'});
    const {inputTokens, outputTokens} = service!.worstCase!([text('one')])!;
    expect(receipt.usage!.inputTokens).toBeLessThanOrEqual(inputTokens);
    expect(receipt.usage!.outputTokens).toBeLessThanOrEqual(outputTokens);
  });

  it('says what the requests before a refusal used', async () => {
    // Too many tokens for one request: the first of two is refused, and the other one is charged.
    const many = Array.from({length: 200}, (_, index) => String.fromCodePoint(0x4e00 + index));
    let charged = 0;
    const url = await letterServer(many, body => {
      const refuses = body.logprob_token_ids.length < 128;
      if (!refuses) charged += body.prompt.flat().length;
      return refuses ? {status: 503, body: {}} : undefined;
    });
    const replies: Reply[] = [];
    const exchange = async (_: readonly number[], send: () => Promise<Reply>) => {
      replies.push(await send());
      return replies[0]!;
    };
    const asked = vllm({...letters, classes: many, url}).ask([text('one')], {exchange});
    await expect(asked).rejects.toThrow(TeacherError);
    expect(charged).toBeGreaterThan(0);
    expect(replies).toMatchObject([{status: 503, used: {inputTokens: charged}}]);
  });

  it('says so if no log-probabilities are told in either way', async () => {
    const choice = {index: 0, logprobs: {top_logprobs: [{'token_id:112': -0.1}]}};
    const url = await letterServer(classes, () => ({body: {model: 'letters', choices: [choice]}}));
    const outcomes = await vllm({...letters, url}).ask([text('one')]);
    expect(problemsIn(outcomes)[0]).toContain('It did not give all log-probabilities that it was asked for.');
  });

  it('tells of codes that begin another one if the end of the turn does not count', async () => {
    const options = {...letters, classes: ['yes', 'yesterday'], url: await letterServer(['yes', 'yesterday'])};
    await expect(vllm({...options, endsTurn: false}).ask([text('one')])).rejects.toThrow(InputError);
    expect(problemsIn(await vllm(options).ask([text('one')]))).toEqual(['none']);
  });

  it('asks again how codes are written if that failed', async () => {
    const network = offline();
    const teacher = vllm({...letters, url: address, dispatcher: network.dispatcher});
    network.answer('/tokenize', 503, {});
    const error = await failureOf(teacher.ask([text('one')]));
    expect(error).toMatchObject({status: 503, retryable: true});
    network.answer('/tokenize', 401, {error: 'Unauthorized'});
    expect((await failureOf(teacher.ask([text('one')]))).message).toContain('It refuses the key.');
  });

  it('does not wait for how codes are written once it is aborted', async () => {
    const silent = {dispatch: () => true} as unknown as Dispatcher;
    const reason = new Error('enough');
    const controller = new AbortController();
    const teacher = vllm({...letters, url: address, dispatcher: silent, timeout: 500});
    const asked = teacher.ask([text('one')], {signal: controller.signal});
    controller.abort(reason);
    await expect(asked).rejects.toBe(reason);
  });

  it('has another identity whenever an answer can differ', () => {
    const identity = (options: Partial<VllmLogProbabilitiesOptions>) =>
      JSON.stringify(vllm({...letters, ...options}).identity);
    const options = [
      {},
      {endsTurn: false},
      {template: 'none'},
      {templateOptions: {}},
      {parameters: {lora: 'x'}},
    ] as const;
    expect(new Set(options.map(identity)).size).toBe(5);
    expect(identity({timeout: 1, concurrency: 3, key: 'other'})).toBe(identity({}));
    expect(identity({url: 'http://127.0.0.1:8000/v1/'})).toBe(identity({url: 'http://127.0.0.1:8000'}));
  });

  it('takes no end of a turn without a chat template', () => {
    expect(() => vllm({...letters, template: 'none', endsTurn: true})).toThrow('there is no turn to end');
  });
});

describe('vllm, choosing labels', () => {
  const black = {...shared, output: 'label'} as const;

  it('has the model choose among the classes', async () => {
    const {dispatcher, sent} = sessionOf('vllm', 'vllm-choice-200');
    const outcomes = await vllm({...black, dispatcher}).ask(reviews);
    expect(outcomes).toEqual([0, 1, 2].map(label => ({answer: {kind: 'label', label}})));
    expect(sent[0]!.body).toMatchObject({structured_outputs: {choice: classes}, temperature: 0});
  });

  it('counts the votes of several answers to one request', async () => {
    const {dispatcher} = sessionOf('vllm', 'vllm-votes-200');
    const [outcome] = await vllm({...black, samples: 3, dispatcher}).ask(reviews.slice(0, 1));
    expect(outcome).toEqual({answer: {kind: 'votes', counts: Uint32Array.of(3, 0, 0)}});
  });

  it('finds out a vLLM that does not heed the choice', async () => {
    const {dispatcher} = replayFor('vllm', 'vllm-ignored-choice-200');
    const others = {...black, classes: ['negative', 'neutral'], dispatcher};
    expect(problemsIn(await vllm(others).ask(reviews.slice(0, 1)))[0]).toContain('ignores `structured_outputs`');
  });

  testTeacher({
    it,
    teacher: async () => vllm({...letters, url: await choiceServer(), service: 'letters', output: 'label'}),
    queries: ['one', 'three', 'a'].map(text),
    badQuery: floats(1),
    secret: key,
  });
});

function choiceServer(): Promise<string> {
  return jsonServer(({messages}: {readonly messages: readonly Message[]}) => {
    const probabilities = probabilitiesOf(messages.at(-1)!.content, classes.length);
    const content = classes[probabilities.indexOf(Math.max(...probabilities))];
    return {body: {choices: [{index: 0, message: {content}, finish_reason: 'stop'}]}};
  });
}

describe('vllm, asking a classifier', () => {
  const classifier = {task: 'classify', url: address, model: 'tinycls', classes} as const;
  const asked = ['great fun film', 'terrible movie', 'the plot was okay'].map(text);

  it('gives the logits of all classes', async () => {
    const {dispatcher, sent} = replayFor('vllm', 'vllm-classify-logits-200');
    const outcomes = await vllm({...classifier, dispatcher}).ask(asked.slice(0, 2));
    expect(outcomes[0]).toEqual({
      answer: {
        kind: 'logits',
        logits: Float32Array.of(3.3817384243011475, -1.4052988290786743, -1.9603986740112305),
        features: {},
      },
    });
    expect(sent[0]!.body).toEqual({
      model: 'tinycls',
      input: ['great fun film', 'terrible movie'],
      use_activation: false,
    });
  });

  it('gives probabilities if those are asked for', async () => {
    const {dispatcher} = replayFor('vllm', 'vllm-classify-200');
    const outcomes = await vllm({...classifier, output: 'probabilities', dispatcher}).ask(asked);
    const probabilities = [0.004543876741081476, 0.9914707541465759, 0.003985326737165451];
    const logProbabilities = Float32Array.from(probabilities, Math.log);
    expect(outcomes[1]).toEqual({answer: {kind: 'log-probabilities', logProbabilities}});
  });

  it.each<[string, object, string, string]>([
    [
      'another order',
      {classes: [...classes].reverse()},
      'vllm-classify-logits-200',
      'in the order of the model’s `id2label`',
    ],
    ['another number of classes', {classes: ['positive', 'negative']}, 'vllm-classify-logits-200', 'for 2 classes'],
  ])('finds out %s', async (_, options, name, problem) => {
    const {dispatcher} = replayFor('vllm', name);
    const outcomes = await vllm({...classifier, ...options, dispatcher}).ask(
      asked.slice(0, name.includes('logits') ? 2 : 3),
    );
    expect(problemsIn(outcomes)[0]).toContain(problem);
  });

  it('says so if there is no classifier', async () => {
    const {dispatcher} = sessionOf('vllm', 'vllm-no-classifier-404');
    const error = await failureOf(vllm({...classifier, model: 'tiny', dispatcher}).ask(reviews.slice(0, 1)));
    expect(error.message).toContain('It does not have `/classify`.');
  });

  testTeacher({
    it,
    teacher: async () => vllm({...classifier, url: await classifierServer(), service: 'letters', key}),
    queries: ['one', 'three', 'a'].map(text),
    badQuery: floats(1),
    secret: key,
  });
});

function classifierServer(): Promise<string> {
  return jsonServer(({input}: {readonly input: readonly string[]}) => {
    const data = input.map((said, index) => {
      const probs = probabilitiesOf(said, classes.length).map(value => Math.log(value) + 1);
      return {index, label: classes[probs.indexOf(Math.max(...probs))], probs, num_classes: classes.length};
    });
    return {body: {object: 'list', model: 'letters', data}};
  });
}
