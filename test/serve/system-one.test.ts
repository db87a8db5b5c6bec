import {describe, expect, it} from 'vitest';
import {decisions} from '../../adapters/decisions.ts';
import {systemOne} from '../../adapters/system-one.ts';
import {choice as choiceOf, predicate, score as scoreOf} from '../../src/questions.ts';
import type {OtherModel} from '../../src/serve/served.ts';
import type {RunningService} from '../../src/serve/server.ts';
import type {Teacher} from '../../src/teacher.ts';
import {metric, post, type Reply, sayingOf, services, student, teacherOf} from './services.ts';

const start = services();

/** A model that says the same of every text. */
function fixed(name: string, names: readonly string[], ...shares: readonly number[]): OtherModel {
  const teacher: Teacher<'white-box'> = {
    ...{...student, name, classes: names},
    ask: async queries =>
      queries.map(() => ({
        answer: {kind: 'logits', logits: Float32Array.from(shares.map(Math.log)), features: {}},
      })),
  };
  return {teacher, model: name, version: '1', input: {kind: 'text'}};
}

const others = [fixed('spam', ['no', 'yes'], 0.75, 0.25), fixed('mood', ['Calm', 'Annoyed', 'Furious'], 0.1, 0.3, 0.6)];

const noul = {type: 'noul', instructions: 'Is it spam?'};
const choice = {type: 'choice', instructions: 'Which?', criteria: {spam: 'unwanted', news: null, ham: ['a', 'b']}};
const score = {type: 'score', criteria: ['Calm', {label: 'Annoyed'}, 'Furious: threatens to leave']};

function ask(service: RunningService, questions: unknown, rest: object = {}, headers = {}): Promise<Reply> {
  return post(service, '/v1/systemone', {model: 'jev-latest', state: 'spam 0.7', questions, ...rest}, headers);
}

const close = (value: number) => expect.closeTo(value, 6);

