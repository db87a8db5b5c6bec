import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {hardLabelLoss} from '../../src/losses/hard-labels.ts';
import {
  coralLevels,
  coralLoss,
  coralProbabilities,
  cumulativeLinkLogits,
  cumulativeLinkLoss,
  cutPoints,
} from '../../src/losses/ordinal.ts';
import {expectGradientByDifferences, numberOf} from './engine.ts';
import {expectFinite, expectTyped, matrix, type TypedCase, typedCases, vector} from './typed.ts';

beforeAll(async () => {
  await startEngine();
});

const latents = fc.array(fc.double({min: -30, max: 30, noNaN: true}), {minLength: 1, maxLength: 5});
/** Values for K − 1 thresholds of up to six levels. */
const thresholds = fc.array(fc.double({min: -8, max: 8, noNaN: true}), {minLength: 1, maxLength: 5});
const runs = {numRuns: 25};

const rowsOf = (tensor: tf.Tensor2D): number[][] => {
  const rows = tensor.arraySync();
  tensor.dispose();
  return rows;
};

function expectRows(found: tf.Tensor2D, expected: TypedCase['levelProbabilities']): void {
  expect(rowsOf(found)).toEqual(expected!.map(row => row.map(p => expect.closeTo(p, 5))));
}

describe('the cumulative link model', () => {
  const cutsOf = ({b, d}: TypedCase['in']) => [b, d].flat() as number[];

  it.each(typedCases('cumulative_link'))('is the one from elsewhere, with its gradients (%d)', (_, typed) => {
    const {in: given, loss, grad} = typed;
    const [levels, latent, cuts] = [matrix(given['q']), vector(given['f']), vector(cutsOf(given))];
    expectTyped(loss, [latent, cuts], [grad['f']!, cutsOf(grad)], (f, c) =>
      cumulativeLinkLoss(levels, f as tf.Tensor1D, c as tf.Tensor1D),
    );
    expect(Array.from(cutPoints(cuts).dataSync())).toEqual(typed.cutPoints!.map(cut => expect.closeTo(cut, 5)));
    expectRows(
      tf.tidy(() => tf.exp(cumulativeLinkLogits(latent, cuts)) as tf.Tensor2D),
      typed.levelProbabilities,
    );
  });

  it('gives logits that a loss of logits learns from in the same way', () => {
    const [latent, cuts] = [vector([0.4, -1.1, 3]), vector([-1, 0.5, 0.8])];
    const labels = tf.tensor1d([2, 0, 3], 'int32');
    const levels = tf.cast(tf.oneHot(labels, 4), 'float32') as tf.Tensor2D;
    const own = tf.valueAndGrads((f, c) => cumulativeLinkLoss(levels, f as tf.Tensor1D, c as tf.Tensor1D));
    const hard = tf.valueAndGrads((f, c) =>
      hardLabelLoss(labels, cumulativeLinkLogits(f as tf.Tensor1D, c as tf.Tensor1D)),
    );
    const [one, other] = [own([latent, cuts]), hard([latent, cuts])];
    expect(numberOf(one.value)).toBeCloseTo(numberOf(other.value), 5);
    for (const [index, gradient] of one.grads.entries()) {
      const expected = Array.from(other.grads[index]!.dataSync(), slope => expect.closeTo(slope, 5));
      expect(Array.from(gradient.dataSync())).toEqual(expected);
    }
  });

  it('is a distribution over the levels, however its cut points are', () => {
    fc.assert(
      fc.property(latents, thresholds, (latent, cuts) => {
        const rows = rowsOf(tf.tidy(() => tf.exp(cumulativeLinkLogits(vector(latent), vector(cuts))) as tf.Tensor2D));
        expect(rows[0]).toHaveLength(cuts.length + 1);
        for (const row of rows) expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4);
      }),
      runs,
    );
  });

  it('moves its levels up with the latent value', () => {
    fc.assert(
      fc.property(thresholds, fc.double({min: -20, max: 20, noNaN: true}), (cuts, latent) => {
        const rows = rowsOf(
          tf.tidy(() => tf.exp(cumulativeLinkLogits(vector([latent, latent + 1]), vector(cuts))) as tf.Tensor2D),
        );
        const [lower, higher] = rows.map(row => row.reduce((sum, p, k) => sum + k * p, 0));
        expect(higher).toBeGreaterThanOrEqual(lower! - 1e-5);
      }),
      runs,
    );
  });

  it('has the gradients that differences show, and stays finite far from every cut point', () => {
    const levels = matrix([
      [0, 0, 1, 0],
      [0.2, 0.5, 0.2, 0.1],
    ]);
    const [latent, cuts] = [vector([0.4, -1.1]), vector([-1, 0.5, 0.8])];
    expectGradientByDifferences(f => cumulativeLinkLoss(levels, f as tf.Tensor1D, cuts), latent);
    expectGradientByDifferences(c => cumulativeLinkLoss(levels, latent, c as tf.Tensor1D), cuts);
    expectFinite(f => cumulativeLinkLoss(levels, f as tf.Tensor1D, cuts), vector([800, -800]));
    expectFinite(c => cumulativeLinkLoss(levels, latent, c as tf.Tensor1D), vector([800, -800, -800]));
  });
});

