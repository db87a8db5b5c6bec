import {describe, expect, it} from 'vitest';
import {openai} from '../../adapters/openai.ts';
import type {RunningService, ServeOptions} from '../../src/serve/server.ts';
import type {Outcome} from '../../src/teacher.ts';
import {classes, post, type Reply, services} from './services.ts';

const start = services();

const asked = (content: unknown) => [
  {role: 'system', content: 'Sort the mail.'},
  {role: 'user', content: 'an example'},
  {role: 'assistant', content: 'news'},
  {role: 'user', content},
];

function chat(service: RunningService, rest: object = {}, content: unknown = 'spam 0.7', headers = {}): Promise<Reply> {
  const body = {model: 'gpt-4o-mini', messages: asked(content), temperature: 0, max_tokens: 5, ...rest};
  return post(service, '/v1/chat/completions', body, headers);
}

interface Chat {
  readonly choices: readonly {
    readonly message: {readonly content: string; readonly tool_calls?: readonly object[]};
    readonly logprobs: {readonly content: readonly {readonly token: string; readonly top_logprobs: object[]}[]};
  }[];
}

async function contentOf(service: RunningService, rest: object = {}, content: unknown = 'spam 0.7'): Promise<string> {
  return ((await chat(service, rest, content)).body as Chat).choices[0]!.message.content;
}

/** A form that has one label in it. */
function form(properties: object, required: readonly string[] = Object.keys(properties)): object {
  const schema = {type: 'object', properties, required, additionalProperties: false};
  return {response_format: {type: 'json_schema', json_schema: {name: 'answer', strict: true, schema}}};
}

const label = {type: 'string', enum: [...classes]};

