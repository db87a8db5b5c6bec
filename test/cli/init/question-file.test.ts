import {mkdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {decisions} from '../../../adapters/decisions.ts';
import {systemOne} from '../../../adapters/system-one.ts';
import {readQuestionFile} from '../../../src/cli/init/question-file.ts';
import type {Teacher} from '../../../src/teacher.ts';
import {captureNames, captureOf} from '../../adapters/_decisions/captures.ts';
import {offline} from '../../adapters/replay.ts';
import {folders} from '../../study/tiny.ts';

const newFolder = folders();
let folder: string;

beforeAll(async () => {
  folder = await newFolder('questions');
});

async function read(content: unknown) {
  const path = join(folder, 'questions.json');
  await mkdir(folder, {recursive: true});
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return readQuestionFile(path);
}

/** The problem with a file, from the place in it on. */
async function problemIn(content: unknown): Promise<string> {
  const error = await read(content).then(
    () => new Error('It was read.'),
    (cause: Error) => cause,
  );
  return error.message.replace(/^.*questions\.json(, )?/, '');
}

const answered = captureNames().filter(name => captureOf(name).response.status === 200);
/** Questions that limbeck can't ask as they were asked there. */
const OTHERS: Readonly<Record<string, string>> = {
  'from-types-openai-boolean_choice': 'questions[0].choices[0].value: true is no text. Write "true"',
  'from-types-openai-image_and_json': 'questions[0].instructions[1]: This part is no text.',
  systemone_score_1_level: 'questions.s.criteria: Expected two or more, got 1.',
  systemone_structured_instructions: 'questions.dup.instructions: Expected a text.',
};
/** Left out in the request, or called otherwise. */
const RENAMED = ['from-types-openai-unnamed', 'systemone_fault_accept_boolean'];

describe('the questions of a request', () => {
  it.each(answered.filter(name => !(name in OTHERS)))('are those that were asked in %s', async name => {
    const {request} = captureOf(name);
    const file = await read(request.body);
    const {model, questions, service, dialect, url = 'http://teacher.test:8080/v1'} = file;
    const {origin} = new URL(url);
    const {dispatcher, answer, sent} = offline(origin);
    const shared = {model: model!, questions, dispatcher, key: 'test', maxQuestions: 500, url};
    for (const path of ['/v1/decisions', '/v1/systemone', '/v1beta/decisions']) answer(path, 500, {});
    const teacher: Teacher =
      service === 'decisions' ? decisions({...shared, ...(dialect && {dialect})}) : systemOne(shared);
    const input = {kind: 'text', text: 'a'} as const;
    await teacher.ask(questions.map(question => ({input, question}))).catch(() => {});
    const body = sent[0]!.body as {readonly questions: unknown};
    expect(model).toBe(request.body!['model']);
    if (!RENAMED.includes(name)) expect(body.questions).toEqual(request.body!['questions']);
  });

  it.each(Object.entries(OTHERS))('are refused in %s, with the place', async (name, problem) => {
    expect(await problemIn(captureOf(name).request.body)).toContain(problem);
  });

  it('get a name if they have none, and a note says so', async () => {
    const {questions, notes} = await read(captureOf('from-types-openai-unnamed').request.body);
    expect(questions.slice(0, 2).map(({name}) => name)).toEqual(['question_1', 'question_2']);
    expect(notes[0]).toBe('Question 1 has no name. It is called question_1.');
  });

  it('keep the order of options that are named by numbers', async () => {
    const criteria = '{"10": "ten", "__proto__": null, "2": ""}';
    const {questions} = await read(`{"questions": {"how many": {"type": "choice", "criteria": ${criteria}}}}`);
    const options = [{name: '10', description: 'ten'}, {name: '__proto__'}, {name: '2'}];
    expect(questions).toEqual([{type: 'choice', name: 'how many', instructions: '', options}]);
  });

  it('are nobody’s if they are a list alone', async () => {
    const asked = [{name: 'mood', type: 'score', instructions: 'How?', levels: ['low: sad', 'high']}];
    const {questions, service} = await read(asked);
    expect(service).toBeUndefined();
    expect(questions[0]).toMatchObject({levels: [{name: 'low', description: 'sad'}, {name: 'high'}]});
  });
});

const choice = {name: 'topic', type: 'choice', instructions: 'Which?', choices: [{value: 'a'}, {value: 'b'}]};

describe('a file is refused', () => {
  it.each([
    ['that is not JSON', '{"questions": [}', / is not JSON: /],
    ['without questions', {}, 'neither `questions` nor `properties`'],
    ['with none of them', {questions: {}}, 'There are no questions in it.'],
    [
      'with a type that there is not',
      {questions: {a: {type: 'box', instructions: 'Where?'}}},
      'questions.a.type: There are no questions of type `box`.',
    ],
    ['without a type', [{name: 'a'}], '[0]: It has no `type`.'],
    [
      'with two questions of one name in a list',
      [choice, choice],
      '[1]: An earlier question has the name `topic`, too.',
    ],
    [
      'with two questions of one name in an object',
      '{"questions": {"a": 1, "\\u0061": 2}}',
      'two fields `a` in one object',
    ],
    [
      'with two options of one name',
      [{...choice, choices: [{value: 'a'}, {value: 'a'}]}],
      '[0].choices: `a` is given twice.',
    ],
    ['with a field that could change what is asked', [{...choice, images: []}], '[0].images: This field is unknown.'],
    [
      'with levels out of order',
      [{name: 'a', type: 'score', levels: ['3', '2', '1']}],
      '[0].levels: The levels are 3, 2, 1. Order them',
    ],
    [
      'with options that are objects',
      {questions: {a: {type: 'choice', criteria: {x: {}, y: {}}}}},
      'questions.a.criteria.x: Expected a text.',
    ],
    [
      'with levels that are an object',
      {questions: {a: {type: 'score', criteria: {x: 'y'}}}},
      'questions.a.criteria: Expected a list.',
    ],
    [
      'with criteria of something else',
      {questions: {a: {type: 'noul', criteria: {maybe: 'x'}}}},
      'criteria.maybe: This field is unknown.',
    ],
  ])('%s', async (_, content, problem) => {
    expect(await problemIn(content)).toMatch(problem);
  });

  it('that is not there', async () => {
    await expect(readQuestionFile(join(folder, 'nothing.json'))).rejects.toThrow("Can't read");
  });
});
