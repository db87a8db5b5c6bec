import {execFile} from 'node:child_process';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {fileText, holdsLabels, measureOnFile} from '../../src/cli/evaluate-file.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {headOf, withHeads} from '../../src/student/heads.ts';
import {makeStudent} from '../../src/student/make-student.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Student} from '../../src/student/student.ts';

let folder: string;
let student: Student;

/** What the student says of every text, whatever it is: fault, yes, middling. */
const LOGITS = [0, 3, 0, 1, 2, 0, 1, 0];

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-evaluate-'));
  const questions = [
    choice('topic', '', ['billing', 'fault', 'other']),
    predicate('urgent', ''),
    score('mood', '', ['bad', 'middling', 'good']),
  ];
  const made = withHeads(hashedNgrams({buckets: 64, units: []}), questions)(
    {classes: [], kind: 'text', inputShape: [], preprocessing: {}},
    1,
  );
  const weights = made.model.getWeights();
  made.model.setWeights(
    weights.map(weight => (weight.shape.length === 1 ? tf.tensor1d(LOGITS) : tf.zeros(weight.shape))),
  );
  const heads = made.heads!.map(head => ({...head, calibration: {temperature: 1, threshold: 0.8}}));
  student = makeStudent({...made, heads});
});

afterAll(() => rm(folder, {recursive: true, force: true}));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

const TABLE =
  'text,topic,urgent,mood\n' + 'a,fault,yes,middling\n' + 'b,billing,true,good\n' + 'c,fault,no,\n' + ',,0,bad\n';

describe('measureOnFile', () => {
  it('measures each question by its type, on the texts with a label, and all together', async () => {
    const {questions, joint} = await measureOnFile(student, await file('all.csv', TABLE), {});
    expect(questions).toMatchObject([
      {name: 'topic', labelled: 3, agreement: 2 / 3, coverage: 1, typed: {type: 'choice'}},
      {
        ...{name: 'urgent', labelled: 4, agreement: 0.5, coverage: 0},
        typed: {type: 'predicate', yes: 2, saidYes: 4, precision: 0.5, recall: 1, f1: 2 / 3, auroc: 0.5},
      },
      {name: 'mood', labelled: 3, agreement: 1 / 3, typed: {type: 'score', withinOne: 1, mae: 2 / 3, bias: 0}},
    ]);
    expect(joint).toEqual({agreement: 0.25, inputs: 4});
  });

  it('reads the file once, whatever the number of questions', async () => {
    const pipe = join(folder, 'pipe.csv');
    await promisify(execFile)('mkfifo', [pipe]);
    const [{joint}] = await Promise.all([measureOnFile(student, pipe, {}), writeFile(pipe, TABLE)]);
    expect(joint).toEqual({agreement: 0.25, inputs: 4});
  });

  it('measures one head alone', async () => {
    const path = await file('one.jsonl', '{"text": "a", "urgent": true}\n{"text": "b", "urgent": 0}\n');
    const {questions} = await measureOnFile(headOf(student, 'urgent'), path, {});
    expect(questions).toMatchObject([{name: 'urgent', labelled: 2, agreement: 0.5}]);
  });

  it('reads the column `label` for a student without questions', async () => {
    const {heads: _, ...plain} = student;
    const classes = plain.classes.map((_, index) => `class ${index}`);
    const path = await file('plain.csv', 'text,label\na,class 1\nb,class 0\n');
    const {questions} = await measureOnFile(makeStudent({...plain, classes}), path, {});
    expect(questions).toMatchObject([{name: 'label', labelled: 2, agreement: 0.5, typed: undefined}]);
  });

  it.each([
    ['text,topic,urgent,mood\na,fault,maybe,bad\n', 'line 2: `maybe` in `urgent` is none of its classes: no, yes.'],
    ['text,topic,mood\na,fault,bad\n', 'urgent'],
    ['text,topic,urgent,mood\na,fault,,bad\n', 'No text has a label in `urgent`.'],
    ['text,topic,urgent,mood\n', 'There are no texts in'],
    ['text,topic,urgent,mood\na,fault\n', 'line 2: no field `urgent`, only `text`, `topic`.'],
  ])('says what is wrong with %j', async (content, problem) => {
    await expect(measureOnFile(student, await file('wrong.csv', content), {})).rejects.toThrow(problem);
  });

  it('refuses a student of numbers', async () => {
    const numbers = mlp()({classes: ['a', 'b'], inputShape: [2], preprocessing: {}}, 1);
    await expect(measureOnFile(numbers, 'x.csv', {})).rejects.toThrow('the student reads none. Name a recipe instead.');
  });
});

describe('fileText', () => {
  it('has a block for each question, and the agreement on all of them', async () => {
    const text = fileText(await measureOnFile(student, await file('text.csv', TABLE), {}));
    expect(text).toMatch(/^topic \(choice\)\n {2}Labelled texts {12}3\n {2}Agreement {17}66\.67 %\n/);
    expect(text).toContain('urgent (predicate)');
    expect(text).toMatch(/F1 of yes {17}66\.67 %/);
    expect(text).toMatch(/Within one level {10}100\.00 %/);
    expect(text).toMatch(/\n\nAll questions of a text: 25\.00 % of 4$/);
  });
});

describe('holdsLabels', () => {
  it('tells tables and JSON lines from recipes', () => {
    expect(['a.csv', 'a.jsonl.gz', 'a.parquet'].map(holdsLabels)).toEqual([true, true, true]);
    expect(['recipe.ts', 'recipe.js', 'a.txt', 'recipe'].map(holdsLabels)).toEqual([false, false, false, false]);
  });
});
