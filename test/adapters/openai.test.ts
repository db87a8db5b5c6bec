import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {type OpenAiOptions, openai} from '../../adapters/openai.ts';
import {askAll} from '../../src/ask/batches.ts';
import {InputError, type TeacherError} from '../../src/errors.ts';
import {openAsking} from '../../src/index.ts';
import type {LabelAnswer, Outcome, TopKAnswer} from '../../src/teacher.ts';
import {testTeacher} from '../teacher-suite.ts';
import {chatServer, type Protocol, tokensOf} from './chat-server.ts';
import {address, failureOf, floats, type Offline, offline, problemsIn, recordedFor, replayFor, text} from './replay.ts';

const classes = ['positive', 'negative', 'neutral'];
const key = 'sk-very-secret';

/** The model that was recorded was trained on bare texts and answers with names. */
const bare = {model: 'tiny', classes, codes: 'names', prompt: {user: '{text}'}, key} as const;
const url = `${address}/v1`;
const review = text('great film but boring');

function gray({dispatcher}: Offline, rest: Partial<OpenAiOptions<'log-probabilities'>> = {}) {
  return openai({url, ...bare, output: 'log-probabilities', dispatcher, ...rest});
}

function black({dispatcher}: Offline, rest: Partial<OpenAiOptions<'label'>> = {}) {
  return openai({url, ...bare, output: 'label', dispatcher, ...rest});
}

function probabilityOf(outcome: Outcome | undefined, name: string): number {
  const {classes: named, logProbabilities} = answerOf<TopKAnswer>(outcome);
  const index = named.indexOf(classes.indexOf(name));
  return index < 0 ? 0 : Math.exp(logProbabilities[index]!);
}

function answerOf<T>(outcome: Outcome | undefined): T {
  if (outcome === undefined || 'error' in outcome) throw outcome?.error ?? new Error('no outcome');
  return outcome.answer as T;
}

describe('openai on replies of real servers', () => {
  it.each([
    // The label's own token, and after it the tokens that end the word.
    ['vLLM', 'vllm-logprobs-200', Math.exp(-0.006019) * (Math.exp(-0.005686) + Math.exp(-6.138) + Math.exp(-8.168))],
    ['llama.cpp', 'llama-cpp-sentiment-200', Math.exp(-0.043388) * (Math.exp(-0.003948) + Math.exp(-7.073))],
    // It does not give the reason of the end.
    ['Ollama', 'ollama-logprobs-200', Math.exp(-0.006002)],
  ])('reads the distribution of a model behind %s', async (_, name, expected) => {
    const [outcome] = await gray(replayFor('openai', name)).ask([review]);
    expect(probabilityOf(outcome, 'positive')).toBeCloseTo(expected, 3);
    const {logProbabilities, rest} = answerOf<TopKAnswer>(outcome);
    const mass = logProbabilities.reduce((sum, value) => sum + Math.exp(value), rest);
    expect(mass).toBeCloseTo(1, 6);
  });

  it('reads log-probabilities of Responses', async () => {
    const network = replayFor('openai', 'vllm-responses-200');
    const [outcome] = await gray(network, {api: 'responses', topLogprobs: 2}).ask([text('great film')]);
    expect(probabilityOf(outcome, 'positive')).toBeGreaterThan(0.9);
    expect(network.sent[0]!.body).toEqual({
      model: 'tiny',
      input: 'great film',
      max_output_tokens: 16,
      store: false,
      temperature: 0,
      include: ['message.output_text.logprobs'],
      top_logprobs: 2,
    });
  });

  it('reads a label out of a constrained answer, quotes and all', async () => {
    const [outcome] = await black(replayFor('openai', 'vllm-enum-200')).ask([review]);
    const {body} = recordedFor('openai', 'vllm-enum-200').response;
    const {content} = (body as {choices: {message: {content: string}}[]}).choices[0]!.message;
    expect(answerOf<LabelAnswer>(outcome).label).toBe(classes.indexOf(content.replaceAll('"', '')));
  });

  it.each([
    ['drops them', 'litellm-chat-200', 'Its reply holds no log-probabilities.'],
    ['knows none', 'transformers-no-logprobs-200', 'Its reply holds no log-probabilities.'],
    ['gives logits instead', 'vllm-raw-logits-200', 'logits instead of log-probabilities'],
  ])('says so if a service ignores log-probabilities in silence: it %s', async (_, name, problem) => {
    const [outcome] = await gray(replayFor('openai', name)).ask([review]);
    expect(problemsIn([outcome!])[0]).toContain(problem);
  });

  it('finds out a service that ignores how many answers were wanted', async () => {
    const [outcome] = await black(replayFor('openai', 'llmock-chat-200'), {samples: 3}).ask([review]);
    expect(problemsIn([outcome!])[0]).toContain('It gave 1 answers, though 3 were asked for.');
  });

  it('sets an answer that names no class apart as unreadable', async () => {
    const network = offline();
    const message = {role: 'assistant', content: 'I would call it positive'};
    network.answer('/v1/chat/completions', 200, {choices: [{finish_reason: 'stop', message}]});
    const [outcome] = await black(network).ask([review]);
    const {error} = outcome as {readonly error: TeacherError};
    expect(error).toMatchObject({unreadable: true, status: 200});
    expect(error.message).toContain('Its answer names none of the 3 classes.');
  });
});

