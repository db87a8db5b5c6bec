import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {answersTo, collect} from '../../src/ask/collect.ts';
import type {TextInputs} from '../../src/data/inputs.ts';
import {randomFraction, seededRandom} from '../../src/data/random.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {InputError} from '../../src/errors.ts';
import {evaluateVectors} from '../../src/evaluate/vectors.ts';
import {textOf} from '../../src/input-kinds.ts';
import type {VectorAnswers} from '../../src/knowledge/answers.ts';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {similarityKl, vectorCosine, vectorError} from '../../src/losses/vector-losses.ts';
import {asTeacher} from '../../src/student/as-teacher.ts';
import {loadHead, loadStudent, saveStudent} from '../../src/student/files.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {predictLogits} from '../../src/student/predict.ts';
import type {Student} from '../../src/student/student.ts';
import {vectorTeacher, withVectors} from '../../src/student/vectors.ts';
import type {Teacher} from '../../src/teacher.ts';
import {adam} from '../../src/train/optimizer.ts';
import {train} from '../../src/train/train.ts';
import {testTeacher} from '../teacher-suite.ts';

const words =
  'account balance card cafe film friend great help lost money my new old order refund send team transfer two why'.split(
    ' ',
  );

/** A made-up embedding model of 16 dimensions: the vector of a text is the sum of those of its words. */
const vectorOf = (text: string): Float32Array => {
  const vectors = text.split(' ').map(word => {
    const random = seededRandom(1, word);
    return Array.from({length: 16}, () => randomFraction(random) - 0.5);
  });
  return Float32Array.from({length: 16}, (_, at) => vectors.reduce((sum, vector) => sum + vector[at]!, 0));
};
const teacher: Teacher<'gray-box'> = {
  name: 'sum of words',
  identity: {adapter: 'sum of words'},
  access: 'gray-box',
  classes: [],
  detail: {kind: 'vector'},
  maxBatch: 50,
  ask: async queries => queries.map(({input}) => ({answer: {kind: 'vector', values: vectorOf(textOf(input)!)}})),
};

const random = seededRandom(2, 'texts');
function textsOf(count: number): TextInputs {
  const drawn = () => words[Math.floor(randomFraction(random) * words.length)]!;
  return {kind: 'text', count, texts: Array.from({length: count}, () => [drawn(), drawn(), drawn()].join(' '))};
}

const task = {classes: [], kind: 'text', inputShape: [], preprocessing: {}} as const;
const unseen = textsOf(40);
let knowledge: Knowledge;
let wanted: Float32Array;
let folder: string;

beforeAll(async () => {
  await startEngine();
  folder = await mkdtemp(join(tmpdir(), 'limbeck-vectors-'));
  knowledge = await collect(teacher, {role: 'transfer', inputs: textsOf(150)});
  wanted = ((await answersTo(teacher, unseen)) as VectorAnswers).vectors;
});
afterAll(() => rm(folder, {recursive: true}));

const made = (dimensions: number): Student => withVectors(hashedNgrams({units: [], buckets: 512}), dimensions)(task, 1);

async function taught(student: Student, losses: Parameters<typeof train>[2]['losses'], epochs = 25) {
  const fits: unknown[] = [];
  const options = {
    losses,
    seed: 1,
    epochs,
    optimizer: adam({learningRate: 0.02}),
    onFit: (fit: unknown) => fits.push(fit),
  };
  for await (const _ of train(student, knowledge, options));
  // A vector names no class, so nobody says how much of the answers was learned.
  expect(fits).toEqual([]);
  const vectors = await predictLogits(student, unseen);
  return evaluateVectors({count: unseen.count, student: vectors, teacher: wanted});
}

describe('a student of vectors', () => {
  it('learns the vectors of its teacher, and gives them for texts that it has not seen', async () => {
    const student = made(16);
    const before = evaluateVectors({count: 40, student: await predictLogits(student, unseen), teacher: wanted});
    const after = await taught(student, [vectorCosine(), similarityKl({weight: 0.1})]);
    expect(before.meanCosine!).toBeLessThan(0.3);
    expect(after.meanCosine!).toBeGreaterThan(0.9);
    expect(after.recall).toBeGreaterThan(before.recall + 0.2);
    expect(after.spearman).toBeGreaterThan(0.8);
  });

  it('learns neighbours in vectors of its own length, through a map or without', async () => {
    for (const loss of [similarityKl(), vectorError()]) {
      const {meanCosine, recall} = await taught(made(12), [loss]);
      expect(meanCosine).toBeUndefined();
      expect(recall).toBeGreaterThan(0.6);
    }
  });

  it('can be cut to what was taught as a cut', async () => {
    const beginning = async (cuts: readonly number[]) => {
      const student = made(16);
      await taught(student, [similarityKl({cuts, temperature: 0.5})]);
      const vectors = await predictLogits(student, unseen);
      const short = Float32Array.from({length: 40 * 4}, (_, at) => vectors[Math.floor(at / 4) * 16 + (at % 4)]!);
      return evaluateVectors({count: 40, student: short, teacher: wanted}).spearman;
    };
    expect(await beginning([4])).toBeGreaterThan((await beginning([])) + 0.05);
  });

  it('comes back from its folder with the same vectors, and answers as a teacher of vectors', async () => {
    const student = made(16);
    await taught(student, [vectorCosine()], 2);
    const path = join(folder, 'student');
    await saveStudent(path, student);
    const loaded = await loadStudent(path);
    expect(loaded).toMatchObject({classes: [], output: 'vector'});
    const vectors = await predictLogits(loaded, unseen);
    expect(vectors).toEqual(await predictLogits(student, unseen));
    const asked = vectorTeacher(loaded);
    const given = (await answersTo(asked, unseen)) as VectorAnswers;
    expect(given).toMatchObject({kind: 'vector', dimensions: 16});
    for (const [at, value] of vectors.entries()) expect(given.vectors[at]).toBeCloseTo(value, 5);
    expect(asked.identity).toMatchObject({adapter: 'tfjs', output: 'vector'});
    await expect(loadHead(path, undefined)).rejects.toThrow('gives vectors, and this needs classes');
  });

  it('is refused where classes are needed, and with what is of classes', async () => {
    expect(() => asTeacher(made(3))).toThrow('gives vectors');
    expect(() => vectorTeacher(hashedNgrams()({...task, classes: ['a', 'b']}, 1))).toThrow('has classes');
    expect(() => withVectors(hashedNgrams(), 0)).toThrow(InputError);
    const first = (options: object) =>
      train(made(16), knowledge, {losses: [vectorCosine()], seed: 1, epochs: 1, ...options}).next();
    await expect(first({losses: [hardLabels()]})).rejects.toThrow('Use `vectorCosine()`');
    const validation = {role: 'validation', inputs: unseen, labels: new Int32Array(40)};
    await expect(first({validation})).rejects.toThrow('no labels to validate');
  });

  testTeacher({
    it,
    teacher: () => vectorTeacher(made(8)),
    queries: ['a film', 'my money'].map(each => ({input: {kind: 'text', text: each}})),
    badQuery: {input: {kind: 'tensor', dtype: 'float32', shape: [1], data: Float32Array.of(1)}},
  });
});
