import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {binaryBrierLoss, binaryCrossEntropyLoss, binaryIntervalLoss} from '../../src/losses/binary-cross-entropy.ts';
import {hardLabelLoss} from '../../src/losses/hard-labels.ts';
import {coralLoss, cumulativeLinkLoss} from '../../src/losses/ordinal.ts';
import {meanOverQuestions} from '../../src/losses/rows.ts';
import {expectedLevelLoss, rankedProbabilityLoss, scoreLoss} from '../../src/losses/score-labels.ts';
import {softLabelLoss} from '../../src/losses/soft-labels.ts';
import {topKLoss} from '../../src/losses/top-k.ts';
import {numberOf} from './engine.ts';
import {expectTyped, matrix, typedCases, vector} from './typed.ts';

beforeAll(async () => {
  await startEngine();
});

const [rows, levels] = [6, 4];
const random = (from: number, length: number): number[] =>
  Array.from({length}, (_, index) => Math.sin(from + 12.9898 * index));
const inRows = (values: number[]): number[][] =>
  Array.from({length: rows}, (_, row) => values.slice(row * levels, (row + 1) * levels));

const given = {
  teacher: inRows(random(1, rows * levels)),
  student: inRows(random(2, rows * levels)),
  probabilities: random(3, rows).map(value => (value + 1) / 2),
  latent: random(4, rows),
  labels: [0, 3, 1, 2, 2, 0],
};

/** Every loss that takes weights, of some rows. */
const losses: Readonly<Record<string, (chosen: readonly number[], weights?: tf.Tensor1D) => tf.Scalar>> = {
  'binary cross-entropy': (chosen, weights) =>
    binaryCrossEntropyLoss(vector(of(given.probabilities, chosen)), vector(of(given.latent, chosen)), {weights}),
  'rounded probabilities': (chosen, weights) =>
    binaryIntervalLoss(vector(of(given.probabilities, chosen)), vector(of(given.latent, chosen)), {
      decimals: 1,
      weights,
    }),
  "Brier's score": (chosen, weights) =>
    binaryBrierLoss(vector(of(given.probabilities, chosen)), vector(of(given.latent, chosen)), {weights}),
  'hard labels': (chosen, weights) =>
    hardLabelLoss(tf.tensor1d(of(given.labels, chosen), 'int32'), student(chosen), {weights}),
  'soft labels': (chosen, weights) => softLabelLoss(teacher(chosen), student(chosen), {weights}),
  'the k best': (chosen, weights) =>
    topKLoss(teacher(chosen), tf.onesLike(student(chosen)), student(chosen), {weights}),
  'ranked probabilities': (chosen, weights) => rankedProbabilityLoss(teacher(chosen), student(chosen), {weights}),
  'a score': (chosen, weights) => scoreLoss(teacher(chosen), student(chosen), {weights}),
  'an expected level': (chosen, weights) =>
    expectedLevelLoss(vector(of(given.probabilities, chosen)), student(chosen), {weights}),
  'a cumulative link': (chosen, weights) =>
    cumulativeLinkLoss(tf.softmax(teacher(chosen)), vector(of(given.latent, chosen)), vector([-1, 0, 0.5]), {weights}),
  CORAL: (chosen, weights) =>
    coralLoss(tf.softmax(teacher(chosen)), vector(of(given.latent, chosen)), vector([1, 0, -0.5]), {weights}),
};

const of = <T>(values: readonly T[], chosen: readonly number[]): T[] => chosen.map(row => values[row]!);
const teacher = (chosen: readonly number[]): tf.Tensor2D => matrix(of(given.teacher, chosen));
const student = (chosen: readonly number[]): tf.Tensor2D => matrix(of(given.student, chosen));
const all = Array.from({length: rows}, (_, row) => row);

