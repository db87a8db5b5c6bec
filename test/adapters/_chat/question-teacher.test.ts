import {describe, expect, it} from 'vitest';
import type {WithQuestions} from '../../../adapters/_chat/question-options.ts';
import {anthropic} from '../../../adapters/anthropic.ts';
import {bedrock} from '../../../adapters/bedrock.ts';
import {gemini} from '../../../adapters/gemini.ts';
import {llamaCpp} from '../../../adapters/llama-cpp.ts';
import {ollama} from '../../../adapters/ollama.ts';
import {type OpenAiOptions, openai} from '../../../adapters/openai.ts';
import {vllm} from '../../../adapters/vllm.ts';
import type {Question} from '../../../src/question.ts';
import {choice, predicate, requestsOf, score} from '../../../src/questions.ts';
import type {BatchService} from '../../../src/service-features.ts';
import type {LabelAnswer, Outcome, Query, Teacher, TopKAnswer} from '../../../src/teacher.ts';
import {testTeacher} from '../../teacher-suite.ts';
import {address, failureOf, floats, offline, problemsIn, recordedFor} from '../replay.ts';
import {fieldServer} from './field-server.ts';

const key = 'very-secret';
const path = '/chat/completions';
const topic = choice('topic', 'What is it about?', {billing: 'Invoices, prices.', fault: 'Something is broken.'});
const urgent = predicate('urgent', 'Must it be answered today?', {yes: 'Money is at stake.'});
const mood = score('mood', 'How content is the writer?', ['angry', 'calm', 'happy']);
const questions = [topic, urgent, mood];
const shared = {model: 'm', questions, key} as const;
const input = {kind: 'text', text: 'I was charged {questions} twice.'} as const;

/** The queries about a text, as layers put them. */
function about(
  teacher: Teacher,
  text: Query['input'] = input,
  asked: readonly Question[] = questions,
): readonly Query[] {
  const requests = requestsOf(asked, teacher.questions);
  return asked.map((question, row) => ({input: text, question, together: requests[row]}));
}

type Options = Partial<WithQuestions<OpenAiOptions<'label' | 'confidence' | 'log-probabilities'>>>;

/** The outcomes of an answer with this content. */
async function outcomesOf(content: string | null, options: Options = {}, choice: object = {}) {
  const {dispatcher, sent, answer} = offline();
  const message = {content};
  answer(path, 200, {choices: [{finish_reason: 'stop', message, ...choice}]});
  const teacher = openai({...shared, url: address, output: 'label', dispatcher, ...options});
  const outcomes = await teacher.ask(about(teacher, input, options.questions));
  return {outcomes, teacher, body: sent[0]!.body as Record<string, never>};
}

const labelsIn = (outcomes: readonly Outcome[]) =>
  outcomes.map(outcome => ('answer' in outcome ? (outcome.answer as LabelAnswer).label : outcome.error.message));

/** Probabilities by class. */
const massesIn = (outcomes: readonly Outcome[]) =>
  outcomes.map(outcome => {
    const {classes, logProbabilities} = (outcome as {answer: TopKAnswer}).answer;
    return Object.fromEntries(Array.from(classes, (label, index) => [label, Math.exp(logProbabilities[index]!)]));
  });

