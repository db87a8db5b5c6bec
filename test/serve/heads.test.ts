import {mkdtemp, readdir, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {stack} from '../../src/ask/teacher-stack.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import {classesOf, type Question} from '../../src/question.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import type {CascadeOptions} from '../../src/serve/cascade.ts';
import {servedStudent, warmUp} from '../../src/serve/heads.ts';
import type {ServiceStatus} from '../../src/serve/status.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {headOf, withHeads} from '../../src/student/heads.ts';
import {makeStudent} from '../../src/student/make-student.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {LogProbabilitiesAnswer, Outcome, Query, Teacher} from '../../src/teacher.ts';
import {metric, post, type Reply, services, textOf, until} from './services.ts';

const start = services();

const topic = choice('topic', 'What is it about?', ['billing', 'fault', 'other']);
const urgent = predicate('urgent', 'Must it be answered today?');
const mood = score('mood', 'How content is the writer?', ['angry', 'calm', 'happy']);
const questions: readonly Question[] = [topic, urgent, mood];

interface Counting extends Teacher {
  /** The queries of each call, as `question: text`. */
  readonly calls: string[][];
}

/** Says of each question what the text says: `topic=fault 0.9, urgent=yes 0.6` is fault at 0.9 and yes at 0.6. */
function readerOf(list: readonly Question[] = questions, changes: Partial<Teacher> = {}): Counting {
  const calls: string[][] = [];
  return {
    ...{name: 'reader', identity: {adapter: 'reader'}, access: 'gray-box', classes: []},
    ...{detail: {kind: 'log-probabilities'}, maxBatch: 8, calls},
    questions: {list, perRequest: list.length, areNamesShown: false},
    async ask(queries) {
      calls.push(queries.map(query => `${query.question?.name}: ${textOf(query)}`));
      return queries.map((query): Outcome => {
        const said = sayingOf(query);
        return said ? {answer: said} : {error: new Error('It asks for what there is none of.')};
      });
    },
    ...changes,
  };
}

function sayingOf({input, question}: Query): LogProbabilitiesAnswer | undefined {
  if (question === undefined) return undefined;
  const text = input.kind === 'text' ? input.text : '';
  const classes = classesOf(question);
  const [, best = classes[0], share = '0.9'] = new RegExp(`${question.name}=(\\w+) ([.\\d]+)`).exec(text) ?? [];
  const rest = (1 - Number(share)) / (classes.length - 1);
  const logs = classes.map(name => Math.log(name === best ? Number(share) : rest));
  return {kind: 'log-probabilities', logProbabilities: Float32Array.from(logs)};
}

const STATE = 'topic=fault 0.9, urgent=yes 0.6, mood=happy 0.7';

const asked = {
  topic: {type: 'choice', criteria: {other: null, fault: null, billing: null}},
  urgent: {type: 'noul', criteria: {yes: 'Money is at stake.'}},
  mood: {type: 'score', criteria: ['angry', 'calm', 'happy']},
};

type Service = Awaited<ReturnType<typeof start>>;

function systemOne(service: Service, list: object = asked, rest: object = {}): Promise<Reply> {
  return post(service, '/v1/systemone', {model: 'jev-latest', state: STATE, questions: list, ...rest});
}

const close = (value: number) => expect.closeTo(value, 5);

describe('a service of a student with several heads', () => {
  it('answers all typed questions about an input in one pass, by System One and by decisions', async () => {
    const reader = readerOf();
    const service = await start({}, reader);
    const {status, body} = await systemOne(service);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      model: 'mails',
      answers: {
        topic: {choice: 'fault', probabilities: {fault: close(0.9)}, x_limbeck: {model: 'topic'}},
        urgent: {noul: close(0.6), x_limbeck: {model: 'urgent', answeredBy: 'student'}},
        mood: {score: close(0.15 + 1.4), x_limbeck: {model: 'mood'}},
      },
    });
    expect(reader.calls).toEqual([['topic', 'urgent', 'mood'].map(name => `${name}: ${STATE}`)]);
    const list = [
      {type: 'predicate', name: 'urgent', instructions: 'Is it?'},
      {type: 'choice', instructions: 'Which?', choices: ['billing', 'fault', 'other'].map(value => ({value}))},
    ];
    const decisions = await post(service, '/v1/decisions', {model: 'gpt-6-luna', input: STATE, questions: list});
    expect(decisions.body).toMatchObject({
      answers: [
        {type: 'predicate', probability: close(0.6)},
        {type: 'choice', choice: 'fault'},
      ],
    });
    expect(reader.calls).toHaveLength(2);
  });

  it('asks about long texts once, too, and about no more inputs at once than the model takes', async () => {
    const long = readerOf();
    await systemOne(await start({}, long), asked, {state: `${STATE}${' '.repeat(9000)}`});
    expect(long.calls.map(call => call.length)).toEqual([3]);
    const one = readerOf(questions, {maxBatch: 1});
    const service = await start({}, one);
    await Promise.all([systemOne(service), systemOne(service)]);
    expect(one.calls.map(call => call.length)).toEqual([3, 3]);
  });

  it('calibrates each question by itself, and marks what it is not sure of', async () => {
    const calibrations = {topic: {temperature: 2, threshold: 0.8}, urgent: {threshold: 0.5}};
    const service = await start({calibrations, calibration: {threshold: 0.99}}, readerOf());
    const {body} = await systemOne(service);
    // By hand: √0.9 / (√0.9 + 2·√0.05).
    expect(body).toMatchObject({
      answers: {
        topic: {probabilities: {fault: close(0.67962)}, x_limbeck: {abstains: true}},
        urgent: {noul: close(0.6), x_limbeck: {abstains: false}},
        mood: {x_limbeck: {abstains: true}},
      },
    });
  });

  it('finds the head by its name, by the type of its question, and by its options', async () => {
    const service = await start({}, readerOf());
    const {body} = await systemOne(service, {
      a: {type: 'noul'},
      b: {type: 'choice', criteria: {happy: null, calm: null, angry: null}},
      c: {type: 'choice', criteria: {true: null, false: null}},
    });
    expect(body).toMatchObject({
      answers: {
        a: {noul: close(0.6)},
        b: {choice: 'happy', x_limbeck: {model: 'mood'}},
        c: {choice: 'true', x_limbeck: {model: 'urgent'}},
      },
    });
  });

  it('refuses a question with the name of a head of another type, and does not give it to another head', async () => {
    const {status, body} = await systemOne(await start({}, readerOf()), {topic: {type: 'noul'}});
    expect(status).toBe(422);
    expect(body).toMatchObject({
      detail: [{msg: 'Question `topic` of this service is a choice with the options billing, fault, other.'}],
    });
  });

  it('prefers the heads of the student that is asked for among those with the same options', async () => {
    const others = [{model: 'second', version: '2', teacher: readerOf([predicate('angry', 'Is it angry?')])}];
    const service = await start({others}, readerOf());
    const refused = await systemOne(service, {x: {type: 'noul'}});
    expect(refused.body).toMatchObject({
      detail: [{msg: expect.stringContaining('Several models have these options: `urgent`, `angry`.')}],
    });
    const {body} = await systemOne(service, {x: {type: 'noul'}}, {model: 'second'});
    expect(body).toMatchObject({model: 'second', answers: {x: {x_limbeck: {model: 'angry'}}}});
  });

  it('answers a predicate by a student of one question, whatever the words of its classes', async () => {
    const own = readerOf([choice('urgent', '', ['later', 'now'])]);
    const ask: Teacher['ask'] = queries =>
      own.ask(queries.map(query => ({...query, question: own.questions!.list[0]!})));
    const {questions: _, ...single} = {...own, classes: ['later', 'now'], ask};
    const service = await start({question: urgent}, single);
    const {body} = await systemOne(service, {x: {type: 'noul'}}, {state: 'urgent=now 0.8'});
    expect(body).toMatchObject({answers: {x: {noul: close(0.8)}}});
  });

  it('names the student and its heads among the models', async () => {
    const {url} = await start({}, readerOf());
    const list = (await (await fetch(`${url}/v1/models`)).json()) as {data: {id: string}[]; models: object[]};
    expect(list.data.map(({id}) => id)).toEqual(['mails', 'topic', 'urgent', 'mood']);
    expect(list.models).toMatchObject([
      {name: 'mails', description: 'A model that answers topic, urgent, mood'},
      {description: 'A choice with 3 classes'},
      {description: 'A predicate with 2 classes'},
      {description: 'A score with 3 classes'},
    ]);
  });

  it('answers one question by Open Inference, /classify and chats, if the request names it', async () => {
    const service = await start({}, readerOf());
    const inputs = [{name: 'input', datatype: 'BYTES', shape: [2], data: [STATE, 'urgent=no 0.7']}];
    const inferred = await post(service, '/v2/models/urgent/infer', {inputs});
    const [{data}] = (inferred.body as {outputs: [{data: number[]}]}).outputs;
    expect(data.map(Math.exp)).toEqual([0.4, 0.6, 0.7, 0.3].map(close));
    expect((await post(service, '/v2/models/mails/infer', {inputs})).body).toMatchObject({
      error: 'There is no model `mails`. This service has `topic`, `urgent`, `mood`.',
    });
    expect((await post(service, '/classify', {text: STATE, question: 'mood'})).body).toMatchObject({label: 'happy'});
    const messages = [{role: 'user', content: STATE}];
    expect((await post(service, '/v1/chat/completions', {model: 'topic', messages})).body).toMatchObject({
      choices: [{message: {content: 'fault'}}],
    });
    const problem =
      /This service answers several questions: `topic`, `urgent`, `mood`\. Name one as `(question|model)`/;
    const unnamed = [
      await post(service, '/classify', {text: STATE}),
      await post(service, '/v1/chat/completions', {model: 'gpt-4o', messages}),
    ];
    for (const {status, body} of unnamed) {
      expect(status).toBe(400);
      expect(JSON.stringify(body)).toMatch(problem);
    }
  });

  it('counts the answers to each question', async () => {
    const service = await start({calibration: {threshold: 0.65}}, readerOf());
    await systemOne(service);
    await systemOne(service, {urgent: asked.urgent});
    const {questions: counted, answered} = (await (await fetch(`${service.url}/status`)).json()) as {
      questions: object[];
      answered: number;
    };
    expect(answered).toBe(4);
    expect(counted).toMatchObject([
      {name: 'topic', answered: 1, local: 1, coverage: 1, abstained: 0},
      {name: 'urgent', answered: 2, abstained: 2},
      {name: 'mood', answered: 1},
    ]);
    expect(await metric(service, 'limbeck_question_answers_total{question="urgent",by="student"}')).toBe(2);
    expect(await metric(service, 'limbeck_question_abstentions_total{question="urgent"}')).toBe(2);
  });

  it('has one name for each model', async () => {
    const others = [{model: 'second', version: '2', teacher: readerOf([urgent])}];
    await expect(start({others}, readerOf())).rejects.toThrow(
      'Two models have the name `urgent`. Give each a name of its own.',
    );
  });
});

