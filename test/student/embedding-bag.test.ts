import {beforeAll, describe, expect, it} from 'vitest';
import {readTexts} from '../../src/data/text-reading.ts';
import {startEngine} from '../../src/engine/engine.ts';
import {layers, tf} from '../../src/engine/tf.ts';
import {choice, predicate} from '../../src/questions.ts';
import {embeddingBagOf} from '../../src/student/embedding-bag.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {headOf, withHeads} from '../../src/student/heads.ts';
import {inferenceOf} from '../../src/student/inference.ts';
import {makeStudent} from '../../src/student/make-student.ts';
import {rawInputs} from '../../src/student/raw-inputs.ts';
import type {Student, Task} from '../../src/student/student.ts';
import {smallStudent} from './examples.ts';

beforeAll(startEngine);

const task: Task = {classes: ['animal', 'vehicle', 'other'], kind: 'text', inputShape: [], preprocessing: {}};
const texts = ['a dog goes by', 'The BUS', '', 'a train, a train and a long line of words that say nothing'];
const inputs = {kind: 'text', count: texts.length, texts} as const;
const reading = {kind: 'n-grams', buckets: 64, words: 1, characters: [3, 4], length: 1000} as const;

const hashed = (units: readonly number[]) => hashedNgrams({buckets: 64, units})(task, 1);

/** Biases of a fresh student are 0. */
function disturbed(student: Student): Student {
  for (const weight of student.model.weights) {
    weight.write(tf.add(weight.read(), tf.randomUniform(weight.shape as number[], 0, 0.2, 'float32', 3)));
  }
  return student;
}

const questions = [choice('kind', 'What is it?', ['animal', 'vehicle']), predicate('urgent', 'Is it urgent?')];
const heads = () => withHeads(hashedNgrams({buckets: 64}), questions)(task, 1);

function madeOf(...steps: readonly layers.layers.Layer[]): Student {
  const model = layers.sequential({layers: [layers.layers.inputLayer({inputShape: [64]}), ...steps]});
  return makeStudent({model, classes: task.classes, preprocessing: {}, output: 'logits', reading});
}

const dense = (units: number, activation?: 'relu' | 'tanh') =>
  layers.layers.dense({units, ...(activation && {activation})});

function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, index) => Math.abs(value - b[index]!)));
}

describe('the embedding bag of a student', () => {
  it.each<[string, () => Student, readonly string[]]>([
    ['one hidden layer', () => hashed([8]), ['dense_1']],
    ['two hidden layers', () => hashed([8, 5]), ['dense_2', 'dense_1', 'logits']],
    ['units that four do not divide', () => hashed([6]), ['dense_1']],
    ['no hidden layer', () => hashed([]), ['logits']],
    ['several heads', heads, ['dense_1']],
    ['one of several heads', () => headOf(heads(), 'kind'), ['dense_1']],
    ['a layer without a bias', () => madeOf(layers.layers.dense({units: 4, useBias: false}), dense(3)), []],
  ])('gives the logits and activations of the dense pass: %s', (_, make, names) => {
    const student = disturbed(make());
    const sparse = rawInputs(student, inputs);
    expect(sparse.kind).toBe('sparse');
    const expected = inferenceOf(student, names)(readTexts(texts, reading));
    for (const compile of [true, false]) {
      expect(difference(inferenceOf(student, names, {compile})(sparse), expected)).toBeLessThan(1e-6);
    }
  });

  it('sees every change of the weights', () => {
    const student = disturbed(hashed([8]));
    const infer = inferenceOf(student, []);
    const before = infer(rawInputs(student, inputs));
    const kernel = student.model.weights[0]!.read() as tf.Variable;
    kernel.assign(tf.mul(kernel, 2));
    const after = infer(rawInputs(student, inputs));
    expect(difference(after, inferenceOf(student, [])(readTexts(texts, reading)))).toBeLessThan(1e-6);
    expect(difference(after, before)).toBeGreaterThan(1e-3);
  });

  it('is there only if a first dense layer of a plain chain reads sparse rows', () => {
    expect(embeddingBagOf(smallStudent())).toBeUndefined();
    expect(embeddingBagOf(madeOf(dense(4, 'tanh'), dense(3)))).toBeUndefined();
    expect(embeddingBagOf(makeStudent({...hashed([]), preprocessing: {scale: 2}}))).toBeUndefined();
    const input = layers.input({shape: [64]});
    const both = [dense(3), dense(3)].map(layer => layer.apply(input) as layers.SymbolicTensor);
    const output = layers.layers.add().apply(both) as layers.SymbolicTensor;
    const model = layers.model({inputs: input, outputs: output});
    const branched = makeStudent({model, classes: task.classes, preprocessing: {}, output: 'logits', reading});
    expect(embeddingBagOf(branched)).toBeUndefined();
    expect(rawInputs(branched, inputs)).toEqual(readTexts(texts, reading));
  });
});