describe('POST /v1/systemone', () => {
  it('answers a map of typed questions', async () => {
    const service = await start({others});
    const {status, headers, body} = await ask(service, {'a b.ü': noul, kind: choice, mood: score});
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(body).toEqual({
      model: 'mails',
      answers: {
        'a b.ü': {type: 'noul', noul: close(0.25), x_limbeck: {answeredBy: 'student', model: 'spam'}},
        kind: {
          type: 'choice',
          choice: 'spam',
          probabilities: {spam: close(0.7), news: close(0.15), ham: close(0.15)},
          confidence: close((0.7 - 1 / 3) / (1 - 1 / 3)),
          x_limbeck: {answeredBy: 'student', model: 'mails'},
        },
        mood: {
          type: 'score',
          score: close(1.5),
          legend: {'0': 'Calm', '1': {label: 'Annoyed'}, '2': 'Furious: threatens to leave'},
          probabilities: {'0': close(0.1), '1': close(0.3), '2': close(0.6)},
          // By hand: 1 − (0.1·2 + 0.3·1) / (2/3).
          confidence: close(0.25),
          x_limbeck: {answeredBy: 'student', model: 'mood'},
        },
      },
      usage: {input_tokens: 2, output_tokens: 0},
    });
    expect(await metric(service, 'limbeck_requests_total{route="/v1/systemone",status="200"}')).toBe(1);
    // Those of further models would count as calls that were saved.
    expect(await metric(service, 'limbeck_answers_total{by="student"}')).toBe(1);
  });

  it('gives probabilities as they are, and answers for the model that was asked for', async () => {
    const {body} = await ask(await start({others}), {kind: choice}, {model: 'spam', state: 'ham 0.123456789'});
    const {model, answers} = body as {
      readonly model: string;
      readonly answers: {readonly kind: {readonly probabilities: Readonly<Record<string, number>>}};
    };
    expect(model).toBe('spam');
    expect(answers.kind.probabilities['ham']).toBeCloseTo(0.123456789, 7);
    expect(String(answers.kind.probabilities['ham']).length).toBeGreaterThan(8);
  });

  it('says which questions no model can answer, and answers none', async () => {
    const {status, body} = await ask(await start(), {kind: choice, spam: noul});
    expect(status).toBe(422);
    expect(body).toEqual({
      detail: [
        {
          loc: ['body', 'questions', 'spam'],
          msg: 'No model of this service has these options as its classes.',
          type: 'unanswerable',
        },
      ],
    });
  });

  it.each([
    ['no state', {state: undefined}, ['body', 'state']],
    ['no model', {model: undefined}, ['body', 'model']],
    ['no questions', {questions: undefined}, ['body', 'questions']],
    ['an empty map of questions', {questions: {}}, ['body', 'questions']],
    ['a question without a type', {questions: {q: {instructions: 'x'}}}, ['body', 'questions', 'q', 'type']],
    ['a type that there is not', {questions: {q: {type: 'boolean'}}}, ['body', 'questions', 'q', 'type']],
    [
      'a choice without options',
      {questions: {q: {type: 'choice', criteria: {}}}},
      ['body', 'questions', 'q', 'criteria'],
    ],
    [
      'more than 255 options',
      {
        questions: {
          q: {type: 'choice', criteria: Object.fromEntries(Array.from({length: 256}, (_, i) => [`o${i}`, null]))},
        },
      },
      ['body', 'questions', 'q', 'criteria'],
    ],
    [
      'more than 10 levels',
      {questions: {q: {type: 'score', criteria: Array(11).fill('a')}}},
      ['body', 'questions', 'q', 'criteria'],
    ],
    [
      'levels in a map',
      {questions: {q: {type: 'score', criteria: {0: 'a', 1: 'b'}}}},
      ['body', 'questions', 'q', 'criteria'],
    ],
    [
      'a level that is null',
      {questions: {q: {type: 'score', criteria: ['a', null]}}},
      ['body', 'questions', 'q', 'criteria', '1'],
    ],
  ])('refuses %s and says where', async (_, changes, loc) => {
    const reply = await ask(await start(), {q: choice}, changes);
    expect(reply).toMatchObject({
      status: 422,
      body: {detail: [{loc, msg: expect.any(String), type: expect.any(String)}]},
    });
  });

  it('refuses a body that is not JSON', async () => {
    const {url} = await start();
    const headers = {'content-type': 'application/json'};
    const reply = await fetch(`${url}/v1/systemone`, {method: 'POST', body: '{"model": ', headers});
    expect(reply.status).toBe(422);
    expect(await reply.json()).toEqual({detail: [{loc: ['body'], msg: 'The body is not JSON.', type: 'json_invalid'}]});
  });

  it('refuses in the form of the protocol: an unknown model, a wrong key, another method, a body too large', async () => {
    const service = await start({key: 'right', maxBytes: 2000});
    const key = {authorization: 'Bearer right'};
    expect(await ask(service, {kind: choice}, {model: 'jev'}, key)).toMatchObject({
      status: 400,
      body: {
        detail: {error_type: 'api_usage_error', message: 'Unknown model: jev. This service has mails.'},
      },
    });
    for (const headers of [{}, {authorization: 'Bearer wrong'}]) {
      expect(await ask(service, {kind: choice}, {}, headers)).toMatchObject({
        status: 401,
        body: {detail: {error_type: 'authentication_error', message: expect.any(String)}},
      });
    }
    const read = await fetch(`${service.url}/v1/systemone`, {headers: key});
    expect([read.status, await read.json()]).toMatchObject([405, {detail: {error_type: 'api_usage_error'}}]);
    expect(await ask(service, {kind: choice}, {state: 'x'.repeat(3000)}, key)).toMatchObject({
      status: 413,
      body: {detail: {message: expect.stringContaining('larger than 2000 bytes')}},
    });
  });

  it('refuses everything where labels alone are shown', async () => {
    expect(await ask(await start({access: 'black-box'}), {kind: choice})).toMatchObject({
      status: 400,
      body: {detail: {message: 'This service shows labels alone, and these answers are probabilities.'}},
    });
  });

  it('puts to the teacher the questions of which the student is not sure, and no others', async () => {
    const teacher = teacherOf(text => sayingOf(text.replace('0.6', '0.9')));
    const calibration = {threshold: 0.8};
    const service = await start({calibration, cascade: {teacher, audit: 0}, others});
    const unsure = await ask(service, {kind: choice, spam: noul}, {state: 'spam 0.6'});
    expect(unsure.body).toMatchObject({
      answers: {
        kind: {probabilities: {spam: close(0.9)}, x_limbeck: {answeredBy: 'teacher', abstains: false}},
        spam: {noul: close(0.25), x_limbeck: {answeredBy: 'student'}},
      },
    });
    const sure = await ask(service, {kind: choice, spam: noul}, {state: 'ham 0.9'});
    expect(sure.body).toMatchObject({answers: {kind: {x_limbeck: {answeredBy: 'student', abstains: false}}}});
    expect(teacher.asked).toEqual(['spam 0.6']);
  });

  it('marks the answer of an unsure student whose teacher does not answer', async () => {
    const teacher = teacherOf(() => new Error('a secret of the house'));
    const service = await start({calibration: {threshold: 0.8}, cascade: {teacher, audit: 0}});
    const {body} = await ask(service, {kind: choice}, {state: 'spam 0.6'});
    expect(body).toMatchObject({
      answers: {
        kind: {
          choice: 'spam',
          x_limbeck: {model: 'mails', answeredBy: 'student', abstains: true, fallback: 'failed'},
        },
      },
    });
    expect(JSON.stringify(body)).not.toContain('secret');
  });
});