describe('openai with codes that share their first token', () => {
  const body = JSON.stringify({
    choices: [
      {
        finish_reason: 'stop',
        message: {content: 'positive'},
        logprobs: {
          content: [
            {
              ...{token: 'positive', logprob: Math.log(0.5)},
              top_logprobs: [
                {token: 'positive', logprob: Math.log(0.5)},
                {token: 'ne', logprob: Math.log(0.42)},
                {token: ' ', logprob: Math.log(0.05)},
              ],
            },
          ],
        },
      },
    ],
  });
  const reply = {status: 200, headers: {}, body};

  it('says how much is lost by that, and which option avoids it', () => {
    expect(gray(offline()).service?.note?.(reply)).toMatch(
      /^42 % of the probability .* `ne`, .*\(`negative`, `neutral`\).* counts as rest\. Leave `codes` out: .* letter/,
    );
  });

  it('says nothing with codes that are told apart at once', () => {
    expect(gray(offline(), {codes: ['positive', 'bad', 'neutral']}).service?.note?.(reply)).toBeUndefined();
    expect(gray(offline(), {codes: ['A', 'B', 'C']}).service?.note?.(reply)).toBeUndefined();
    expect(gray(offline()).service?.note?.({...reply, body: '{}'})).toBeUndefined();
    expect(black(offline()).service?.note).toBeUndefined();
  });

  it('says it once in a run', async () => {
    const notes: string[] = [];
    const server = await chatServer({asked: () => '', reply: () => JSON.parse(body) as object});
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-notes-'));
    const paths = {cache: join(folder, 'answers'), journal: join(folder, 'journal')};
    const asking = await openAsking({...paths, onNote: note => notes.push(note)});
    const teacher = openai({...bare, url: `${server}/v1`, output: 'log-probabilities'});
    await askAll(asking.open(teacher).teacher, ['a', 'b', 'c'].map(text));
    await asking.close();
    await rm(folder, {recursive: true});
    expect(notes.filter(note => note.includes('Leave `codes` out'))).toHaveLength(1);
  });
});

describe('openai, if the service refuses', () => {
  it.each([
    [
      'llmock-key-401',
      401,
      false,
      'It answered 401 (invalid_api_key, authentication_error): "Unauthorized." It refuses the key.',
    ],
    ['llmock-rate-429', 429, true, 'It answered 429 (rate_limit_exceeded, rate_limit_error): "Rate limit exceeded."'],
    ['llmock-failed-500', 500, true, 'It answered 500 (internal_error, server_error): "Internal server error."'],
    ['llmock-busy-503', 503, true, 'It answered 503 (service_unavailable, server_error): "Service unavailable."'],
    ['vllm-key-401', 401, false, 'It answered 401: "Unauthorized". It refuses the key. Set LIMBECK_TEACHER_KEY'],
    ['vllm-no-model-404', 404, false, 'does not exist. Valid aliases: tiny." It has no such model for this key.'],
    ['vllm-top-logprobs-400', 400, false, 'Lower `topLogprobs`'],
    ['vllm-value-400', 400, false, 'Fields of the request can be changed or left out by `parameters`.'],
    ['litellm-rate-429', 429, true, 'It answered 429 (throttling_error): "litellm.RateLimitError'],
    ['litellm-no-model-400', 400, false, 'Invalid model name passed in model=nope. Call'],
    ['transformers-failed-400', 400, false, "requested 'nope/none'.\" It has no such model for this key."],
  ])('%s stops with a message of its own', async (name, status, retryable, message) => {
    const error = await failureOf(black(replayFor('openai', name)).ask([review]));
    expect(error).toMatchObject({status, retryable, unreadable: false});
    expect(error.message).toContain(message);
    expect(error.message).not.toContain(key);
  });

  it.each([
    ['vllm-too-long-400', '/v1/completions'],
    ['llama-cpp-too-long-400', '/completion'],
    ['llama-cpp-python-too-long-400', '/v1/completions'],
    ['litellm-too-long-400', '/v1/chat/completions'],
  ])('%s is the fault of one text, which fails alone', async name => {
    const network = offline();
    const {status, body} = recordedFor('openai', name).response;
    network.answer('/v1/chat/completions', status, body);
    const [outcome] = await black(network).ask([review]);
    expect((outcome as {readonly error: TeacherError}).error).toMatchObject({status: 400, retryable: false});
  });

  it.each([
    ['vllm-value-400', 'unclear'],
    ['vllm-too-long-400', 'of-input'],
    ['llmock-key-401', undefined],
    ['llmock-failed-500', undefined],
  ])('says of %s whether it refuses the text: %s', async (name, refusal) => {
    const network = offline();
    const {status, body} = recordedFor('openai', name).response;
    network.answer('/v1/chat/completions', status, body);
    expect((await failureOf(black(network).ask([review]))).refusal).toBe(refusal);
  });

  it('takes no account that is spent for a text that is refused', async () => {
    const network = offline();
    network.answer('/v1/chat/completions', 400, {error: {code: 'insufficient_quota'}});
    const error = await black(network)
      .ask([review])
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({status: 400, refusal: undefined});
  });

  it('fails a tensor alone', async () => {
    const problems = problemsIn(await black(offline()).ask([floats(1, 2)]));
    expect(problems[0]).toContain('It reads texts, images and records, and this input is a tensor.');
  });
});