describe('CORAL', () => {
  it.each(typedCases('coral'))('is the one from elsewhere, with its gradients (%d)', (_, typed) => {
    const {in: given, loss, grad} = typed;
    const [levels, latent, biases] = [matrix(given['q']), vector(given['f']), vector(given['bias'])];
    expectTyped(loss, [latent, biases], [grad['f']!, grad['bias']!], (f, b) =>
      coralLoss(levels, f as tf.Tensor1D, b as tf.Tensor1D),
    );
    expect(Array.from(coralLevels(latent, biases).dataSync())).toEqual(typed.levels);
    expectRows(coralProbabilities(latent, biases), typed.levelProbabilities);
  });

  it('gives each level a probability that is not negative if its biases fall, and 1 in all', () => {
    fc.assert(
      fc.property(latents, thresholds, (latent, thresholds) => {
        const falling = thresholds.toSorted((one, other) => other - one);
        for (const row of rowsOf(coralProbabilities(vector(latent), vector(falling)))) {
          for (const p of row) expect(p).toBeGreaterThanOrEqual(0);
          expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
        }
      }),
      runs,
    );
    const [row] = rowsOf(coralProbabilities(vector([0]), vector([-1, 1])));
    expect(row![1]).toBeLessThan(0);
  });

  it('names the median level if its biases fall', () => {
    fc.assert(
      fc.property(fc.double({min: -9, max: 9, noNaN: true}), thresholds, (latent, thresholds) => {
        const biases = thresholds.toSorted((one, other) => other - one);
        fc.pre(biases.every(bias => Math.abs(latent + bias) > 1e-3));
        const [row] = rowsOf(coralProbabilities(vector([latent]), vector(biases)));
        let [median, mass] = [0, row![0]!];
        while (mass < 0.5) mass += row![++median]!;
        expect(coralLevels(vector([latent]), vector(biases)).dataSync()[0]).toBe(median);
      }),
      runs,
    );
  });

  it('has the gradients that differences show, and stays finite far from every threshold', () => {
    const levels = matrix([
      [0, 0, 1, 0],
      [0.2, 0.5, 0.2, 0.1],
    ]);
    const [latent, biases] = [vector([0.4, -1.1]), vector([1, 0, -1.5])];
    expectGradientByDifferences(f => coralLoss(levels, f as tf.Tensor1D, biases), latent);
    expectGradientByDifferences(b => coralLoss(levels, latent, b as tf.Tensor1D), biases);
    expectFinite(f => coralLoss(levels, f as tf.Tensor1D, biases), vector([800, -800]));
  });
});

describe('both models', () => {
  it('are binary cross-entropy if there are two levels', () => {
    const levels = matrix([
      [0.3, 0.7],
      [1, 0],
    ]);
    const latent = [0.4, -1.1];
    const expected = latent.map((f, row) => Math.log1p(Math.exp(f - 0.2)) - [0.7, 0][row]! * (f - 0.2));
    const mean = (expected[0]! + expected[1]!) / 2;
    expect(numberOf(cumulativeLinkLoss(levels, vector(latent), vector([0.2])))).toBeCloseTo(mean, 5);
    expect(numberOf(coralLoss(levels, vector(latent), vector([-0.2])))).toBeCloseTo(mean, 5);
  });
});
