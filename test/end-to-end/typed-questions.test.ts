import {execFile} from 'node:child_process';
import {readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {saveStudent} from '../../src/student/files.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
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

/** The options of the questions that jevcompat asks, each a student. */
const STUDENTS: Readonly<Record<string, readonly string[]>> = {
  refund: ['no', 'yes'],
  team: ['Billing', 'Technical', 'Sales'],
  'two-teams': ['Billing', 'Technical'],
  ...Object.fromEntries([26, 64, 128, 255].map(count => [`queues-${count}`, queues(count)])),
  anger: ['Calm', 'Frustrated', 'Very angry'],
  'two-levels': ['Calm', 'Very angry'],
  ...Object.fromEntries([5, 10].map(count => [`levels-${count}`, levels(count)])),
  colour: ['Red', 'Green', 'Blue', 'Yellow', 'Purple'],
  jazz: ['Not at all', 'A little', 'Somewhat', 'A lot', 'More than anything'],
  kind: ['환불 요청', '배송 문의', '🙂 기타'],
  language: ['English', 'Other'],
  polite: ['Rude', 'Neutral', 'Polite'],
};

/** Trains a student on texts that name their class, and saves it. */
async function trained(name: string, classes: readonly string[]): Promise<string> {
  const texts = classes.flatMap(word => [`It is about ${word}.`, `${word}, please`]);
  const labels = Int32Array.from(texts, (_, row) => Math.floor(row / 2));
  const student = hashedNgrams({buckets: 256, units: [8]})(
    {classes, kind: 'text', inputShape: [], preprocessing: {}},
    1,
  );
  const knowledge = trueLabels({inputs: {kind: 'text', count: texts.length, texts}, labels}, classes);
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
    const models: string[] = [];
    for (const [name, classes] of Object.entries(STUDENTS)) models.push(await trained(name, classes));
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