describe('POST /v1/chat/completions', () => {
  it('says the class of the last message of the user, whatever model is asked for', async () => {
    const service = await start({calibration: {threshold: 0.8}});
    const {status, body} = await chat(service);
    expect(status).toBe(200);
    expect(body).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f-]{36}$/),
      object: 'chat.completion',
      created: expect.closeTo(Date.now() / 1000, -1),
      model: 'mails',
      system_fingerprint: 'limbeck_abcdef012345',
      choices: [
        {
          index: 0,
          message: {role: 'assistant', content: 'spam', refusal: null},
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {prompt_tokens: 2, completion_tokens: 1, total_tokens: 3},
      limbeck: {confidence: 0.7, abstains: true, answeredBy: 'student'},
    });
  });

  it('reads messages in parts', async () => {
    const service = await start();
    const parts = [
      {type: 'text', text: 'news'},
      {type: 'text', text: ' 0.9'},
    ];
    expect(await contentOf(service, {}, parts)).toBe('news');
  });

  it('finds the text in the prompt that clients were written with', async () => {
    const prompt = 'Sort this mail into ham, spam or news.\n\n<mail>\n{text}\n</mail>\nAnswer with one word.';
    const template = await start({prompt});
    expect(await contentOf(template, {}, prompt.replace('{text}', 'news 0.8'))).toBe('news');
    const other = await chat(template, {}, 'news 0.8');
    expect(other).toMatchObject({
      status: 400,
      body: {error: {param: 'messages', message: expect.stringContaining("doesn't match the prompt")}},
    });
    const expression = await start({prompt: '/<mail>\\s*(.*?)\\s*<\\/mail>/s'});
    expect(await contentOf(expression, {}, 'Whatever: <mail>\nnews 0.8\n</mail>!')).toBe('news');
  });

  it('puts the class into the form that is asked for', async () => {
    const service = await start();
    expect(await contentOf(service, {response_format: {type: 'text'}})).toBe('spam');
    expect(await contentOf(service, {response_format: {type: 'json_object'}})).toBe('{"label":"spam"}');
    expect(await contentOf(service, form({category: label}))).toBe('{"category":"spam"}');
    const constants = {anyOf: classes.map(name => ({type: 'string', const: name}))};
    const filled = form({kind: {const: 'mail'}, category: constants, confidence: {type: 'number'}});
    expect(JSON.parse(await contentOf(service, filled))).toEqual({kind: 'mail', category: 'spam', confidence: 0.7});
    expect(await contentOf(service, form({category: label, why: {type: 'string'}}, ['category']))).toBe(
      '{"category":"spam"}',
    );
    const references = {type: 'object', properties: {category: {$ref: '#/$defs/Category'}}, $defs: {Category: label}};
    const named = {type: 'json_schema', json_schema: {name: 'answer', schema: references}};
    expect(await contentOf(service, {response_format: named})).toBe('{"category":"spam"}');
    const bare = {type: 'json_schema', json_schema: {name: 'answer', schema: label}};
    expect(await contentOf(service, {response_format: bare})).toBe('"spam"');
  });

  it.each([
    [
      'a form without the classes',
      form({category: {type: 'string', enum: ['ham', 'spam']}}),
      'response_format',
      'No property',
    ],
    ['two labels', form({one: label, other: label}), 'response_format', 'More than one property'],
    ['words of its own', form({category: label, why: {type: 'string'}}), 'response_format', 'the property `why`'],
    ['several answers', {n: 2}, 'n', 'one answer'],
    ['scores without asking for them', {top_logprobs: 2}, 'top_logprobs', 'goes with `logprobs: true`'],
    ['too many scores', {logprobs: true, top_logprobs: 21}, 'top_logprobs', '20'],
    ['no messages', {messages: []}, 'messages', 'messages'],
    ['no message of the user', {messages: [{role: 'system', content: 'Sort.'}]}, 'messages', 'role `user`'],
    ['a tool that is not there', {tools: [], tool_choice: 'required'}, 'tool_choice', 'Name one function'],
  ])('refuses %s as the protocol has it', async (_, rest, param, problem) => {
    expect(await chat(await start(), rest)).toMatchObject({
      status: 400,
      body: {error: {type: 'invalid_request_error', param, message: expect.stringContaining(problem)}},
    });
  });

  it('refuses pictures', async () => {
    const reply = await chat(await start(), {}, [{type: 'image_url', image_url: {url: 'data:'}}]);
    expect(reply).toMatchObject({status: 400, body: {error: {message: expect.stringContaining('`image_url`')}}});
  });

  it('calls the function that it must call, and no other', async () => {
    const service = await start();
    const tools = ['sort', 'send'].map(name => ({
      type: 'function',
      function: {name, parameters: {type: 'object', properties: {[name]: label}, required: [name]}},
    }));
    const named = await chat(service, {tools, tool_choice: {type: 'function', function: {name: 'sort'}}});
    const call = {type: 'function', function: {name: 'sort', arguments: '{"sort":"spam"}'}};
    expect(named.body).toMatchObject({
      choices: [{message: {content: null, tool_calls: [call]}, finish_reason: 'stop', logprobs: null}],
    });
    const required = await chat(service, {tools: [tools[0]], tool_choice: 'required'});
    expect(required.body).toMatchObject({choices: [{message: {tool_calls: [call]}, finish_reason: 'tool_calls'}]});
    const free = (await chat(service, {tools, tool_choice: 'auto'})).body as Chat;
    expect(free.choices[0]!.message).toEqual({role: 'assistant', content: 'spam', refusal: null});
    expect(await chat(service, {tools, tool_choice: 'required'})).toMatchObject({status: 400});
  });

  it('gives log-probabilities of the classes, each as one token', async () => {
    const service = await start();
    const {body} = await chat(service, {logprobs: true, top_logprobs: 2});
    const log = (value: number) => expect.closeTo(Math.log(value), 5);
    const spam = {token: 'spam', logprob: log(0.7), bytes: [...Buffer.from('spam')]};
    expect((body as Chat).choices[0]!.logprobs).toEqual({
      content: [{...spam, top_logprobs: [spam, {token: 'ham', logprob: log(0.15), bytes: [104, 97, 109]}]}],
      refusal: null,
    });
    const bare = (await chat(service, {logprobs: true})).body as Chat;
    expect(bare.choices[0]!.logprobs.content[0]!.top_logprobs).toEqual([]);
    const json = (await chat(service, {logprobs: true, top_logprobs: 3, ...form({category: label})})).body as Chat;
    const [entry] = json.choices[0]!.logprobs.content;
    expect(entry).toMatchObject({token: '{"category":"spam"}', top_logprobs: [{token: '{"category":"spam"}'}, {}, {}]});
  });

  it('gives no more than is shown', async () => {
    const best = await start({detail: {kind: 'top-k', k: 1}});
    const {body} = await chat(best, {logprobs: true, top_logprobs: 3});
    expect((body as Chat).choices[0]!.logprobs.content[0]!.top_logprobs).toHaveLength(1);
    const black = await start({access: 'black-box', calibration: {threshold: 0.9}});
    expect((await chat(black)).body).toHaveProperty('limbeck', {answeredBy: 'student'});
    expect(await chat(black, {logprobs: true})).toMatchObject({
      status: 400,
      body: {error: {param: 'logprobs', code: 'unsupported_value'}},
    });
  });

  it('streams the answer, its end, the usage where it is asked for, and a last word', async () => {
    const service = await start();
    const body = {messages: asked('spam 0.7'), stream: true, stream_options: {include_usage: true}, logprobs: true};
    const reply = await fetch(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: {'content-type': 'application/json'},
    });
    expect(reply.headers.get('content-type')).toBe('text/event-stream');
    const events = (await reply.text()).split('\n\n').filter(event => event !== '');
    expect(events.at(-1)).toBe('data: [DONE]');
    const chunks = events.slice(0, -1).map(event => JSON.parse(event.replace(/^data: /, '')));
    const token = {content: [{token: 'spam'}]};
    expect(chunks).toMatchObject([
      {
        object: 'chat.completion.chunk',
        choices: [{index: 0, delta: {role: 'assistant', content: 'spam'}, logprobs: token, finish_reason: null}],
      },
      {choices: [{index: 0, delta: {}, finish_reason: 'stop'}]},
      {choices: [], usage: {total_tokens: 3}},
    ]);
    expect(new Set(chunks.map(({id}) => id)).size).toBe(1);
    const plain = await fetch(`${service.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({messages: asked('spam 0.7'), stream: true}),
      headers: {'content-type': 'application/json'},
    });
    expect(plain.status).toBe(200);
    expect(await plain.text()).not.toContain('usage');
  });

  it('answers errors in the form of the protocol', async () => {
    const service = await start({key: 'sesame', rate: 10, maxBytes: 2000});
    const authorization = {authorization: 'Bearer sesame'};
    expect(await chat(service)).toMatchObject({
      status: 401,
      body: {error: {type: 'authentication_error', code: 'invalid_api_key', param: null}},
    });
    const large = await chat(service, {}, 'x'.repeat(2000), authorization);
    expect(large).toMatchObject({status: 413, body: {error: {type: 'invalid_request_error'}}});
    const refused = await chat(service, {}, 'spam 0.7', authorization);
    expect(refused).toMatchObject({
      status: 429,
      body: {error: {type: 'rate_limit_error', code: 'rate_limit_exceeded'}},
    });
    const broken = await start({}, failing());
    expect(await chat(broken)).toMatchObject({
      status: 500,
      body: {error: {message: 'The model failed.', type: 'server_error', param: null, code: null}},
    });
  });

  it('is not there for a model of numbers', async () => {
    const numbers = await start({input: {kind: 'tensor', dtype: 'float32', shape: [2]}});
    expect(await chat(numbers)).toMatchObject({status: 404, body: {error: {type: 'invalid_request_error'}}});
  });
});

function failing() {
  return {
    ...({name: 'broken', identity: {}, access: 'white-box', classes, detail: {kind: 'logits'}, maxBatch: 4} as const),
    ask: () => Promise.reject(new Error('a secret of the house')),
  };
}

describe('GET /v1/models', () => {
  it('lists the one model, and describes it', async () => {
    const {url} = await start();
    const card = {id: 'mails', object: 'model', created: expect.any(Number), owned_by: 'limbeck'};
    expect(await (await fetch(`${url}/v1/models`)).json()).toMatchObject({object: 'list', data: [card]});
    expect(await (await fetch(`${url}/v1/models/mails`)).json()).toEqual(card);
    const other = await fetch(`${url}/v1/models/gpt-4o-mini`);
    expect(other.status).toBe(404);
    expect(await other.json()).toMatchObject({error: {code: 'model_not_found', param: 'model'}});
  });
});

describe("limbeck's own adapter of the protocol", () => {
  const ask = async (options: Partial<ServeOptions>, output: 'label' | 'log-probabilities'): Promise<Outcome> => {
    const {url} = await start({prompt: 'Sort it: {text}', ...options});
    const prompt = {user: 'Sort it: {text}'};
    const teacher = openai({url: `${url}/v1`, model: 'any', classes, codes: 'names', prompt, output});
    const [outcome] = await teacher.ask([{input: {kind: 'text', text: 'spam 0.7'}}]);
    return outcome!;
  };

  it('reads labels and log-probabilities from it', async () => {
    expect(await ask({}, 'label')).toEqual({answer: {kind: 'label', label: 1}});
    expect(await ask({access: 'black-box'}, 'label')).toEqual({answer: {kind: 'label', label: 1}});
    const scores = await ask({}, 'log-probabilities');
    if (!('answer' in scores) || scores.answer.kind !== 'top-k') throw new Error('expected the best classes');
    expect([...scores.answer.classes].slice(0, 1)).toEqual([1]);
    expect(Math.exp(scores.answer.logProbabilities[0]!)).toBeCloseTo(0.7, 4);
    expect(scores.answer.rest).toBeCloseTo(0, 4);
  });
});