describe.each(Object.entries(losses))('the weights of rows (%s)', (_, loss) => {
  const meanOf = (chosen: readonly number[], weights?: readonly number[]): number =>
    tf.tidy(() => numberOf(loss(chosen, weights && vector([...weights]))));

  it('leave out a row of weight 0, and count a row of weight 2 twice', () => {
    expect(meanOf(all, [1, 0, 1, 0, 0, 1])).toBeCloseTo(meanOf([0, 2, 5]), 5);
    expect(meanOf(all, [2, 0, 1, 0, 0, 3])).toBeCloseTo(meanOf([0, 0, 2, 5, 5, 5]), 5);
    expect(meanOf(all, [1, 1, 1, 1, 1, 1])).toBeCloseTo(meanOf(all), 5);
  });

  it('give 0 if no row counts', () => {
    expect(meanOf(all, [0, 0, 0, 0, 0, 0])).toBeCloseTo(0, 12);
  });
});

describe('the mean over questions', () => {
  it.each(typedCases('masked_multi'))('is the value from elsewhere, with its gradients (%d)', (_, typed) => {
    const {in: given, loss, grad} = typed;
    const [wp, wc] = [given['wp'] as number, given['wc'] as number];
    const [answeredPredicate, answeredChoice] = [vector(given['mp']), vector(given['mc'])];
    const [probabilities, choices] = [vector(given['pp']), matrix(given['qc'])];
    expectTyped(loss, [vector(given['zp']), matrix(given['zc'])], [grad['zp']!, grad['zc']!], (predicate, choice) =>
      meanOverQuestions([
        {
          loss: binaryCrossEntropyLoss(probabilities, predicate as tf.Tensor1D, {weights: answeredPredicate}),
          answered: answeredPredicate,
          weight: wp,
        },
        {
          loss: softCrossEntropy(choices, choice as tf.Tensor2D, answeredChoice),
          answered: answeredChoice,
          weight: wc,
        },
      ]),
    );
  });

  it('does not change if a question is asked about more inputs in vain', () => {
    fc.assert(
      fc.property(fc.nat(20), fc.double({min: 0.1, max: 9, noNaN: true}), (unanswered, weight) => {
        const mean = (padding: number): number =>
          tf.tidy(() => {
            const answered = vector([1, 1, ...new Array<number>(padding).fill(0)]);
            const logits = vector([0.3, -1, ...new Array<number>(padding).fill(5)]);
            const one = binaryCrossEntropyLoss(tf.onesLike(logits), logits, {weights: answered});
            const other = binaryCrossEntropyLoss(vector([0]), vector([2]));
            return numberOf(
              meanOverQuestions([
                {loss: one, answered, weight},
                {loss: other, answered: vector([1])},
              ]),
            );
          });
        expect(mean(unanswered)).toBeCloseTo(mean(0), 5);
      }),
      {numRuns: 20},
    );
  });

  it('is 0, with no gradient, if no question has an answer', () => {
    const none = vector([0, 0]);
    const loss = (logits: tf.Tensor) =>
      meanOverQuestions([
        {loss: binaryCrossEntropyLoss(vector([1, 0]), logits as tf.Tensor1D, {weights: none}), answered: none},
      ]);
    const {value, grad} = tf.valueAndGrad(loss)(vector([3, -2]));
    expect([...value.dataSync(), ...grad.dataSync()].map(Math.abs)).toEqual([0, 0, 0]);
  });
});

/** The loss of soft labels at T = 1, with the entropy of the targets. */
function softCrossEntropy(probabilities: tf.Tensor2D, logits: tf.Tensor2D, weights: tf.Tensor1D): tf.Scalar {
  const logP = tf.log(tf.maximum(probabilities, 1e-8)) as tf.Tensor2D;
  const entropies = tf.neg(tf.sum(tf.mul(probabilities, logP), 1));
  const entropy = tf.div(tf.sum(tf.mul(entropies, weights)), tf.maximum(tf.sum(weights), 1));
  return tf.add(softLabelLoss(logP, logits, {temperature: 1, weights}), entropy);
}
