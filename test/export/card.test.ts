import {mkdir, mkdtemp, readFile, rm, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import type {EmbeddingReading} from '../../src/data/text-reading.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {exportCard} from '../../src/export/card.ts';
import {saveStudent} from '../../src/student/files.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {mlp} from '../../src/student/mlp.ts';
import type {Student} from '../../src/student/student.ts';
import {withVectors} from '../../src/student/vectors.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {sampleQuestions, writeQuestions} from '../study/sample-questions.ts';
import {sampleResults} from '../study/sample-results.ts';
import {STUDENTS} from './onnx/students.ts';

let folder: string;
let directory: string;
beforeAll(startEngine);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-card-'));
  directory = join(folder, 'students/labels/seed-2');
});
afterEach(() => rm(folder, {recursive: true}));

const classes = ['ham', 'spam'];
const small = (): Student =>
  hashedNgrams({buckets: 64, units: []})({classes, kind: 'text', inputShape: [], preprocessing: {}}, 1);
const guarantee = {agreement: 0.97, confidence: 0.95, answers: 157, disagreements: 1, localShare: 0.4, bound: 0.0299};
const madeBy = {recipe: 'mails', level: 'black-box', method: 'labels', seed: 2};

/** The card of a student, without the signs that keep Markdown from reading a name, and with plain spaces. */
async function cardOf(student: Student, made = {}, options = {}): Promise<string> {
  await saveStudent(directory, student, made);
  await exportCard(join(folder, 'card.md'), directory, options);
  return (await readFile(join(folder, 'card.md'), 'utf8')).replaceAll('\u00a0', ' ').replaceAll(/\\([-_*])/g, '$1');
}

async function writeResults(): Promise<void> {
  await mkdir(folder, {recursive: true});
  await writeFile(join(folder, 'results.json'), JSON.stringify(sampleResults()));
}

