import {once} from 'node:events';
import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {createLedger} from '../../src/ask/ledger.ts';
import {stack} from '../../src/ask/teacher-stack.ts';
import {BudgetError, InputError, TeacherError} from '../../src/errors.ts';
import type {CascadeOptions} from '../../src/serve/cascade.ts';
import type {TeacherAnswered} from '../../src/serve/teacher-gateway.ts';
import {openAnswerStore} from '../../src/store/store.ts';
import type {Answer, LabelAnswer, TopKAnswer} from '../../src/teacher.ts';
import {classes, post, type Reply, sayingOf, services, student, teacherOf, textOf, until} from './services.ts';

const start = services();
const knowing = (text: string): Answer => sayingOf(`${text.split(' ')[2] ?? 'ham'} 0.96`);
const calibration = {threshold: 0.8};

/** A service whose student is sure from 0.8 on, and which audits nothing unless it is told to. */
function serve(options: Partial<CascadeOptions> = {}, rest: object = {}) {
  return start({calibration, cascade: {teacher: teacherOf(knowing), audit: 0, ...options}, ...rest});
}

describe('a cascade', () => {
  it('answers by the student where it is sure, by the teacher where it is not', async () => {
    const teacher = teacherOf(knowing);
    const service = await serve({teacher});
    const {body} = await post(service, '/classify', {texts: ['spam 0.9', 'spam 0.5 news', 'ham 0.8']});
    expect(body).toEqual({
      results: [
        expect.objectContaining({label: 'spam', confidence: 0.9, abstains: false, answeredBy: 'student'}),
        {
          label: 'news',
          confidence: 0.96,
          probabilities: {news: 0.96, ham: 0.02, spam: 0.02},
          abstains: false,
          answeredBy: 'teacher',
        },
        expect.objectContaining({label: 'ham', answeredBy: 'student'}),
      ],
    });
    expect(teacher.asked).toEqual(['spam 0.5 news']);
    expect(service.tally).toMatchObject({student: 2, teacher: 1, abstained: 0});
  });

  it('answers chats and Open Inference alike', async () => {
    const service = await serve();
    const chat = await post(service, '/v1/chat/completions', {messages: [{role: 'user', content: 'spam 0.5 news'}]});
    expect(chat.body).toMatchObject({
      choices: [{message: {content: 'news'}}],
      limbeck: {answeredBy: 'teacher', confidence: 0.96, abstains: false},
    });
    const input = {name: 'input', datatype: 'BYTES', shape: [2], data: ['spam 0.9', 'spam 0.5 news']};
    const {body} = await post(service, '/v2/models/mails/infer', {inputs: [input]});
    const [{data}] = (body as {outputs: [{data: number[]}]}).outputs;
    expect(data.map(value => Math.exp(value))).toEqual(
      [0.05, 0.9, 0.05, 0.02, 0.02, 0.96].map(value => expect.closeTo(value, 5)),
    );
    expect(service.tally).toMatchObject({student: 1, teacher: 2});
  });

  it('shows labels by Open Inference, and no scores, where its teacher gives labels alone', async () => {
    const label: LabelAnswer = {kind: 'label', label: 2};
    const teacher = teacherOf(() => label, {access: 'black-box', detail: {kind: 'label'}});
    const service = await serve({teacher});
    expect((await post(service, '/classify', {text: 'spam 0.5'})).body).toEqual({
      ...{label: 'news', abstains: false, answeredBy: 'teacher'},
    });
    const body = {messages: [{role: 'user', content: 'spam 0.5'}], logprobs: true};
    expect((await post(service, '/v1/chat/completions', body)).body).toMatchObject({
      choices: [{message: {content: 'news'}, logprobs: null}],
    });
    const input = {name: 'input', datatype: 'BYTES', shape: [2], data: ['spam 0.9', 'spam 0.5']};
    expect((await post(service, '/v2/models/mails/infer', {inputs: [input]})).body).toMatchObject({
      outputs: [
        {name: 'label', data: [1, 2]},
        {name: 'class', data: ['spam', 'news']},
      ],
    });
  });

  it('shows what a teacher names of the classes, and the shares of its votes', async () => {
    const top: TopKAnswer = {
      kind: 'top-k',
      classes: Int32Array.of(2),
      logProbabilities: Float32Array.of(Math.log(0.75)),
      rest: 0.25,
    };
    const few = await serve({teacher: teacherOf(() => top, {detail: {kind: 'top-k', k: 2}})});
    expect((await post(few, '/classify', {text: 'spam 0.5'})).body).toMatchObject({
      ...{label: 'news', confidence: 0.75, probabilities: {news: 0.75}},
    });
    const votes: Answer = {kind: 'votes', counts: Uint32Array.of(1, 0, 3)};
    const voting = await serve({teacher: teacherOf(() => votes, {access: 'black-box', detail: {kind: 'votes'}})});
    expect((await post(voting, '/classify', {text: 'spam 0.5'})).body).toMatchObject({
      ...{label: 'news', confidence: 0.75, probabilities: {news: 0.75, ham: 0.25, spam: 0}},
    });
  });

  it('takes the classes of the teacher in whatever order they are, and no others', async () => {
    const turned = ['news', 'ham', 'spam'];
    const label: LabelAnswer = {kind: 'label', label: 0};
    const teacher = teacherOf(() => label, {classes: turned, access: 'black-box', detail: {kind: 'label'}});
    expect((await post(await serve({teacher}), '/classify', {text: 'spam 0.5'})).body).toMatchObject({label: 'news'});
    const other = teacherOf(() => label, {classes: ['yes', 'no']});
    await expect(serve({teacher: other})).rejects.toThrow(InputError);
  });

  it.each([
    ['its budget is spent', () => new BudgetError('The budget of $1 is spent.'), 'budget'],
    ['it can not answer', () => new TeacherError('far', 'It refuses the text.'), 'failed'],
  ] as const)('lets the marked answer of the student stand where %s', async (_, problem, fallback) => {
    const troubles: Error[] = [];
    const service = await serve({teacher: teacherOf(problem), onTrouble: error => troubles.push(error)});
    const {body} = await post(service, '/classify', {text: 'spam 0.5'});
    expect(body).toMatchObject({label: 'spam', confidence: 0.5, abstains: true, answeredBy: 'student', fallback});
    expect(troubles).toHaveLength(1);
    expect(service.tally).toMatchObject({student: 0, fallbacks: {[fallback]: 1}, abstained: 1});
    const chat = await post(service, '/v1/chat/completions', {messages: [{role: 'user', content: 'spam 0.5'}]});
    expect(chat).toMatchObject({status: 200, body: {limbeck: {fallback}}});
  });

  it('lets it stand where nothing can be asked at all, and leaves a teacher alone that fails again and again', async () => {
    let calls = 0;
    const broken = teacherOf(knowing, {
      ask: () => {
        calls++;
        return Promise.reject(new TeacherError('far', 'No connection.', {retryable: true}));
      },
    });
    const service = await serve({teacher: broken});
    const ask = async () =>
      ((await post(service, '/classify', {text: 'spam 0.5'})).body as {fallback: string}).fallback;
    const fallbacks: string[] = [];
    for (let index = 0; index < 7; index++) fallbacks.push(await ask());
    expect(fallbacks).toEqual([...new Array(5).fill('failed'), 'busy', 'busy']);
    expect(calls).toBe(5);
  });

  it('waits for the teacher no longer than its patience, and keeps what it says in the end', async () => {
    const answered: TeacherAnswered[] = [];
    const slow = teacherOf(knowing);
    const {ask} = slow;
    let answer = () => {};
    const told = new Promise<void>(resolve => {
      answer = resolve;
    });
    const teacher = {...slow, ask: async (...all: Parameters<typeof ask>) => told.then(() => ask(...all))};
    const service = await serve({teacher, patience: 20, onAnswer: one => answered.push(one)});
    const {body} = await post(service, '/classify', {text: 'spam 0.5 news'});
    expect(body).toMatchObject({label: 'spam', answeredBy: 'student', fallback: 'late'});
    expect(answered).toEqual([]);
    answer();
    await service.close();
    expect(answered).toMatchObject([{why: 'unsure', query: {input: {text: 'spam 0.5 news'}}}]);
  });

  it('lets only so many requests wait for the teacher', async () => {
    const slow = teacherOf(knowing);
    const {ask} = slow;
    const teacher = {...slow, ask: async (...all: Parameters<typeof ask>) => setTimeout(500).then(() => ask(...all))};
    const service = await serve({teacher, maxAsking: 2});
    const replies = await Promise.all(
      [1, 2, 3, 4].map(index => post(service, '/classify', {text: `spam 0.5 news ${index}`})),
    );
    const busy = replies.filter(({body}) => (body as {fallback?: string}).fallback === 'busy');
    expect(busy).toHaveLength(2);
  });

  it('keeps what the teacher said, and pays for a text once', async () => {
    const teacher = teacherOf(knowing);
    const ledger = createLedger();
    const layered = stack(teacher, {store: openAnswerStore({store: new Map()}), ledger});
    const service = await serve({teacher: layered, ledger});
    for (let index = 0; index < 3; index++) {
      expect((await post(service, '/classify', {text: 'spam 0.5 news'})).body).toMatchObject({label: 'news'});
    }
    expect(teacher.asked).toEqual(['spam 0.5 news']);
    expect(ledger.snapshot()).toMatchObject({asked: 3, bought: 1, cached: 2});
  });

  it('tells of each answer what the student had said, in its order of classes', async () => {
    const answered: TeacherAnswered[] = [];
    const service = await serve({onAnswer: one => answered.push(one)});
    await post(service, '/classify', {texts: ['spam 0.5 news', 'ham 0.9']});
    expect(answered).toMatchObject([
      {query: {input: {kind: 'text', text: 'spam 0.5 news'}}, why: 'unsure', answer: sayingOf('news 0.96')},
    ]);
    expect([...(answered[0]!.student as {logProbabilities: Float32Array}).logProbabilities].map(Math.exp)).toEqual(
      [0.25, 0.5, 0.25].map(value => expect.closeTo(value, 5)),
    );
  });

  it('stops asking for a client that went away', async () => {
    let stop: AbortSignal | undefined;
    const teacher = teacherOf(knowing, {
      async ask(queries, options) {
        ({stop} = options as {stop: AbortSignal});
        await once(stop, 'abort');
        return queries.map(query => ({answer: knowing(textOf(query)) as never}));
      },
    });
    const service = await serve({teacher});
    const controller = new AbortController();
    const body = JSON.stringify({text: 'spam 0.5'});
    const asked = fetch(`${service.url}/classify`, {
      method: 'POST',
      body,
      headers: {'content-type': 'application/json'},
      signal: controller.signal,
    });
    await until(() => stop !== undefined);
    controller.abort();
    await expect(asked).rejects.toThrow();
    await until(() => stop!.aborted);
  });

  it('answers local requests while others wait for the teacher', async () => {
    const slow = teacherOf(knowing);
    const {ask} = slow;
    const teacher = {...slow, ask: async (...all: Parameters<typeof ask>) => setTimeout(200).then(() => ask(...all))};
    const service = await serve({teacher});
    const ends: string[] = [];
    const sent = (text: string): Promise<Reply> =>
      post(service, '/classify', {text}).finally(() => void ends.push(text));
    await Promise.all([sent('spam 0.5'), sent('spam 0.9')]);
    expect(ends).toEqual(['spam 0.9', 'spam 0.5']);
  });

  it('refuses a share that is none', async () => {
    await expect(serve({audit: 1.5})).rejects.toThrow('Expected `audit` to be from 0 to 1, got 1.5.');
    expect(classes).toEqual(student.classes);
  });
});