describe('what openai sends', () => {
  const asked = async (options: Partial<OpenAiOptions<'label'>>) => {
    const network = replayFor('openai', 'vllm-enum-200');
    await black(network, options).ask([review]);
    return network.sent[0]!;
  };

  it('is a schema with the names of the classes, for labels', async () => {
    const {body, headers} = await asked({});
    expect(body).toEqual({
      model: 'tiny',
      messages: [{role: 'user', content: 'great film but boring'}],
      max_tokens: 32,
      temperature: 0,
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'answer',
          strict: true,
          schema: {
            type: 'object',
            properties: {label: {type: 'string', enum: classes}},
            required: ['label'],
            additionalProperties: false,
          },
        },
      },
    });
    expect(headers).toMatchObject({authorization: `Bearer ${key}`});
  });

  it('lists the classes with their codes and descriptions, the text last', async () => {
    const network = replayFor('openai', 'vllm-logprobs-200');
    const {prompt: _, codes: __, ...rest} = bare;
    const descriptions = {neutral: 'neither praise nor blame'};
    const options = {...rest, url, descriptions, output: 'log-probabilities', dispatcher: network.dispatcher} as const;
    await openai(options)
      .ask([review])
      .catch(() => {});
    expect(network.sent[0]!.body).toMatchObject({
      messages: [
        {
          role: 'system',
          content:
            'Sort the text into one of these classes.\nA: positive\nB: negative\n' +
            'C: neutral (neither praise nor blame)\nAnswer with the code of one class, and with nothing else.',
        },
        {role: 'user', content: 'great film but boring'},
      ],
      logprobs: true,
      top_logprobs: 20,
      max_tokens: 4,
    });
  });

  it('leaves out or replaces what `parameters` say', async () => {
    const {body} = await asked({parameters: {temperature: null, seed: 3, max_tokens: 99}});
    expect(body).toMatchObject({seed: 3, max_tokens: 99});
    expect(body).not.toHaveProperty('temperature');
  });

  it('goes to a deployment of Azure with its version and its kind of key', async () => {
    const network = offline();
    const {body} = recordedFor('openai', 'vllm-enum-200').response;
    network.answer('/openai/deployments/mini/chat/completions?api-version=2024-10-21', 200, body);
    const azure = {url: `${address}/openai/deployments/mini`, apiVersion: '2024-10-21'};
    await black(network, azure).ask([review]);
    expect(network.sent[0]!.headers).toMatchObject({'api-key': key});
    expect(network.sent[0]!.headers).not.toHaveProperty('authorization');
    expect(network.sent[0]!.body).toHaveProperty('max_completion_tokens');
  });

  it.each(['https://api.openai.com/v1/', 'https://API.OpenAI.com/v1', 'https://api.openai.com:443/v1//'])(
    'goes to OpenAI itself at %s, and is the same teacher',
    async url => {
      const network = offline('https://api.openai.com');
      network.answer('/v1/chat/completions', 200, recordedFor('openai', 'vllm-enum-200').response.body);
      const options = {classes, output: 'label', model: 'tiny', key, dispatcher: network.dispatcher} as const;
      const [teacher, canonical] = [openai({...options, url}), openai(options)];
      expect(teacher.name).toBe(canonical.name);
      expect(teacher.identity).toEqual(canonical.identity);
      expect(teacher.service!.account).toBe(canonical.service!.account);
      await teacher.ask([review]);
      expect(network.sent[0]!.body).toHaveProperty('max_completion_tokens');
    },
  );

  it('lists the classes in another order for another asking, if they are rotated', async () => {
    const network = replayFor('openai', 'vllm-enum-200', 'vllm-enum-200');
    const teacher = black(network, {prompt: {user: '{classes}\n{text}'}, rotateClasses: true});
    for (const sample of [1, 2]) await teacher.ask([{...review, sample}]);
    const contents = network.sent.map(({body}) => (body as {messages: {content: string}[]}).messages[0]!.content);
    expect(contents[0]).toMatch(/^negative\nneutral\npositive\n/);
    expect(contents[1]).toMatch(/^neutral\npositive\nnegative\n/);
    expect(teacher.identity).toMatchObject({rotates: true});
  });

  it('is sent to others without the key of OpenAI', async () => {
    process.env['OPENAI_API_KEY'] = key;
    try {
      const network = replayFor('openai', 'vllm-enum-200');
      const {key: _, ...rest} = bare;
      await openai({...rest, url, output: 'label', dispatcher: network.dispatcher}).ask([review]);
      expect(JSON.stringify(network.sent[0]!.headers)).not.toContain(key);
    } finally {
      delete process.env['OPENAI_API_KEY'];
    }
  });

  it('has another identity whenever anything in the request but the text differs', () => {
    const identity = (options: Partial<OpenAiOptions<'label'>>) => JSON.stringify(black(offline(), options).identity);
    const identities = [{}, {temperature: 1}, {structured: false}, {instructions: 'x', prompt: {user: 'x {text}'}}];
    expect(new Set(identities.map(identity)).size).toBe(4);
    expect(identity({timeout: 1, concurrency: 3, key: 'other'})).toBe(identity({}));
  });
});

