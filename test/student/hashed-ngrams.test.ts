import {mkdtemp, readFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import type {NgramReading} from '../../src/data/hashed-reading.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {layers} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {loadStudent, saveStudent} from '../../src/student/files.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {makeStudent} from '../../src/student/make-student.ts';
import {mlp} from '../../src/student/mlp.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {Student, Task} from '../../src/student/student.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {train} from '../../src/train/train.ts';
import {testTeacher} from '../teacher-suite.ts';
import {images, imageTask, parameters, smallStudent} from './examples.ts';

beforeAll(startEngine);

const task: Task = {classes: ['animal', 'vehicle'], kind: 'text', inputShape: [], preprocessing: {}};
const words = [
  ['dog', 'cat', 'horse', 'mouse', 'cow'],
  ['car', 'bus', 'train', 'lorry', 'bike'],
] as const;
const texts = words.flat().flatMap(word => [`a ${word} goes by`, `I saw the ${word}!`, `${word}`]);
const labels = Int32Array.from(texts, (_, row) => (row < texts.length / 2 ? 0 : 1));
const inputs = {kind: 'text', count: texts.length, texts} as const;

const small = (seed = 1): Student => hashedNgrams({buckets: 256, units: [8]})(task, seed);

async function trained(): Promise<Student> {
  const student = small();
  const knowledge = trueLabels({inputs, labels}, task.classes);
  for await (const _ of train(student, knowledge, {losses: [hardLabels()], seed: 1, epochs: 30, batchSize: 8}));
  return student;
}

describe('hashedNgrams', () => {
  it('is a plain model of as many inputs as there are buckets, and small', () => {
    const student = hashedNgrams()(task, 1);
    expect(student.model.layers.map(({name}) => name)).toEqual(['input', 'dense_1', 'logits']);
    expect(parameters(student).all).toBe(16384 * 32 + 32 + (32 * 2 + 2));
    expect(student.reading).toEqual({kind: 'n-grams', buckets: 16384, words: 1, characters: [3, 4], length: 10000});
  });

  it('starts from the same bits at the same seed, from others at another', () => {
    const [first, again, other] = [small(3), small(3), small(4)].map(weightsHash);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('learns texts, and says of new ones what it learned', async () => {
    const student = await trained();
    const logits = await predictLogits(student, {kind: 'text', count: 2, texts: ['The dog and the cat', 'the BUS']});
    expect(logits[0]).toBeGreaterThan(logits[1]!);
    expect(logits[3]).toBeGreaterThan(logits[2]!);
  });

  it('ends with the same bits in a second run', async () => {
    expect(weightsHash(await trained())).toBe(weightsHash(await trained()));
  });

  it('says the same after it was saved and loaded', async () => {
    const student = small();
    const folder = join(await mkdtemp(join(tmpdir(), 'limbeck-')), 'student');
    await saveStudent(folder, student);
    const loaded = await loadStudent(folder);
    expect(loaded.reading).toEqual(student.reading);
    expect(await predictLogits(loaded, inputs)).toEqual(await predictLogits(student, inputs));
    const {reading} = JSON.parse(await readFile(join(folder, 'limbeck.json'), 'utf8'));
    expect(reading).toEqual({kind: 'n-grams', buckets: 256, words: 1, characters: [3, 4], length: 10000});
  });

  it('refuses numbers, and students of numbers refuse texts', async () => {
    await expect(predictLogits(small(), images(1, [256]))).rejects.toThrow(
      'Student hashed_ngrams reads texts, but the inputs are tensors.',
    );
    await expect(predictLogits(smallStudent(), inputs)).rejects.toThrow(
      'Student mlp takes numbers, but the inputs are texts.',
    );
    expect(() => hashedNgrams()(imageTask([28, 28, 1]), 1)).toThrow('reads texts, but the inputs are tensors');
    expect(() => mlp()(task, 1)).toThrow('Student mlp takes numbers, but the inputs are texts. Give hashedNgrams()');
  });

  it('refuses options that are out of range at once', () => {
    expect(() => hashedNgrams({buckets: 0})).toThrow(InputError);
    expect(() => hashedNgrams({units: [0]})).toThrow('whole numbers of at least 1, got 0');
  });

  it('has to be made of a model that takes as many numbers as a text becomes', () => {
    const model = layers.sequential({layers: [layers.layers.dense({units: 2, inputShape: [3]})]});
    const reading = {kind: 'n-grams', buckets: 4, words: 1, characters: [0, 0], length: 10} as const;
    const make = () => makeStudent({model, classes: task.classes, preprocessing: {}, output: 'logits', reading});
    expect(make).toThrow(/takes inputs of shape \[3\], but a text becomes 4 numbers/);
  });
});

describe('asTeacher of a student of texts', () => {
  testTeacher({
    it,
    teacher: () => asTeacher(small()),
    queries: texts.slice(0, 5).map(text => ({input: {kind: 'text', text}})),
    badQuery: {input: {kind: 'tensor', dtype: 'float32', shape: [1], data: Float32Array.of(1)}},
  });

  it('answers with the logits of the student, and is another teacher with another reading', async () => {
    const student = small();
    const outcomes = await asTeacher(student).ask(texts.map(text => ({input: {kind: 'text', text}})));
    const logits = outcomes.flatMap(outcome => ('answer' in outcome ? [...outcome.answer.logits] : []));
    expect(logits).toEqual([...(await predictLogits(student, inputs))]);
    const other = makeStudent({...student, reading: {...(student.reading as NgramReading), words: 2}});
    expect(asTeacher(other).identity).not.toEqual(asTeacher(student).identity);
  });
});