describe('a cascade before a teacher with several questions', () => {
  const serve = (teacher: Teacher, options: Partial<CascadeOptions> = {}, served: Teacher = readerOf()) =>
    start({calibration: {threshold: 0.8}, cascade: {teacher, audit: 0, ...options}}, served);

  /** Knows other classes than the student, in another order. */
  const knowing = (changes: Partial<Teacher> = {}) =>
    readerOf([mood, choice('topic', 'About?', ['other', 'billing', 'fault']), urgent], {
      ask: undefined as never,
      ...changes,
    });

  function teacher(changes: Partial<Teacher> = {}): Counting {
    const made = knowing();
    const ask: Teacher['ask'] = async queries => {
      made.calls.push(queries.map(query => `${query.question?.name}: ${textOf(query)}`));
      return queries.map((query): Outcome => ({answer: sayingOf({...query, input: {kind: 'text', text: SAID}})!}));
    };
    return {...made, ask, ...changes};
  }
  const SAID = 'topic=billing 0.95, urgent=no 0.9, mood=calm 0.96';

  it('asks it only the questions of which the student is not sure, in one request', async () => {
    const knows = teacher();
    const service = await serve(knows);
    const {body} = await systemOne(service);
    expect(body).toMatchObject({
      answers: {
        topic: {choice: 'fault', x_limbeck: {answeredBy: 'student', abstains: false}},
        urgent: {noul: close(0.1), x_limbeck: {answeredBy: 'teacher', abstains: false}},
        mood: {probabilities: {1: close(0.96)}, x_limbeck: {answeredBy: 'teacher'}},
      },
    });
    expect(knows.calls).toEqual([[`urgent: ${STATE}`, `mood: ${STATE}`]]);
    expect(service.tally).toMatchObject({student: 1, teacher: 2});
    expect(await metric(service, 'limbeck_batch_questions_sum')).toBe(1);
    expect(await metric(service, 'limbeck_question_answers_total{question="urgent",by="teacher"}')).toBe(1);
    await systemOne(service, asked, {state: 'topic=other 0.5'});
    expect(knows.calls.slice(1)).toEqual([['topic: topic=other 0.5']]);
  });

  it('gives the classes of the teacher the places that they have with the student', async () => {
    const {body} = await systemOne(await serve(teacher(), {mode: 'shadow'}));
    expect(body).toMatchObject({answers: {topic: {choice: 'billing', probabilities: {billing: close(0.95)}}}});
  });

  it('keeps and pays for each answer once', async () => {
    const knows = teacher();
    const service = await serve(stack(knows, {store: openAnswerStore({store: new Map()})}));
    for (let round = 0; round < 2; round++) await systemOne(service);
    expect(knows.calls).toEqual([[`urgent: ${STATE}`, `mood: ${STATE}`]]);
  });

  it('audits all questions about an input in one request, and counts each', async () => {
    const knows = teacher();
    const service = await serve(knows, {audit: 1, mode: 'student'});
    await systemOne(service);
    await until(() => service.tally.audited + service.tally.deferredAudits === 3);
    expect(knows.calls).toEqual([['topic', 'urgent', 'mood'].map(name => `${name}: ${STATE}`)]);
    expect(service.tally).toMatchObject({audited: 1, agreed: 0, deferredAudits: 2});
    expect(await metric(service, 'limbeck_question_agreement{question="topic"}')).toBe(0);
  });

  it('stands before a teacher of several questions with a student of one of them', async () => {
    const knows = teacher();
    const {ask, ...one} = readerOf([urgent]);
    const single: Teacher = {
      ...one,
      ...{classes: ['no', 'yes'], questions: undefined},
      ask: queries => ask(queries.map(query => ({...query, question: urgent}))),
    };
    const service = await start(
      {question: urgent, calibration: {threshold: 0.8}, cascade: {teacher: knows, audit: 0}},
      single,
    );
    expect((await post(service, '/classify', {text: STATE})).body).toMatchObject({label: 'no', answeredBy: 'teacher'});
    expect(knows.calls).toEqual([[`urgent: ${STATE}`]]);
  });

  it('refuses a teacher that does not answer a question of the student, or has other classes', async () => {
    await expect(serve(readerOf([topic, urgent]))).rejects.toThrow(
      new InputError('Teacher reader has no question `mood`. Its questions: `topic`, `urgent`.'),
    );
    await expect(serve(readerOf([topic, urgent, score('mood', '', ['bad', 'good'])]))).rejects.toThrow(InputError);
    const {questions: _, ...single} = readerOf();
    await expect(serve({...single, classes: ['no', 'yes']})).rejects.toThrow(
      'Teacher reader answers one question, and the student several. Serve one of them.',
    );
    await expect(serve(teacher({detail: {kind: 'expected'}}))).rejects.toThrow('shows expected levels alone');
    await expect(serve(teacher({details: {mood: {kind: 'expected'}}}))).rejects.toThrow(
      'shows the expected level of `mood` alone, which names no class. Serve another head, with `--question`',
    );
  });
});