describe('exportCard', () => {
  it('says what the folder and the study of a student tell', async () => {
    await writeResults();
    const student = {...small(), calibration: {temperature: 1.5, threshold: 0.8, guarantee}};
    const known = {models: ['gpt-5'], providers: ['OpenAI', 'gone']};
    const teacher = {access: 'black-box', adapters: ['openai'], ...known, identity: 'abc'};
    const card = await cardOf(student, {...madeBy, teacher, answers: 5000});
    const results = sampleResults();
    const row = results.rows.find(({method, seed}) => method === 'labels' && seed === 2)!;
    expect(card).toMatch(
      /^---\nlicense: unknown\npipeline_tag: text-classification\ntags:\n- limbeck\n- knowledge-distillation\n---\n\n# ham or spam\?\n/,
    );
    expect(card).toContain('It reads texts and answers 1 question.');
    expect(card).toContain('- One of 2 classes: `ham`, `spam`.');
    expect(card).toContain('| Teacher | openai gpt-5 (black-box) |\n| Answers | 5,000 |\n| Recipe | mails |');
    expect(card).toContain(`| SHA-256 of the weights | ${weightsHash(student)} |`);
    expect(card).toContain(`${(100 * row.agreement).toFixed(2)} % (95 % interval `);
    expect(card).toContain(`on ${results.sizes.test.toLocaleString('en-GB')} test inputs, by the study that ended on`);
    expect(card).toContain('Target: 97 % agreement with the teacher over all requests, with 95 % probability.');
    expect(card).toContain('(temperature 1.50)');
    expect(card).toMatch(
      /- \d+ parameters, [\d.]+ kB as a student of limbeck\n- speed: half of [\d,]+ inputs took [\d.]+ ms at most/,
    );
    expect(card).toContain('may forbid to train models on its answers');
    expect(card).toMatch(
      /\n\nThe terms of OpenAI restrict .* 3\.3\(e\).* https:\/\/openai\.com\/policies\/services-agreement\/\.\n/,
    );
  });

  it('says of a student of vectors how long they are, and nothing of classes', async () => {
    const task = {classes: [], kind: 'text', inputShape: [], preprocessing: {}} as const;
    const student = withVectors(hashedNgrams({buckets: 64, units: []}), 6)(task, 1);
    const card = await cardOf(student, {
      ...madeBy,
      teacher: {access: 'gray-box', adapters: ['embeddings'], models: ['m']},
    });
    expect(card).toContain('pipeline_tag: feature-extraction');
    expect(card).toContain('# Vectors like those of the teacher embeddings m\n');
    expect(card).toContain('It reads texts and gives a vector of 6 numbers for each.');
    expect(card).toContain('## How like its teacher it is\n\nNot measured');
    expect(card).not.toMatch(/class|Guarantee|calibrated/);
  });

  it('says of everything else that it is not known', async () => {
    const card = await cardOf(small());
    expect(card).toContain('A small student of a teacher that is not recorded');
    for (const name of ['Teacher', 'Answers', 'Recipe', 'Level of access', 'Method', 'Seed']) {
      expect(card).toContain(`| ${name} | not recorded |`);
    }
    expect(card).toContain('## How often it agrees with its teacher\n\nNot measured');
    expect(card).toContain('## Guarantee\n\nNone. Its probabilities are not calibrated.');
    expect(card).toContain('No licence was chosen');
    expect(card).not.toMatch(/undefined|NaN|null/);
  });

  it('takes no results of another student', async () => {
    await writeResults();
    expect(await cardOf(small(), {...madeBy, seed: 9})).toContain('Not measured');
    expect(await cardOf(small(), {...madeBy, method: 'none such'})).toContain('Not measured');
    expect(await cardOf(small(), madeBy)).toContain('95 % interval');
    const hour = Date.now() / 1000 - 3600;
    await utimes(join(folder, 'results.json'), hour, hour);
    expect(await cardOf(small(), madeBy)).toContain('Not measured');
  });

  it('has a line for each question, or is about one of them', async () => {
    const student = STUDENTS['several heads']!();
    writeQuestions(folder);
    const card = await cardOf(student, madeBy);
    const {results} = sampleQuestions(folder).questions[0]!;
    const row = results.rows.find(({method, seed}) => method === 'labels' && seed === 2)!;
    expect(card).toContain('# topic, is urgent and mood\n');
    expect(card).toContain('- **is urgent**: Must it be answered today? One of 2 classes: `no`, `yes`.');
    expect(card).toContain(`- topic: ${(100 * row.agreement).toFixed(2)} % (95 % interval `);
    expect(card).toContain(`| Answers | ${row.budget.toLocaleString('en-GB')} |`);
    expect(card).toContain('- is urgent: Not measured');
    expect(card).toContain('- mood: None. Its probabilities are not calibrated.');
    expect(await cardOf(student, madeBy, {question: 'mood'})).toContain('# mood\n');
  });

  it('names the size of a model, the terms of true labels, and the embedding model', async () => {
    const onnx = {
      files: ['x.onnx'],
      bytes: 2_100_000,
      int8: {bytesBefore: 8_000_000, greatestDifference: 0.0123, inputs: 24, sameClass: 23},
    };
    const truth = {access: 'truth', adapters: [], models: [], identity: 'abc'};
    const card = await cardOf(small(), {teacher: truth}, {onnx});
    expect(card).toContain('library_name: onnx');
    expect(card).toContain(
      '- 2.10 MB as ONNX with weights in 8 bits: a logit differs by 0.0123 at most on 24 test vectors, and 23 have the same class',
    );
    expect(card).toContain('A small student of true labels');
    expect(card).toContain('It learned from true labels. The terms of their source hold.');
    const embedded = await cardOf(STUDENTS['embeddingHead']!());
    expect(embedded).toContain('It needs the embedding model `cls` (SHA-256 ');
    expect(embedded).toContain('its folder states no licence');
    expect(embedded).not.toContain(folder);
    const student = STUDENTS['embeddingHead']!();
    const reading = {...(student.reading as EmbeddingReading), path: 'all-minilm-l6-v2'};
    const named = await cardOf({...student, reading});
    expect(named).toContain('It needs the embedding model `all-minilm-l6-v2` (SHA-256 ');
    expect(named).toContain('its licence is stated to be `Apache-2.0`');
  });

  it('keeps names from being read as Markdown, and times no records', async () => {
    const odd = mlp()({classes: ['a|b', 'c`d'], inputShape: [3], preprocessing: {}}, 1);
    const reading = STUDENTS['mlp of records']!().reading!;
    const card = await cardOf({...odd, reading}, {recipe: 'one | two\nthree'});
    expect(card).toContain('| Recipe | one \\| two three |');
    expect(card).toContain("`c'd`");
    expect(card).toContain('pipeline_tag: tabular-classification');
    expect(card).toContain('- speed: not measured');
  });
});
