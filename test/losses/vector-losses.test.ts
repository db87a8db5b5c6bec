import {readFileSync} from 'node:fs';
import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {InputError} from '../../src/errors.ts';
import type {LossTerm} from '../../src/losses/loss.ts';
import {
  similarityKl,
  similarityKlLoss,
  vectorCosine,
  vectorCosineLoss,
  vectorError,
  vectorErrorLoss,
} from '../../src/losses/vector-losses.ts';
import {expectGradientByDifferences, expectReference, numberOf, type Reference} from './engine.ts';

/** PyTorch's values, see `make-vectors.py` beside it. */
const reference = JSON.parse(readFileSync('test/fixtures/losses/vectors.json', 'utf8')) as {
  readonly teacher: number[][];
  readonly student: number[][];
  readonly narrow: number[][];
  readonly weights: number[];
  readonly map: number[][];
  readonly bias: number[];
  readonly temperature: number;
  readonly cases: Readonly<Record<string, Reference>>;
};
const {temperature, cases} = reference;

beforeAll(async () => {
  await startEngine();
});

const teacher = () => tf.tensor2d(reference.teacher);
const student = () => tf.tensor2d(reference.student);
const narrow = () => tf.tensor2d(reference.narrow);
const weights = () => tf.tensor1d(reference.weights);

/** A prepared term as a function of the student's vectors. Its map, if it has one, is the reference's. */
function lossOf(term: LossTerm, width: number): (student: tf.Tensor) => tf.Scalar {
  const {variables, value} = term.prepare({teacher: {vector: [4]}, student: {logits: [width]}}, 1);
  const [map, bias] = variables;
  map?.assign(tf.tensor2d(reference.map));
  bias?.assign(tf.tensor1d(reference.bias));
  const labels = tf.tensor1d([0, 0, 0, 0, 0], 'int32');
  return logits => value({labels, features: {vector: teacher()}}, {logits: logits as tf.Tensor2D, features: {logits}});
}

describe('the losses of vectors', () => {
  it.each<[string, (t: tf.Tensor2D, s: tf.Tensor2D) => tf.Scalar]>([
    ['cosine', vectorCosineLoss],
    ['cosine, weighted', (t, s) => vectorCosineLoss(t, s, weights())],
    ['error', vectorErrorLoss],
    ['error, weighted', (t, s) => vectorErrorLoss(t, s, weights())],
    ['kl', (t, s) => similarityKlLoss(t, s, temperature)],
  ])("have PyTorch's value and gradient: %s", (name, loss) => {
    expectReference(cases[name]!, x => loss(teacher(), x as tf.Tensor2D), student());
  });

  it('compare inputs alone in vectors of another width', () => {
    const loss = (x: tf.Tensor) => similarityKlLoss(teacher(), x as tf.Tensor2D, temperature);
    expectReference(cases['kl, other width']!, loss, narrow());
  });

  it.each<[string, LossTerm, 4 | 3]>([
    ['cosine, cut', vectorCosine({cuts: [2, 1]}), 4],
    ['error, cut', vectorError({cuts: [2, 1]}), 4],
    ['kl, cut', similarityKl({temperature: 0.2, cuts: [2]}), 4],
    ['cosine, mapped', vectorCosine({cuts: [2]}), 3],
    ['error, mapped', vectorError({cuts: [2]}), 3],
  ])("have PyTorch's value and gradient as terms: %s", (name, term, width) => {
    expectReference(cases[name]!, lossOf(term, width), width === 4 ? student() : narrow());
  });

  it('are zero at equality, and the cosine and the KL are blind to lengths', () => {
    const rows = fc.array(fc.array(fc.double({min: 0.1, max: 3, noNaN: true}), {minLength: 3, maxLength: 3}), {
      minLength: 2,
      maxLength: 6,
    });
    fc.assert(
      fc.property(rows, fc.double({min: 0.1, max: 9, noNaN: true}), (values, scale) => {
        const [t, s] = [tf.tensor2d(values), tf.mul(tf.tensor2d(values), scale) as tf.Tensor2D];
        expect(numberOf(vectorErrorLoss(t, t))).toBe(0);
        expect(numberOf(vectorCosineLoss(t, s))).toBeCloseTo(0, 5);
        expect(numberOf(similarityKlLoss(t, s, 0.5))).toBeCloseTo(0, 5);
      }),
      {numRuns: 20},
    );
  });

  it('have the gradient that differences show', () => {
    expectGradientByDifferences(x => vectorCosineLoss(teacher(), x as tf.Tensor2D), student());
    expectGradientByDifferences(x => similarityKlLoss(teacher(), x as tf.Tensor2D, 0.5), student());
  });

  it('are finite for a row of zeros, and zero for a batch of one', () => {
    const zeros = tf.zeros([5, 4]) as tf.Tensor2D;
    for (const loss of [vectorCosineLoss, (t: tf.Tensor2D, s: tf.Tensor2D) => similarityKlLoss(t, s, 0.05)]) {
      const gradient = tf
        .grad(x => loss(teacher(), x as tf.Tensor2D))(zeros)
        .dataSync();
      expect(gradient.every(Number.isFinite)).toBe(true);
    }
    expect(numberOf(similarityKlLoss(tf.tensor2d([[1, 2]]), tf.tensor2d([[3, -1]]), 0.05))).toBe(0);
  });
});

describe('the terms of vectors', () => {
  it('need vectors, compare the last layer, and have a map only if the lengths differ', () => {
    const term = vectorCosine();
    expect(term).toMatchObject({
      name: 'vector-cosine (vector to logits)',
      weight: 1,
      needs: {kind: 'vector'},
      studentFeatures: ['logits'],
    });
    const sizes = (own: LossTerm, width: number) =>
      own.prepare({teacher: {vector: [4]}, student: {logits: [width]}}, 1).variables.map(({shape}) => shape);
    expect([sizes(term, 4), sizes(term, 3), sizes(similarityKl(), 3)]).toEqual([[], [[3, 4], [4]], []]);
  });

  it('take a layer of a white-box teacher as well', () => {
    const term = vectorError({teacher: 'pool', student: 'dense_1'});
    expect(term).toMatchObject({needs: {kind: 'logits', features: ['pool']}, studentFeatures: ['dense_1']});
  });

  it('refuse cuts that are none, and a temperature that is none', () => {
    const prepared = (cuts: readonly number[]) => () =>
      vectorCosine({cuts}).prepare({teacher: {vector: [4]}, student: {logits: [4]}}, 1);
    for (const cuts of [[4], [0], [1.5]]) expect(prepared(cuts)).toThrow("can't cut a vector of 4 numbers");
    expect(() => similarityKl({temperature: 0})).toThrow(InputError);
  });
});
