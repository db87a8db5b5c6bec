import {describe, expect, it} from 'vitest';
import {loadPeer} from '../../src/peer.ts';
import type {RunningService} from '../../src/serve/server.ts';
import {peerOrSkip} from '../adapters/peer.ts';
import {metric, post, type Reply, services, student} from './services.ts';

const start = services();

const choices = [{value: 'spam', description: 'unwanted'}, {value: 'news'}, {value: 'ham'}];
const choice = {type: 'choice', name: 'kind', instructions: 'Which?', choices};
const predicate = {type: 'predicate', instructions: [{type: 'input_text', text: 'Is it urgent?'}]};

function ask(service: RunningService, questions: unknown, rest: object = {}, headers = {}): Promise<Reply> {
  return post(service, '/v1/decisions', {model: 'gpt-6-luna', input: 'spam 0.7', questions, ...rest}, headers);
}

const close = (value: number) => expect.closeTo(value, 6);

/** The class that the first question got. */
async function chosen(service: RunningService, input: unknown): Promise<unknown> {
  const {body} = await ask(service, [choice], {input});
  return (body as {readonly answers: readonly [{readonly choice: string}]}).answers[0].choice;
}

describe('POST /v1/decisions', () => {
  it('answers a list of typed questions in its order, and refuses alone what no model can answer', async () => {
    const service = await start();
    const levels = [
      {label: '0', description: 'ham'},
      {label: '1', description: 'news'},
      {label: '2', description: 'spam'},
    ];
    const score = {type: 'score', name: null, instructions: 'How bad?', levels};
    const {status, body} = await ask(service, [predicate, choice, score]);
    expect(status).toBe(200);
    const limbeck = {answeredBy: 'student', model: 'mails'};
    expect(body).toEqual({
      answers: [
        {
          type: 'refusal',
          name: null,
          limbeck: {reason: 'No model of this service has these options as its classes.'},
        },
        {
          type: 'choice',
          name: 'kind',
          choice: 'spam',
          confidence: close(0.55),
          probabilities: [
            {value: 'spam', probability: close(0.7)},
            {value: 'news', probability: close(0.15)},
            {value: 'ham', probability: close(0.15)},
          ],
          limbeck,
        },
        {
          type: 'score',
          name: null,
          score: close(1.55),
          // By hand: 1 − (0.15·2 + 0.15·1) / (2/3).
          confidence: close(0.325),
          probabilities: [
            {value: 0, label: '0', probability: close(0.15)},
            {value: 1, label: '1', probability: close(0.15)},
            {value: 2, label: '2', probability: close(0.7)},
          ],
          limbeck,
        },
      ],
      model: 'mails',
      usage: {
        input_tokens: 2,
        input_tokens_details: {cached_tokens: 0, cache_write_tokens: 0},
        output_tokens: 0,
        output_tokens_details: {reasoning_tokens: 0},
        total_tokens: 2,
      },
    });
    expect(await metric(service, 'limbeck_requests_total{route="/v1/decisions",status="200"}')).toBe(1);
  });

  it('answers predicates, and choices of true and false, by a model of no and yes', async () => {
    const urgent = {
      ...student,
      classes: ['no', 'yes'],
      ask: async (queries: readonly unknown[]) =>
        queries.map(() => ({
          answer: {kind: 'logits' as const, logits: Float32Array.of(Math.log(0.2), Math.log(0.8)), features: {}},
        })),
    };
    const service = await start({}, urgent);
    const truth = {type: 'choice', instructions: 'Is it?', choices: [{value: true}, {value: false}]};
    const three = {...truth, choices: [...truth.choices, {value: 'true'}]};
    expect((await ask(service, [predicate, truth, three])).body).toMatchObject({
      answers: [
        {type: 'predicate', name: null, probability: close(0.8)},
        {choice: true, probabilities: [{value: true, probability: close(0.8)}, {value: false}]},
        {type: 'refusal', name: null},
      ],
    });
  });

  it('decides about the last message of the user', async () => {
    const service = await start();
    const before = [
      {role: 'developer', content: 'Sort it.'},
      {role: 'user', content: 'ham 0.9'},
      {type: 'message', role: 'assistant', content: [{type: 'output_text', text: 'ham'}]},
    ];
    expect(await chosen(service, [...before, {role: 'user', content: 'news 0.9'}])).toBe('news');
    const parts = [{type: 'input_text', text: 'news 0.9'}];
    expect(await chosen(service, [...before, {type: 'message', role: 'user', content: parts}])).toBe('news');
  });

  it.each([
    ['no questions', {questions: []}, 'questions'],
    ['more than 400 questions', {questions: Array(401).fill(predicate)}, 'questions'],
    ['no input', {input: undefined}, 'input'],
    ['a type that there is not', {questions: [choice, {type: 'noul', instructions: 'x'}]}, 'questions[1].type'],
    ['one choice', {questions: [{...choice, choices: [{value: 'a'}]}]}, 'questions[0].choices'],
    ['a choice twice', {questions: [{...choice, choices: [{value: 'a'}, {value: 'a'}]}]}, 'questions[0].choices'],
    ['no instructions', {questions: [{type: 'predicate'}]}, 'questions[0].instructions'],
    [
      'an image',
      {input: [{role: 'user', content: [{type: 'input_image', image_url: 'data:image/png;base64,AA=='}]}]},
      'input',
    ],
    [
      'the output of a tool in the end',
      {
        input: [
          {role: 'user', content: 'x'},
          {type: 'function_call_output', call_id: '1', output: 'y'},
        ],
      },
      'input',
    ],
  ])('refuses %s and names the field', async (_, changes, param) => {
    expect(await ask(await start(), [choice], changes)).toMatchObject({
      status: 400,
      body: {error: {message: expect.any(String), type: 'invalid_request_error', param, code: null}},
    });
  });

  it('refuses a wrong key and a body that is not JSON in the form that clients of OpenAI read', async () => {
    const service = await start({key: 'right'});
    expect(await ask(service, [choice], {}, {authorization: 'Bearer wrong'})).toMatchObject({
      status: 401,
      body: {error: {type: 'authentication_error', code: 'invalid_api_key'}},
    });
    const headers = {'content-type': 'application/json', authorization: 'Bearer right'};
    const reply = await fetch(`${service.url}/v1/decisions`, {method: 'POST', body: '{', headers});
    expect([reply.status, await reply.json()]).toMatchObject([400, {error: {message: 'The body is not JSON.'}}]);
  });
});

