import {execFile} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {beforeAll, describe, expect, it} from 'vitest';
import {type JointKnowledge, joinKnowledge} from '../../src/ask/joint-knowledge.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {type Knowledge, trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {classesOf} from '../../src/question.ts';
import {choice, predicate, score} from '../../src/questions.ts';
import {saveStudent} from '../../src/student/files.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {withHeads} from '../../src/student/heads.ts';
import type {Student} from '../../src/student/student.ts';
import {train} from '../../src/train/train.ts';
import {until} from '../built.ts';
import {NO_SERVERS, programsOf} from '../servers/python-server.ts';
import {workplace} from './limbeck.ts';

const {folder, start} = workplace();
const programs = programsOf('servers');

/** As many queues as a question of jevcompat has options. */
const queues = (count: number): readonly string[] => [
  'Billing',
  ...Array.from({length: count - 1}, (_, index) => `Queue ${String(index + 1).padStart(3, '0')}`),
];

/** As many levels as a question of jevcompat has. */
const levels = (count: number): readonly string[] =>
  Array.from({length: count}, (_, level) => `Level ${level}: ${level === 0 ? 'calm' : 'angrier'}`);

/** The first questions that jevcompat asks, which one student answers. */
const QUESTIONS = [
  predicate('refund', 'Does the customer ask for a refund?'),
  choice('team', 'Which team?', ['Billing', 'Technical', 'Sales']),
  score('anger', 'How angry is the customer?', ['Calm', 'Frustrated', 'Very angry']),
];

/** The options of its other questions, each a student. */
const STUDENTS: Readonly<Record<string, readonly string[]>> = {
  'two-teams': ['Billing', 'Technical'],
  ...Object.fromEntries([26, 64, 128, 255].map(count => [`queues-${count}`, queues(count)])),
  'two-levels': ['Calm', 'Very angry'],
  ...Object.fromEntries([5, 10].map(count => [`levels-${count}`, levels(count)])),
  colour: ['Red', 'Green', 'Blue', 'Yellow', 'Purple'],
  jazz: ['Not at all', 'A little', 'Somewhat', 'A lot', 'More than anything'],
  kind: ['환불 요청', '배송 문의', '🙂 기타'],
  language: ['English', 'Other'],
  polite: ['Rude', 'Neutral', 'Polite'],
};

const built = hashedNgrams({buckets: 256, units: [8]});
const task = {kind: 'text', inputShape: [], preprocessing: {}} as const;

/** Texts that name their class. */
function texts(classes: readonly string[]): Knowledge {
  const lines = classes.flatMap(word => [`It is about ${word}.`, `${word}, please`]);
  const labels = Int32Array.from(lines, (_, row) => Math.floor(row / 2));
  return trueLabels({inputs: {kind: 'text', count: lines.length, texts: lines}, labels}, classes);
}

/** Trains a student and saves it. */
async function trained(name: string, student: Student, knowledge: Knowledge | JointKnowledge): Promise<string> {
  for await (const _ of train(student, knowledge, {losses: [hardLabels()], seed: 1, epochs: 2, batchSize: 64}));
  const directory = join(folder(), name);
  await saveStudent(directory, student);
  return `${name}=${directory}`;
}

interface Report {
  readonly results: readonly {readonly id: string; readonly level: string; readonly status: string}[];
}

describe.skipIf(programs === undefined)(`typed questions of limbeck serve (else ${NO_SERVERS})`, () => {
  const key = 'right';
  let url: string;

  beforeAll(async () => {
    await startEngine();
    const parts = QUESTIONS.map(question => ({...texts(classesOf(question)), question}));
    const several = withHeads(built, QUESTIONS)({...task, classes: []}, 1);
    const models = [await trained('support', several, await joinKnowledge(parts))];
    for (const [name, classes] of Object.entries(STUDENTS)) {
      models.push(await trained(name, built({...task, classes}, 1), texts(classes)));
    }
    const service = start(['serve', ...models, '--port', '0', '--json'], {env: {LIMBECK_SERVE_KEY: key}});
    await until('an address', () => service.stdout().includes('\n'));
    url = (JSON.parse(service.stdout()) as {readonly url: string}).url;
  });

  it("meet every requirement of jevcompat, which asks with TypeSafe's own client too", async () => {
    const path = join(folder(), 'report.json');
    const args = ['test', url, '--model', 'refund', '--key', key, '--json', path];
    await promisify(execFile)(join(programs!, 'jevcompat'), args);
    const {results} = JSON.parse(await readFile(path, 'utf8')) as Report;
    const passed = results.filter(({status}) => status === 'pass');
    const count = (wanted: string) => passed.filter(({level}) => level === wanted).length;
    expect({must: count('MUST'), should: count('SHOULD')}).toEqual({must: 32, should: 15});
    // It holds for servers without keys.
    expect(results.filter(result => !passed.includes(result))).toMatchObject([{id: 'auth.ignored-when-off'}]);
  });
});
