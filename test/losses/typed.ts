import {readFileSync} from 'node:fs';
import {expect} from 'vitest';
import {tf} from '../../src/engine/tf.ts';
import {binaryBrierLoss, binaryCrossEntropyLoss, binaryIntervalLoss} from '../../src/losses/binary-cross-entropy.ts';
import type {LossTerm} from '../../src/losses/loss.ts';
import {coralLoss, cumulativeLinkLoss} from '../../src/losses/ordinal.ts';
import {meanOverQuestions} from '../../src/losses/rows.ts';
import {expectedLevelLoss, rankedProbabilityLoss} from '../../src/losses/score-labels.ts';
import {numbersOf} from './engine.ts';

type Nested = number | readonly Nested[];

/** A loss of a typed question with its gradients, see `test/fixtures/losses/make-typed.py`. */
export interface TypedCase {
  readonly in: Readonly<Record<string, Nested>>;
  readonly loss: number;
  readonly grad: Readonly<Record<string, Nested>>;
  readonly cutPoints?: readonly number[];
  readonly levels?: readonly number[];
  readonly levelProbabilities?: readonly (readonly number[])[];
}

const cases: Readonly<Record<string, readonly TypedCase[]>> = JSON.parse(
  readFileSync('test/fixtures/losses/typed.json', 'utf8'),
);

/** The cases of a loss, each with its number for the test's name. */
export const typedCases = (loss: string): (readonly [number, TypedCase])[] => Array.from(cases[loss]!.entries());

export const vector = (values: Nested | undefined): tf.Tensor1D => tf.tensor1d([values].flat() as number[]);

export const matrix = (values: Nested | undefined): tf.Tensor2D => tf.tensor2d(values as number[][]);

/** Finite log-probabilities of rows that can hold zeros, as `targetsOf` gives them. */
export const logProbabilities = (values: Nested | undefined): tf.Tensor2D =>
  tf.tidy(() => tf.log(tf.maximum(matrix(values), 1e-8)));

/**
 * Checks value and gradients of a loss to 1e-5, or to as much of the value if that is above 1.
 *
 * @param by - the tensors that the gradients are by, in the order of the loss's arguments
 * @param expected - the gradients, in the same order
 */
export function expectTyped(
  value: number,
  by: readonly tf.Tensor[],
  expected: readonly Nested[],
  loss: (...by: tf.Tensor[]) => tf.Scalar,
): void {
  const tolerance = 1e-5 * Math.max(1, Math.abs(value));
  const found = tf.tidy(() => {
    const {value, grads} = tf.valueAndGrads(loss)([...by]);
    return {value: value.dataSync()[0]!, gradients: grads.map(gradient => Array.from(gradient.dataSync()))};
  });
  expect(Math.abs(found.value - value), 'value').toBeLessThan(tolerance);
  for (const [index, slopes] of expected.map(gradient => numbersOf([gradient])).entries()) {
    const [tensor, name] = [found.gradients[index]!, `gradient ${index}`];
    expect(tensor.length, name).toBe(slopes.length);
    for (const [place, slope] of slopes.entries()) {
      expect(Math.abs(tensor[place]! - slope), `${name}, ${place}`).toBeLessThan(tolerance);
    }
  }
}

/** Checks that a loss and its gradient are finite. */
export function expectFinite(loss: (x: tf.Tensor) => tf.Scalar, x: tf.Tensor): void {
  const values = tf.tidy(() => {
    const {value, grad} = tf.valueAndGrad(loss)(x);
    return [...value.dataSync(), ...grad.dataSync()];
  });
  expect(values.filter(value => !Number.isFinite(value))).toEqual([]);
}

/** Every loss of a typed question as one term: of the first class, or of the classes as levels; even labels unanswered. */
export function typedQuestions(): LossTerm {
  return {
    name: 'typed-questions',
    weight: 1,
    needs: {kind: 'log-probabilities'},
    studentFeatures: [],
    prepare() {
      const thresholds = tf.tidy(() => tf.variable(tf.tensor1d([0.5, 0.2])));
      return {
        variables: [thresholds],
        value: ({labels, logProbabilities}, {logits}) =>
          tf.tidy(() => {
            const levels = tf.softmax(logProbabilities!);
            const [p, z] = [firstColumn(levels), firstColumn(logits)];
            const three = tf.softmax(firstThree(logProbabilities!));
            const weights = tf.cast(tf.mod(labels, 2), 'float32') as tf.Tensor1D;
            const losses = [
              binaryCrossEntropyLoss(p, z, {weights, temperature: 2, decimals: 2}),
              binaryIntervalLoss(p, z, {weights, decimals: 1}),
              binaryBrierLoss(p, z, {weights}),
              rankedProbabilityLoss(logProbabilities!, logits, {weights}),
              expectedLevelLoss(p, logits, {weights}),
              cumulativeLinkLoss(three, z, thresholds as tf.Tensor1D, {weights}),
              coralLoss(three, z, thresholds as tf.Tensor1D, {weights}),
            ];
            return meanOverQuestions(losses.map((loss, index) => ({loss, answered: weights, weight: index + 1})));
          }),
      };
    },
  };
}

const firstColumn = (rows: tf.Tensor2D): tf.Tensor1D => tf.squeeze(tf.slice(rows, [0, 0], [-1, 1]), [1]);
const firstThree = (rows: tf.Tensor2D): tf.Tensor2D => tf.slice(rows, [0, 0], [-1, 3]);