/** The part of OpenAI's client that asks for decisions. */
interface Client {
  readonly decisions: {
    create(request: object): Promise<{
      readonly answers: readonly object[];
      readonly model: string;
      readonly usage: {readonly total_tokens: number};
    }>;
  };
  readonly models: {list(): Promise<{readonly data: readonly {readonly id: string}[]}>};
}

interface ClientModule {
  readonly OpenAI: new (options: object) => Client;
}

const lack = await peerOrSkip('openai');

describe.skipIf(lack !== undefined)(`OpenAI's own client${lack ? ` (${lack})` : ''}`, () => {
  const clientOf = async ({url}: RunningService, apiKey = 'right') => {
    const {OpenAI} = await loadPeer<ClientModule>('openai', 'This test');
    return new OpenAI({baseURL: `${url}/v1`, apiKey, maxRetries: 0});
  };

  it('reads answers and refusals, and lists the models', async () => {
    const client = await clientOf(await start({key: 'right'}));
    const {answers, model, usage} = await client.decisions.create({
      model: 'gpt-6-luna',
      input: [{role: 'user', content: [{type: 'input_text', text: 'spam 0.7'}]}],
      questions: [
        {type: 'choice', name: 'kind', instructions: 'Which?', choices},
        {type: 'predicate', instructions: 'Is it urgent?'},
      ],
    });
    expect(answers).toMatchObject([
      {type: 'choice', name: 'kind', choice: 'spam', probabilities: [{value: 'spam', probability: close(0.7)}, {}, {}]},
      {type: 'refusal', name: null},
    ]);
    expect([model, usage.total_tokens]).toEqual(['mails', 2]);
    expect((await client.models.list()).data.map(({id}) => id)).toEqual(['mails']);
  });

  it('says what was refused, and why', async () => {
    const service = await start({key: 'right'});
    const request = {model: 'gpt-6-luna', input: 'spam 0.7'};
    const wrong = (await clientOf(service, 'wrong')).decisions.create({
      ...request,
      questions: [{type: 'predicate', instructions: 'x'}],
    });
    await expect(wrong).rejects.toMatchObject({status: 401, code: 'invalid_api_key'});
    const none = (await clientOf(service)).decisions.create({...request, questions: []});
    await expect(none).rejects.toMatchObject({status: 400, param: 'questions', type: 'invalid_request_error'});
  });
});
