import {mkdtemp, readFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {layers} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import {trueLabels} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {loadStudent, saveStudent} from '../../src/student/files.ts';
import {makeStudent} from '../../src/student/make-student.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {Student, Task} from '../../src/student/student.ts';
import {type SubwordCnnOptions, subwordCnn} from '../../src/student/subword-cnn.ts';
import {weightsHash} from '../../src/student/weights-hash.ts';
import {adam} from '../../src/train/optimizer.ts';
import {train} from '../../src/train/train.ts';
import {testTeacher} from '../teacher-suite.ts';
import {images, imageTask, parameters} from './examples.ts';

beforeAll(startEngine);

const task: Task = {classes: ['dog bites man', 'man bites dog'], kind: 'text', inputShape: [], preprocessing: {}};
/** Of the same words: only their order tells one class from the other. */
const texts = ['the', 'a', 'my', 'your', 'one', 'that'].flatMap(word => [
  `${word} dog bites man today`,
  `${word} man bites dog today`,
]);
const labels = Int32Array.from(texts, (_, row) => row % 2);
const inputs = {kind: 'text', count: texts.length, texts} as const;

const small = (seed = 1, options: SubwordCnnOptions = {}): Student =>
  subwordCnn({buckets: 256, dimensions: 8, filters: 8, pieces: 12, ...options})(task, seed);

async function trained(): Promise<Student> {
  const student = small();
  const knowledge = trueLabels({inputs, labels}, task.classes);
  const options = {losses: [hardLabels()], seed: 1, epochs: 30, batchSize: 4, optimizer: adam({learningRate: 0.01})};
  const onFallback = (reason: string): void => {
    throw new Error(`The step is not compiled: ${reason}.`);
  };
  for await (const _ of train(student, knowledge, {...options, onFallback}));
  return student;
}

describe('subwordCnn', () => {
  it('is a plain model of a sequence of subwords, and small', () => {
    const student = subwordCnn()(task, 1);
    expect(student.model.inputs[0]!.shape).toEqual([null, 512]);
    expect(parameters(student).all).toBe(8193 * 32 + (1 + 2 + 3) * 32 * 64 + 3 * 64 * 2 + 2);
    expect(student.reading).toEqual({kind: 'subwords', buckets: 8192, characters: 4, pieces: 512, length: 10000});
  });

  it('has filters of one width, and hidden layers, where they are wished for', () => {
    const {model} = small(1, {widths: [2], units: [4]});
    const names = model.layers.map(({name}) => name).filter(name => !name.startsWith('is_text'));
    expect(names).toEqual([...['input', 'embedding', 'masked', 'conv_2', 'relu_2', 'pool_2', 'dense_1', 'logits']]);
  });

  it('starts from the same bits at the same seed, from others at another', () => {
    const [first, again, other] = [small(3), small(3), small(4)].map(weightsHash);
    expect(again).toBe(first);
    expect(other).not.toBe(first);
  });

  it('learns the order of words, in a step that compiles, and says of new texts what it learned', async () => {
    const student = await trained();
    const news = ['no dog bites man here', 'no man bites dog here'];
    const logits = await predictLogits(student, {kind: 'text', count: 2, texts: news});
    expect(logits[0]).toBeGreaterThan(logits[1]!);
    expect(logits[3]).toBeGreaterThan(logits[2]!);
  });

  it('ends with the same bits in a second run', async () => {
    expect(weightsHash(await trained())).toBe(weightsHash(await trained()));
  });

  it('answers a text the same, to rounding, with more room behind it, and learns nothing of the room', async () => {
    const student = await trained();
    const roomy = small(1, {pieces: 40});
    roomy.model.setWeights(student.model.getWeights());
    const [near, far] = [await predictLogits(student, inputs), await predictLogits(roomy, inputs)];
    for (const [index, logit] of near.entries()) expect(far[index]).toBeCloseTo(logit, 5);
    const padding = ({model}: Student) => model.getLayer('embedding').getWeights()[0]!.arraySync() as number[][];
    expect(padding(student)[0]).toEqual(padding(small())[0]);
    expect(padding(student)).not.toEqual(padding(small()));
  });

  it('answers a text without a sign', async () => {
    const logits = await predictLogits(small(), {kind: 'text', count: 1, texts: ['']});
    expect(logits.every(Number.isFinite)).toBe(true);
  });

  it('says the same after it was saved and loaded', async () => {
    const student = small();
    const folder = join(await mkdtemp(join(tmpdir(), 'limbeck-')), 'student');
    await saveStudent(folder, student);
    const loaded = await loadStudent(folder);
    expect(loaded.reading).toEqual(student.reading);
    expect(await predictLogits(loaded, inputs)).toEqual(await predictLogits(student, inputs));
    const {reading} = JSON.parse(await readFile(join(folder, 'limbeck.json'), 'utf8'));
    expect(reading).toEqual({kind: 'subwords', buckets: 256, characters: 4, pieces: 12, length: 10000});
  });

  it('refuses numbers', async () => {
    await expect(predictLogits(small(), images(1, [12]))).rejects.toThrow('reads texts, but the inputs are tensors');
    expect(() => subwordCnn()(imageTask([28, 28, 1]), 1)).toThrow('reads texts, but the inputs are tensors');
  });

  it('refuses options that are out of range at once', () => {
    expect(() => subwordCnn({buckets: 0})).toThrow(InputError);
    expect(() => subwordCnn({filters: 0})).toThrow('Expected `filters` to be whole numbers of at least 1, got 0');
    expect(() => subwordCnn({widths: []})).toThrow('Expected `widths` to be one number or more, each once, got none');
    expect(() => subwordCnn({widths: [2, 2]})).toThrow('each once, got 2, 2');
  });

  it('has to be made of a model that takes as many numbers as a text becomes', () => {
    const model = layers.sequential({layers: [layers.layers.dense({units: 2, inputShape: [3]})]});
    const reading = {kind: 'subwords', buckets: 4, characters: 2, pieces: 5, length: 10} as const;
    const make = () => makeStudent({model, classes: task.classes, preprocessing: {}, output: 'logits', reading});
    expect(make).toThrow(/takes inputs of shape \[3\], but a text becomes 5 numbers/);
  });
});

describe('asTeacher of a student of subwords', () => {
  testTeacher({
    it,
    teacher: () => asTeacher(small()),
    queries: texts.slice(0, 5).map(text => ({input: {kind: 'text', text}})),
    badQuery: {input: {kind: 'tensor', dtype: 'float32', shape: [1], data: Float32Array.of(1)}},
  });

  it('is another teacher where it reads otherwise', () => {
    expect(asTeacher(small(1, {characters: 3})).identity).not.toEqual(asTeacher(small()).identity);
  });
});