describe('options that can not be used', () => {
  it.each<[string, object]>([
    ['`samples` counts votes of labels', {output: 'log-probabilities', samples: 2}],
    ['all `samples` are the same', {output: 'label', samples: 2, temperature: 0}],
    ['Leave `structured` out', {output: 'log-probabilities', structured: true}],
    ['need `output: ', {output: 'label', topLogprobs: 5}],
    ['`output` takes one of "label"', {output: 'labels'}],
    ['has no `{text}`', {output: 'label', prompt: {user: 'hello'}}],
    ['At least two `classes`|at least two `classes`', {output: 'label', classes: ['one']}],
    ['which is no class', {output: 'label', descriptions: {other: 'x'}}],
    ['Set `temperature: 1`', {output: 'log-probabilities', logprobsTaken: 'after-temperature', temperature: 0}],
  ])('are refused at once: %s', (message, options) => {
    const make = () => openai({...bare, url, ...options} as unknown as OpenAiOptions<'label'>);
    expect(make).toThrow(InputError);
    expect(make).toThrow(new RegExp(message));
  });
});

interface ChatBody {
  readonly messages: readonly {readonly content: string}[];
  readonly logprobs?: boolean;
  readonly response_format?: {readonly json_schema: {readonly schema: {readonly properties: object}}};
}

const protocol: Protocol = {
  asked: ({messages}: ChatBody) => messages.at(-1)!.content,
  reply(opinion, {logprobs, response_format}: ChatBody) {
    const tokens = tokensOf(opinion);
    const {properties} = response_format?.json_schema.schema ?? {};
    const said = {label: opinion.label, ...(properties && 'confidence' in properties && {confidence: 80})};
    return {
      model: 'tiny',
      system_fingerprint: 'fp_1',
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: {role: 'assistant', content: properties ? JSON.stringify(said) : tokens[0]!.token},
          logprobs: logprobs ? {content: [{...tokens[0]!, top_logprobs: tokens}]} : null,
        },
      ],
      usage: {prompt_tokens: 10, completion_tokens: 1, total_tokens: 11},
    };
  },
};

describe.each(['label', 'confidence', 'log-probabilities'] as const)('openai with %s', output => {
  testTeacher({
    it,
    teacher: async () => openai({...bare, url: await chatServer(protocol), service: 'tiny', output}),
    queries: ['great cast', 'boring awful movie', 'a film'].map(text),
    badQuery: floats(1, 2),
    secret: key,
  });
});