describe('a language model with several questions', () => {
  const aws = {region: 'eu-central-1', credentials: {accessKeyId: 'AKIDEXAMPLE', secretAccessKey: key}};
  const {key: _, ...keyless} = shared;
  const teachers: Readonly<Record<string, (url: string) => Teacher>> = {
    'openai, label': url => openai({...shared, url, output: 'label'}),
    'openai, three samples': url => openai({...shared, url, output: 'label', samples: 3}),
    'openai, confidence': url => openai({...shared, url, output: 'confidence'}),
    'openai, log-probabilities': url => openai({...shared, url, output: 'log-probabilities'}),
    'openai, each alone': url => openai({...shared, url, output: 'label', maxQuestions: 1}),
    'openai by Responses': url => openai({...shared, url, api: 'responses', output: 'log-probabilities'}),
    anthropic: url => anthropic({...shared, url, output: 'label'}),
    'anthropic, confidence': url => anthropic({...shared, url, output: 'confidence'}),
    gemini: url => gemini({...shared, url, output: 'label'}),
    'gemini, log-probabilities': url => gemini({...shared, url, output: 'log-probabilities'}),
    ollama: url => ollama({...shared, url, output: 'log-probabilities'}),
    bedrock: url => bedrock({...keyless, ...aws, url, output: 'label', structured: true}),
    vllm: url => vllm({...shared, url, output: 'label'}),
    llamaCpp: url => llamaCpp({...shared, url, output: 'label'}),
  };

  describe.each(Object.entries(teachers))('%s', (_, make) => {
    const two = [input, {kind: 'text', text: 'Thank you!'} as const];
    const asked = about(make('http://127.0.0.1:9'), two[0]);
    const [server] = [fieldServer()];
    testTeacher({
      it,
      teacher: async () => make((await server).url),
      queries: [...asked, ...asked.map(query => ({...query, input: two[1]!}))],
      badQuery: {...floats(1), question: urgent},
      secret: key,
    });
  });

  it('gets a schema with a neutral field for each, and their options in the prompt', async () => {
    const {body} = await outcomesOf('{}');
    expect(body).toEqual({
      model: 'm',
      messages: [
        {
          role: 'system',
          content: [
            'Answer each of these questions about the text.',
            'q114: What is it about?\nbilling (Invoices, prices.)\nfault (Something is broken.)',
            'q758: Must it be answered today?\nno\nyes (Money is at stake.)',
            'q620: How content is the writer? From the lowest to the highest:\nangry\ncalm\nhappy',
            'Answer with JSON and nothing else: {"q114": …, "q758": …, "q620": …}. Each value is the name of one option of its question.',
          ].join('\n\n'),
        },
        {role: 'user', content: input.text},
      ],
      max_tokens: expect.any(Number),
      temperature: 0,
      response_format: {
        type: 'json_schema',
        json_schema: {
          ...{name: 'answer', strict: true},
          schema: {
            type: 'object',
            properties: {
              q114: {type: 'string', enum: ['billing', 'fault']},
              q758: {type: 'string', enum: ['no', 'yes']},
              q620: {type: 'string', enum: ['angry', 'calm', 'happy']},
            },
            required: ['q114', 'q758', 'q620'],
            additionalProperties: false,
          },
        },
      },
    });
  });

  it('answers with letters if log-probabilities are read, but no and yes', async () => {
    const {body} = await outcomesOf('{}', {output: 'log-probabilities', topLogprobs: 5});
    expect(body).toMatchObject({logprobs: true, top_logprobs: 5});
    const {messages, response_format} = body as unknown as {
      messages: [{content: string}];
      response_format: {json_schema: {schema: {properties: object}}};
    };
    expect(messages[0].content).toContain('q114: What is it about?\nA: billing (Invoices, prices.)\nB: fault');
    expect(messages[0].content).toContain('\nno\nyes (Money is at stake.)');
    expect(messages[0].content).toContain('Each value is the code of one option');
    expect(response_format.json_schema.schema.properties).toEqual({
      q114: {type: 'string', enum: ['A', 'B']},
      q758: {type: 'string', enum: ['no', 'yes']},
      q620: {type: 'string', enum: ['A', 'B', 'C']},
    });
    const free = await outcomesOf('{}', {output: 'log-probabilities', codes: 'names', structured: false});
    expect(free.body).not.toHaveProperty('response_format');
    expect(JSON.stringify(free.body)).toContain('\\nangry\\ncalm\\nhappy');
  });

  it('names a question by what it asks: the same whatever else is asked, and whatever it is called', async () => {
    const renamed: Question = {...urgent, name: 'late'};
    const {body} = await outcomesOf('{}', {questions: [renamed, topic]});
    expect(JSON.stringify(body)).toContain('{\\"q758\\": …, \\"q114\\": …}');
    const {teacher} = await outcomesOf('{}');
    const {teacher: other} = await outcomesOf('{}', {questions: [renamed, topic]});
    expect(other.identity).toEqual(teacher.identity);
  });

  it('tells questions with the same digits apart by more of them, and asks one question once', async () => {
    const alike = Array.from({length: 60}, (_, index) => predicate(`p${index}`, `Is it divisible by ${index}?`));
    const {body, outcomes} = await outcomesOf('{}', {questions: [...alike, {...alike[0]!, name: 'again'}]});
    const {properties} = (body as unknown as {response_format: {json_schema: {schema: {properties: object}}}})
      .response_format.json_schema.schema;
    expect(Object.keys(properties)).toHaveLength(60);
    expect(new Set(Object.keys(properties).map(name => name.length)).size).toBe(1);
    expect(outcomes).toHaveLength(61);
    const answer = JSON.stringify(
      Object.fromEntries(Object.keys(properties).map((name, row) => [name, row % 2 ? 'yes' : 'no'])),
    );
    const read = await outcomesOf(answer, {questions: [...alike, {...alike[0]!, name: 'again'}]});
    expect(labelsIn(read.outcomes)).toEqual([...Array.from({length: 60}, (_, row) => row % 2), 0]);
  });

  it('shows the names of questions if it is told to', async () => {
    const {body, outcomes} = await outcomesOf('{"topic": "fault", "urgent": "yes", "mood": "calm"}', {
      areNamesShown: true,
    });
    expect(JSON.stringify(body)).toContain('{\\"topic\\": …, \\"urgent\\": …, \\"mood\\": …}');
    expect(labelsIn(outcomes)).toEqual([1, 1, 1]);
  });

  it('reads labels, JSON’s own words for no and yes, and fields in any order', async () => {
    const {outcomes} = await outcomesOf('Sure:\n```json\n{"q758": true, "q620": "Happy", "q114": "billing"}\n```');
    expect(labelsIn(outcomes)).toEqual([0, 1, 2]);
  });

  it('reads the confidence in each label', async () => {
    const value = (label: string, confidence: number) => ({label, confidence});
    const content = JSON.stringify({q114: value('fault', 70), q758: value('no', 55), q620: value('calm', 0.5)});
    const {outcomes} = await outcomesOf(content, {output: 'confidence'});
    expect(massesIn(outcomes.slice(0, 2))).toEqual([{1: expect.closeTo(0.7, 6)}, {0: expect.closeTo(0.55, 6)}]);
    expect(problemsIn(outcomes)[2]).toContain('Question `mood`: It does not say how sure it is');
  });

  it('counts the votes of several answers for each question', async () => {
    const {dispatcher, answer} = offline();
    const said = ['{"q114": "fault", "q758": "no"}', '{"q114": "fault", "q758": "yes"}', '{"q114": "billing"}'];
    answer(path, 200, {choices: said.map(content => ({finish_reason: 'stop', message: {content}}))});
    const teacher = openai({...shared, url: address, output: 'label', samples: 3, dispatcher});
    const outcomes = await teacher.ask(about(teacher));
    expect(outcomes.slice(0, 2)).toEqual([
      {answer: {kind: 'votes', counts: Uint32Array.of(1, 2)}},
      {answer: {kind: 'votes', counts: Uint32Array.of(1, 1)}},
    ]);
    expect(problemsIn(outcomes)[2]).toContain('Question `mood`: It gave no answer.');
  });

  it('reads the probabilities at the tokens of each field', async () => {
    const asked = [
      choice('urgent', 'Is it urgent?', ['false', 'true']),
      choice('team', 'Which team?', ['billing', 'shipping', 'technical']),
      score('anger', 'How angry?', ['0', '1', '2']),
    ];
    const {body: reply} = recordedFor('openai', 'made-fields-200').response;
    const {dispatcher, answer} = offline();
    answer(path, 200, reply);
    const options = {questions: asked, areNamesShown: true, codes: 'names'} as const;
    const teacher = openai({...shared, ...options, url: address, output: 'log-probabilities', dispatcher});
    const masses = massesIn(await teacher.ask(about(teacher, input, asked)));
    const near = (value: number) => expect.closeTo(value, 2);
    expect(masses).toEqual([
      {0: near(0.18), 1: near(0.81)},
      {0: near(0.93), 1: near(0.06), 2: near(0.008)},
      {0: near(0.1), 1: near(0.3), 2: near(0.6)},
    ]);
  });

  it.each<[string, string | null, object, readonly (number | RegExp)[]]>([
    ['a field is missing', '{"q114": "fault", "q620": "calm"}', {}, [1, /`urgent`: It gave no answer\./, 1]],
    [
      'a field says something else',
      '{"q114": "fault", "q758": "maybe", "q620": "calm"}',
      {},
      [1, /`urgent`: .*names none of the 2 classes.*"maybe"/, 1],
    ],
    [
      'a field stands twice',
      '{"q114": "fault", "q114": "billing", "q758": "no", "q620": "calm"}',
      {},
      [/It gave 2 answers/, 0, 1],
    ],
    ['a field is null', '{"q114": null, "q758": "no", "q620": "calm"}', {}, [/names none of the 2/, 0, 1]],
    [
      'the answer is cut off',
      '{"q114": "fault", "q758": "n',
      {finish_reason: 'length'},
      [1, /cut off at the token limit/, /cut off/],
    ],
    ['it is prose', 'It is about a fault.', {}, [/no JSON object/, /no JSON object/, /no JSON object/]],
    ['it refuses', null, {message: {content: null, refusal: 'No.'}}, [/refused to answer/, /refused/, /refused/]],
    ['a filter stops it', '{"q114": "fault"', {finish_reason: 'content_filter'}, [/filter/, /filter/, /filter/]],
  ])('answers the other questions if %s', async (_, content, choice, expected) => {
    const {outcomes} = await outcomesOf(content, {}, choice);
    for (const [row, wanted] of expected.entries()) {
      if (typeof wanted === 'number') expect(labelsIn(outcomes)[row]).toBe(wanted);
      else expect(problemsIn(outcomes)[row]).toMatch(wanted);
    }
  });

  it('is not read at all if its reply is no completion', async () => {
    const {dispatcher, answer} = offline();
    answer(path, 200, {answers: []});
    const teacher = openai({...shared, url: address, output: 'label', dispatcher});
    const error = await failureOf(teacher.ask(about(teacher)));
    expect(error).toMatchObject({unreadable: true, message: expect.stringContaining('no chat completion')});
  });

  it('gives each question the one error of a refused request', async () => {
    const {dispatcher, answer} = offline();
    answer(path, 400, {error: {message: `The text is not allowed: ${input.text}`}});
    const teacher = openai({...shared, url: address, output: 'label', dispatcher});
    const outcomes = (await teacher.ask(about(teacher))) as readonly {readonly error: Error}[];
    expect(outcomes[0]!.error).toMatchObject({status: 400, refusal: 'unclear'});
    expect(outcomes.every(({error}) => error === outcomes[0]!.error)).toBe(true);
    expect(outcomes[0]!.error.message).not.toContain('charged');
  });

  it('sends one request for questions that are asked together, and carries all of them even for one', async () => {
    const {url, asked} = await fieldServer();
    const teacher = openai({...shared, url, output: 'label'});
    const [one, two, three] = about(teacher) as [Query, Query, Query];
    const rows: (readonly number[])[] = [];
    const exchange = (some: readonly number[], send: () => Promise<never>) => {
      rows.push(some);
      return send();
    };
    await teacher.ask([one, two, three], {exchange: exchange as never});
    await teacher.ask([two]);
    await teacher.ask([{...two, together: undefined}]);
    await teacher.ask([one, {...two, sample: 1}]);
    expect(rows).toEqual([[0, 1, 2]]);
    const all = ['q114', 'q758', 'q620'];
    expect(asked.map(({fields}) => fields)).toEqual([all, all, ['q758'], all, all]);
  });

  it('asks each alone with `maxQuestions: 1`', async () => {
    const {url, asked} = await fieldServer();
    const teacher = openai({...shared, url, output: 'label', maxQuestions: 1});
    await teacher.ask(about(teacher));
    expect(asked.map(({fields}) => fields.join()).sort()).toEqual(['q114', 'q620', 'q758']);
  });

  it('makes a line of a batch of a question that is asked alone, with the body of its request', async () => {
    const laneOf = (teacher: Teacher) => (teacher.service as BatchService).lane;
    for (const make of [openai, anthropic, gemini] as readonly ((options: object) => Teacher)[]) {
      const {dispatcher, sent, answer} = offline();
      const teacher = make({...shared, url: address, output: 'label', maxQuestions: 1, dispatcher});
      const {path: own} = teacher.identity as {readonly path: string};
      answer(own, 500, {});
      const [, query] = about(teacher) as [Query, Query];
      await teacher.ask([query]).catch(() => {});
      expect(laneOf(teacher)!.lineOf('id', query)).toContain(JSON.stringify(sent[0]!.body));
      expect(() => laneOf(teacher)!.lineOf('id', {input})).toThrow('A query names no question.');
      expect(laneOf(make({...shared, output: 'label'}))).toBeUndefined();
    }
  });

  it('lets options take turns in coming first, and levels keep their order', async () => {
    const {dispatcher, sent, answer} = offline();
    answer(path, 200, {choices: [{message: {content: '{}'}}]});
    const teacher = openai({...shared, url: address, output: 'label', rotateClasses: true, dispatcher});
    await teacher.ask(about(teacher).map(query => ({...query, sample: 1})));
    const [{content}] = (sent[0]!.body as {messages: [{content: string}]}).messages;
    expect(content).toContain('fault (Something is broken.)\nbilling (Invoices, prices.)');
    expect(content).toContain('yes (Money is at stake.)\nno');
    expect(content).toContain('angry\ncalm\nhappy');
  });

  it('is asked about images and records, too', async () => {
    const {dispatcher, sent, answer} = offline();
    const said = {choices: [{message: {content: '{"q758": "yes"}'}}]};
    answer(path, 200, said);
    answer(path, 200, said);
    const teacher = openai({...shared, questions: [urgent], url: address, output: 'label', dispatcher});
    const image = {kind: 'image', bytes: Uint8Array.of(1, 2), mediaType: 'image/png'} as const;
    const record = {kind: 'record', fields: {price: 3}} as const;
    const outcomes = await teacher.ask([image, record].map(own => ({input: own, question: urgent})));
    expect(labelsIn(outcomes)).toEqual([1, 1]);
    const contents = sent.map(({body}) =>
      (body as {messages: {content: unknown}[]}).messages.map(({content}) => content),
    );
    expect(contents).toEqual([
      [
        expect.stringMatching(/^Answer each of these questions about the image\./),
        [{type: 'image_url', image_url: {url: 'data:image/png;base64,AQI='}}],
      ],
      [expect.stringMatching(/^Answer each of these questions about the record\./), '{"price":3}'],
    ]);
  });

  it('takes a whole prompt with places for the questions and the text', async () => {
    const {body} = await outcomesOf('{}', {prompt: {user: 'Read: {text}\n{questions}'}});
    const [{content}] = body['messages'] as unknown as [{content: string}];
    expect(content).toMatch(/^Read: I was charged \{questions\} twice\.\nq114: What is it about\?/);
    for (const prompt of ['{text}', '{questions}', {user: '{text}', system: 'x'}]) {
      await expect(outcomesOf('{}', {prompt})).rejects.toThrow('`{questions}` where the questions go');
    }
  });

  it('counts tokens by the whole request: the text once', () => {
    const teacher = openai({...shared, output: 'label'});
    const {worstCase, leastCase} = teacher.service!;
    const long = {kind: 'text', text: 'word '.repeat(1000)} as const;
    const [all, one] = [worstCase!(about(teacher, long))!, worstCase!(about(teacher, long).slice(0, 1))!];
    expect(all).toEqual(one);
    expect(all.inputTokens).toBeGreaterThan(5000);
    expect(all.inputTokens).toBeLessThan(8000);
    const alone = openai({...shared, output: 'label', maxQuestions: 1});
    expect(alone.service!.worstCase!(about(alone, long))!.inputTokens).toBeGreaterThan(15_000);
    expect(leastCase!(about(teacher, long)).inputTokens).toBeGreaterThan(1000);
    const limited = openai({...shared, output: 'label', maxTokens: 77});
    expect(limited.service!.worstCase!(about(limited))!.outputTokens).toBe(77);
  });

  it('tells a probe which answers break the schema', () => {
    const {probe} = openai({...shared, output: 'label'}).service as never as {
      probe: {inspect(reply: object): {ignored: readonly string[]}};
    };
    const reply = (content: string) => ({
      ...{status: 200, headers: {}},
      body: JSON.stringify({choices: [{finish_reason: 'stop', message: {content}}]}),
    });
    expect(probe.inspect(reply('{"q114": "fault", "q758": "no", "q620": "calm"}')).ignored).toEqual([]);
    expect(probe.inspect(reply('{"q114": "Fault", "q758": "no", "q620": "calm"}')).ignored).toEqual(['structured']);
    expect(probe.inspect(reply('fault')).ignored).toEqual(['structured']);
  });

  it('refuses options that make no sense', () => {
    const make = (options: object) => () => openai({...shared, output: 'label', ...options} as never);
    expect(make({classes: ['a', 'b']})).toThrow('openai takes `classes` or `questions`, not both.');
    expect(make({questions: []})).toThrow('has no question. Give it one or more.');
    expect(make({questions: undefined})).toThrow('openai needs `classes`');
    expect(make({questions: [predicate('p', '')]})).toThrow('has neither `instructions` nor criteria');
    expect(make({maxQuestions: 0})).toThrow('Expected `maxQuestions` to be a whole number above 0');
    expect(make({aliases: {x: 'y'}})).toThrow('openai has no option `aliases`');
    expect(make({codes: ['A']})).toThrow('`codes` takes one of "names"');
    expect(make({questions: [choice('c', 'Which?', ['yes', 'Yes'])]})).toThrow("can't be told from");
    expect(() => openai({model: 'm', classes: ['a', 'b'], output: 'label', maxQuestions: 2} as never)).toThrow(
      'openai has no option `maxQuestions`',
    );
    expect(() => vllm({...shared} as never)).toThrow("vllm asks `questions` with `output: 'label'` alone");
    expect(() => llamaCpp({...shared} as never)).toThrow("llamaCpp asks `questions` with `output: 'label'` alone");
  });
});