describe('several models of a service', () => {
  it('must have different names', async () => {
    await expect(start({others: [fixed('mails', ['no', 'yes'], 0.5, 0.5)]})).rejects.toThrow(
      'Two models have the name `mails`. Give each a name of its own.',
    );
  });

  it('are listed for clients of OpenAI and of TypeSafe', async () => {
    const {url} = await start({others});
    const list = (await (await fetch(`${url}/v1/models`)).json()) as {
      readonly data: readonly object[];
      readonly models: readonly object[];
    };
    expect(list.data.map(card => (card as {readonly id: string}).id)).toEqual(['mails', 'spam', 'mood']);
    expect(list.models).toMatchObject([
      {name: 'mails', description: 'A model with 3 classes', release_date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/)},
      {name: 'spam'},
      {name: 'mood'},
    ]);
    expect(await (await fetch(`${url}/v1/models/mood`)).json()).toMatchObject({id: 'mood', object: 'model'});
  });
});

describe("limbeck's own adapters of typed questions", () => {
  const questions = [
    predicate('spam', 'Is it spam?'),
    choiceOf('kind', 'Which?', {spam: 'unwanted', news: '', ham: ''}),
    scoreOf('mood', 'Which mood?', {Calm: '', Annoyed: 'Asks twice.', Furious: 'Threatens to leave.'}),
  ];

  it.each([
    ['systemOne', (url: string) => systemOne({url, model: 'mails', questions})],
    ['decisions', (url: string) => decisions({url: `${url}/v1`, model: 'mails', questions})],
  ])('read its answers: %s', async (_, teacherAt) => {
    const teacher = teacherAt((await start({others})).url);
    const input = {kind: 'text', text: 'spam 0.7'} as const;
    const outcomes = await teacher.ask(questions.map(question => ({input, question})));
    const shares = outcomes.map(outcome => {
      if ('answer' in outcome && outcome.answer.kind === 'log-probabilities') {
        return Array.from(outcome.answer.logProbabilities, Math.exp);
      }
      throw new Error(`Expected log-probabilities, got ${JSON.stringify(outcome)}`);
    });
    expect(shares).toEqual([
      [close(0.75), close(0.25)],
      [close(0.7), close(0.15), close(0.15)],
      [close(0.1), close(0.3), close(0.6)],
    ]);
  });
});
