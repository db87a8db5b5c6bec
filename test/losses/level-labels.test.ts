import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {hardLabelLoss} from '../../src/losses/hard-labels.ts';
import {exceedanceLoss, levelLabels} from '../../src/losses/level-labels.ts';
import {coralProbabilities} from '../../src/losses/ordinal.ts';
import {logits} from './arbitraries.ts';
import {expectGradientByDifferences, numberOf} from './engine.ts';
import {expectFinite, matrix, typedCases, vector} from './typed.ts';

beforeAll(startEngine);

const runs = {numRuns: 25};
const oneHot = (levels: readonly number[], count: number): tf.Tensor2D =>
  matrix(levels.map(level => Array.from({length: count}, (_, k) => (k === level ? 1 : 0))));
const lossOf = (level: number, row: readonly number[]): number =>
  tf.tidy(() => numberOf(exceedanceLoss(oneHot([level], row.length), matrix([[...row]]))));

describe('the loss of levels', () => {
  // Cases whose biases do not fall have negative probabilities, which no logits give.
  const proper = typedCases('coral').filter(([, {levelProbabilities}]) => levelProbabilities!.flat().every(p => p > 0));

  it('has cases from elsewhere', () => void expect(proper.length).toBeGreaterThan(0));

  it.each(proper)('is that of CORAL if the logits are those of its model (%d)', (_, {in: given, loss}) => {
    const logits = tf.tidy(
      () => tf.add(tf.log(coralProbabilities(vector(given['f']), vector(given['bias']))), 3) as tf.Tensor2D,
    );
    const found = tf.tidy(() => numberOf(exceedanceLoss(matrix(given['q']), logits)));
    expect(Math.abs(found - loss)).toBeLessThan(1e-5 * Math.max(1, loss));
  });

  it('is that of hard labels for two levels', () => {
    fc.assert(
      fc.property(
        fc.integer({min: 0, max: 1}),
        fc.array(fc.double({min: -20, max: 20, noNaN: true}), {minLength: 2, maxLength: 2}),
        (level, row) => {
          const hard = tf.tidy(() => numberOf(hardLabelLoss(tf.tensor1d([level], 'int32'), matrix([row]))));
          expect(lossOf(level, row)).toBeCloseTo(hard, 4);
        },
      ),
      runs,
    );
  });

  it('grows with the distance of the levels, and is the same turned around', () => {
    const sureOf = (level: number) => [0, 1, 2, 3, 4].map(k => (k === level ? 12 : 0));
    const losses = [0, 1, 2, 3, 4].map(level => lossOf(level, sureOf(0)));
    expect(losses).toEqual(losses.toSorted((one, other) => one - other));
    expect(losses[4]! - losses[1]!).toBeGreaterThan(10);
    expect(lossOf(4, sureOf(1))).toBeCloseTo(lossOf(0, sureOf(3)), 4);
  });

  it('is least at the true distribution', () => {
    const truth = [0.2, 0.5, 0.1, 0.2];
    const at = (row: readonly number[]) => tf.tidy(() => numberOf(exceedanceLoss(matrix([truth]), matrix([[...row]]))));
    const least = at(truth.map(Math.log));
    fc.assert(
      fc.property(fc.array(fc.double({min: -3, max: 3, noNaN: true}), {minLength: 4, maxLength: 4}), row => {
        expect(at(row)).toBeGreaterThanOrEqual(least - 1e-6);
      }),
      runs,
    );
  });

  it('is unchanged by a constant in a row', () => {
    fc.assert(
      fc.property(logits(), fc.double({min: -50, max: 50, noNaN: true}), (rows, constant) => {
        const count = rows[0]!.length;
        const levels = oneHot(
          rows.map((_, row) => row % count),
          count,
        );
        const loss = (values: number[][]) => tf.tidy(() => numberOf(exceedanceLoss(levels, matrix(values))));
        expect(loss(rows.map(row => row.map(value => value + constant)))).toBeCloseTo(loss(rows), 3);
      }),
      runs,
    );
  });

  it('has the gradients that differences show, one if the student is sure and wrong, and stays finite', () => {
    const levels = oneHot([2, 0], 4);
    expectGradientByDifferences(
      z => exceedanceLoss(levels, z as tf.Tensor2D),
      matrix([
        [0.3, -1, 0.2, 0.9],
        [2, 0, -1, 1],
      ]),
    );
    const wrong = tf.grad(z => exceedanceLoss(oneHot([4], 5), z as tf.Tensor2D))(matrix([[50, 0, 0, 0, 0]]));
    expect(Math.max(...Array.from(wrong.dataSync(), Math.abs))).toBeGreaterThan(1);
    expectFinite(
      z => exceedanceLoss(levels, z as tf.Tensor2D),
      matrix([
        [800, -800, 0, 0],
        [-800, 800, 800, -800],
      ]),
    );
  });

  it('leaves out rows of no weight', () => {
    const [labels, rows] = [
      tf.tensor1d([1, 0], 'int32'),
      matrix([
        [0.5, 0.1, -1],
        [3, 2, 1],
      ]),
    ];
    const value = (weights?: tf.Tensor1D) =>
      numberOf(
        levelLabels()
          .prepare({teacher: {}, student: {}}, 1)
          .value({labels, features: {}, weights}, {logits: rows, features: {}}),
      );
    expect(value(vector([1, 0]))).toBeCloseTo(lossOf(1, [0.5, 0.1, -1]), 5);
    expect(value()).toBeCloseTo((lossOf(1, [0.5, 0.1, -1]) + lossOf(0, [3, 2, 1])) / 2, 5);
  });
});