describe('the promises of a student with several heads', () => {
  /** Says of topic what the state says, and of each other question the class that is named. */
  function teacher(said: Readonly<Record<string, string>>): Counting {
    const made = readerOf();
    const ask: Teacher['ask'] = queries =>
      made.ask(
        queries.map(query => {
          const other = said[query.question!.name];
          const text = other === undefined ? textOf(query) : `${query.question!.name}=${other} 0.9`;
          return {...query, input: {kind: 'text' as const, text}};
        }),
      );
    const calls: string[][] = [];
    return {
      ...made,
      calls,
      async ask(queries) {
        calls.push(queries.map(query => `${query.question?.name}: ${textOf(query)}`));
        return ask(queries);
      },
    };
  }

  const SURE = 'topic=fault 0.95, urgent=yes 0.95, mood=happy 0.95';
  const promise = {agreement: 0.9};
  const calibration = {threshold: 0.8};
  const statusOf = async ({url}: Service) => (await (await fetch(`${url}/status`)).json()) as ServiceStatus;
  const send = async (service: Service, count: number, state = SURE) => {
    for (let request = 0; request < count; request++) await systemOne(service, asked, {state: `${state}, ${request}`});
  };
  const standing = async (service: Service) => (await statusOf(service)).questions!.map(({demoted}) => demoted);

  it('demotes the one question that breaks its promise, and sends that one on alone', async () => {
    const knows = teacher({urgent: 'no'});
    const changes: unknown[] = [];
    const onStanding: CascadeOptions['onStanding'] = ({demoted}, question) => changes.push({demoted, question});
    const service = await start({calibration, cascade: {teacher: knows, audit: 1, promise, onStanding}}, readerOf());
    await send(service, 20);
    await until(() => changes.length > 0);
    expect(changes).toEqual([{demoted: true, question: 'urgent'}]);
    expect(await standing(service)).toEqual([false, true, false]);
    expect(await statusOf(service)).toMatchObject({demoted: true, promise: null});
    expect((await (await fetch(`${service.url}/health`)).json()) as object).toMatchObject({demoted: true});
    expect(await metric(service, 'limbeck_demoted{question="urgent"}')).toBe(1);
    expect(await metric(service, 'limbeck_demoted{question="topic"}')).toBe(0);
    expect(await metric(service, 'limbeck_compared{question="mood",broken="no"}')).toBeGreaterThan(0);
    await until(() => service.tally.audited + service.tally.teacher >= 60);
    knows.calls.length = 0;
    const {body} = await systemOne(service, asked, {state: SURE});
    expect(body).toMatchObject({
      answers: {
        topic: {choice: 'fault', x_limbeck: {answeredBy: 'student', abstains: false}},
        urgent: {noul: close(0.1), x_limbeck: {answeredBy: 'teacher'}},
        mood: {x_limbeck: {answeredBy: 'student'}},
      },
    });
    expect(knows.calls[0]).toEqual([`urgent: ${SURE}`]);
  });

  it('asks anew about a demoted question and an unsure one in the same request', async () => {
    const [kept, anew] = [teacher({urgent: 'no'}), teacher({urgent: 'no'})];
    const service = await start({calibration, cascade: {teacher: kept, anew, audit: 1, promise}}, readerOf());
    await send(service, 20);
    await until(async () => (await standing(service))[1] === true);
    await until(() => service.tally.audited + service.tally.teacher >= 60);
    kept.calls.length = 0;
    anew.calls.length = 0;
    const state = 'topic=fault 0.95, urgent=yes 0.95, mood=happy 0.7';
    await systemOne(service, asked, {state});
    await systemOne(service, {mood: asked.mood}, {state});
    expect(anew.calls[0]).toEqual([`urgent: ${state}`, `mood: ${state}`]);
    expect(kept.calls).toEqual([[`mood: ${state}`]]);
  });

  it('marks the answers to a demoted question alone if the student answers all', async () => {
    const knows = teacher({mood: 'angry'});
    const service = await start(
      {calibration, cascade: {teacher: knows, mode: 'student', audit: 1, promise}},
      readerOf(),
    );
    await send(service, 20);
    await until(async () => (await standing(service))[2] === true);
    const {body} = await systemOne(service, asked, {state: SURE});
    expect(body).toMatchObject({
      answers: {
        topic: {x_limbeck: {abstains: false}},
        mood: {score: close(0.025 + 1.9), x_limbeck: {answeredBy: 'student', abstains: true}},
      },
    });
  });

  it('holds each question to its own promise or guarantee, and shares the error among those', async () => {
    const guarantee = {agreement: 0.99, confidence: 0.9, answers: 9, disagreements: 0, localShare: 1, bound: 0.01};
    const calibrations = {topic: {threshold: 0.8, guarantee}, urgent: {threshold: 0.8}, mood: {threshold: 0.8}};
    const cascade = {teacher: teacher({}), promises: {mood: {agreement: 0.8}}};
    const names = [predicate('constructor', ''), predicate('toString', '')];
    const unpromised = await start({cascade: {teacher: readerOf(names)}, calibration}, readerOf(names));
    expect(await standing(unpromised)).toEqual([null, null]);
    const service = await start({calibrations, cascade}, readerOf());
    const {questions: each, promise: whole, demoted} = await statusOf(service);
    expect([whole, demoted]).toEqual([null, false]);
    expect(each).toMatchObject([
      {name: 'topic', demoted: false, promise: {agreement: 0.99, confidence: close(0.95)}},
      {name: 'urgent', demoted: null, promise: null},
      {name: 'mood', demoted: false, promise: {agreement: 0.8, confidence: close(0.975)}},
    ]);
  });

  it('keeps the standing of each question in a file of its own, until the question is reworded', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'limbeck-heads-'));
    const watchFile = join(folder, 'tickets.watch.json');
    const cascade = {teacher: teacher({urgent: 'no'}), audit: 1, promise, watchFile};
    const service = await start({calibration, cascade}, readerOf());
    await send(service, 20);
    await until(async () => (await standing(service))[1] === true);
    await service.close();
    expect(await readdir(folder)).toEqual(['mood', 'topic', 'urgent'].map(name => `tickets.watch.${name}.json`));
    const again = await start({calibration, cascade}, readerOf());
    expect(await standing(again)).toEqual([false, true, false]);
    expect((await statusOf(again)).questions![0]!.promise?.kept?.of).toBe(20);
    await again.close();
    const list = [topic, predicate('urgent', 'Can it wait?'), mood];
    const reworded = {...teacher({}), questions: {list, perRequest: 3, areNamesShown: false}};
    const other = await start({calibration, cascade: {...cascade, teacher: reworded}}, readerOf());
    expect(await standing(other)).toEqual([false, false, false]);
    expect((await statusOf(other)).questions!.map(question => question.promise?.kept?.of)).toEqual([20, undefined, 20]);
    await rm(folder, {recursive: true});
  });
});

describe('a student', () => {
  beforeAll(startEngine);

  it('is served with the calibration of each head, warm, and says what its heads say', async () => {
    const made = withHeads(hashedNgrams({buckets: 256, units: [8]}), questions)(
      {classes: [], kind: 'text', inputShape: [], preprocessing: {}},
      1,
    );
    const heads = made.heads!.map((head, index) => ({...head, calibration: {temperature: 1 + index, threshold: 0.5}}));
    const student = makeStudent({...made, heads});
    const teacher = asTeacher(student);
    await warmUp(teacher, student);
    const {calibrations, input} = servedStudent(student);
    expect(calibrations).toEqual({
      topic: {temperature: 1, threshold: 0.5},
      urgent: {temperature: 2, threshold: 0.5},
      mood: {temperature: 3, threshold: 0.5},
    });
    expect(input).toEqual({kind: 'text'});
    const service = await start(servedStudent(student), teacher);
    const {body} = await systemOne(service);
    const logits = await predictLogits(headOf(student, 'urgent'), {kind: 'text', count: 1, texts: [STATE]});
    const yes = 1 / (1 + Math.exp((logits[0]! - logits[1]!) / 2));
    expect(body).toMatchObject({answers: {urgent: {noul: close(yes)}}});
  });
});
