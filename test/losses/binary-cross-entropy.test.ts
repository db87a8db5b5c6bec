import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {
  type BinaryCrossEntropyOptions,
  binaryBrierLoss,
  binaryCrossEntropyLoss,
  binaryIntervalLoss,
} from '../../src/losses/binary-cross-entropy.ts';
import {softProbabilityLoss} from '../../src/losses/soft-probabilities.ts';
import {expectGradientByDifferences, numberOf} from './engine.ts';
import {expectFinite, expectTyped, type TypedCase, typedCases, vector} from './typed.ts';

beforeAll(async () => {
  await startEngine();
});

type Loss = (probabilities: tf.Tensor1D, logits: tf.Tensor1D) => tf.Scalar;

function expectCase({in: given, loss, grad}: TypedCase, of: Loss): void {
  const probabilities = vector(given['p']);
  expectTyped(loss, [vector(given['z'])], [grad['z']!], logits => of(probabilities, logits as tf.Tensor1D));
}

const lossOf = (loss: Loss, p: number[], z: number[]): number => tf.tidy(() => numberOf(loss(vector(p), vector(z))));

const slopesOf = (loss: Loss, p: number[], z: number[]): number[] =>
  tf.tidy(() =>
    Array.from(
      tf
        .grad(x => loss(vector(p), x as tf.Tensor1D))(vector(z))
        .dataSync(),
    ),
  );

const crossEntropy =
  (options: BinaryCrossEntropyOptions = {}): Loss =>
  (p, z) =>
    binaryCrossEntropyLoss(p, z, options);

const probability = fc.double({min: 0, max: 1, noNaN: true});
/** Rows of a probability and a logit. */
const rows = fc.array(fc.tuple(probability, fc.double({min: -20, max: 20, noNaN: true})), {
  minLength: 1,
  maxLength: 6,
});
const temperature = fc.double({min: 0.5, max: 10, noNaN: true});
const runs = {numRuns: 25};
const FAR = [800, -800, 800, -800, 0];

describe('binary cross-entropy', () => {
  it.each(typedCases('bce'))('is the value from elsewhere, with its gradient (%d)', (_, typed) => {
    const weights = typed.in['w'] === undefined ? undefined : vector(typed.in['w']);
    expectCase(typed, crossEntropy({weights}));
  });

  it.each(typedCases('bce_temperature'))('is it at a temperature, too (%d)', (_, typed) => {
    const {T, eps} = typed.in as {readonly T: number; readonly eps: number};
    expectCase(typed, crossEntropy({temperature: T, floor: eps}));
  });

  it('has the gradient that differences show', () => {
    const p = vector([0.81, 0.07, 0, 1]);
    for (const temperature of [1, 3]) {
      const loss = (z: tf.Tensor) => binaryCrossEntropyLoss(p, z as tf.Tensor1D, {temperature, decimals: 2});
      expectGradientByDifferences(loss, vector([0.3, -1.2, 2, 0]));
    }
  });

  it('is the divergence of two classes but for a constant, at every temperature', () => {
    fc.assert(
      fc.property(rows, temperature, (rows, T) => {
        const [p, z] = [rows.map(([p]) => p), rows.map(([, z]) => z)];
        const floor = 0.005;
        const twoClasses: Loss = (p, z) =>
          softProbabilityLoss(
            tf.stack([tf.sub(1, clipped(p, floor)), clipped(p, floor)], 1) as tf.Tensor2D,
            tf.stack([tf.zerosLike(z), z], 1) as tf.Tensor2D,
            {temperature: T, floor},
          );
        const own = crossEntropy({temperature: T, floor});
        const constant = T * T * meanEntropy(p, T, floor);
        expect(Math.abs(lossOf(own, p, z) - constant - lossOf(twoClasses, p, z))).toBeLessThan(1e-5 * T * T * 20);
        const [slopes, others] = [slopesOf(own, p, z), slopesOf(twoClasses, p, z)];
        for (const [row, slope] of slopes.entries()) expect(Math.abs(slope - others[row]!)).toBeLessThan(1e-5 * T);
      }),
      runs,
    );
  });

  it('is least, with no gradient, if the student says what the teacher says', () => {
    fc.assert(
      fc.property(fc.array(fc.double({min: -6, max: 6, noNaN: true}), {minLength: 1}), temperature, (z, T) => {
        const p = z.map(sigmoid);
        for (const slope of slopesOf(crossEntropy({temperature: T}), p, z)) expect(Math.abs(slope)).toBeLessThan(1e-4);
        const own = lossOf(crossEntropy({temperature: T}), p, z);
        const moved = z.map((value, row) => value + (row % 2 === 0 ? 1 : -1));
        expect(lossOf(crossEntropy({temperature: T}), p, moved)).toBeGreaterThan(own);
      }),
      runs,
    );
  });

  it('stays finite for logits far apart, at every temperature', () => {
    for (const temperature of [1, 4]) {
      expectFinite(
        z => binaryCrossEntropyLoss(vector([0, 0, 1, 1, 0.5]), z as tf.Tensor1D, {temperature}),
        vector(FAR),
      );
    }
    expect(lossOf(crossEntropy(), [1, 0], [-800, 800])).toBeCloseTo(800, 3);
  });

  it('refuses a temperature that is none', () => {
    expect(() => binaryCrossEntropyLoss(vector([1]), vector([0]), {temperature: 0})).toThrow('Expected `temperature`');
  });
});

describe('the loss of rounded probabilities', () => {
  // The last case has no interval; seven decimals come as close to none as these floats can show.
  it.each(typedCases('bce_interval'))('is the value from elsewhere, with its gradient (%d)', (_, typed) => {
    const decimals = typed.in['r'] === 0 ? 7 : 2;
    expectCase(typed, (p, z) => binaryIntervalLoss(p, z, {decimals}));
  });

  it('is exactly 0, with no gradient, if what the student says rounds to what the teacher shows', () => {
    fc.assert(
      fc.property(fc.double({min: -9, max: 9, noNaN: true}), fc.integer({min: 1, max: 4}), (z, decimals) => {
        const shown = Number(sigmoid(z).toFixed(decimals));
        // Not at the edge itself, which 32-bit floats see on either side.
        fc.pre(Math.abs(Math.abs(shown - sigmoid(z)) - 10 ** -decimals / 2) > 1e-6);
        const loss: Loss = (p, z) => binaryIntervalLoss(p, z, {decimals});
        expect(Math.abs(lossOf(loss, [shown], [z]))).toBe(0);
        expect(Math.abs(slopesOf(loss, [shown], [z])[0]!)).toBe(0);
      }),
      runs,
    );
  });

  it('pulls less than cross-entropy, and in the same direction', () => {
    fc.assert(
      fc.property(rows, rows => {
        const [p, z] = [rows.map(([p]) => Number(p.toFixed(2))), rows.map(([, z]) => z)];
        const pulls = slopesOf(crossEntropy(), p, z);
        for (const [row, slope] of slopesOf((p, z) => binaryIntervalLoss(p, z, {decimals: 2}), p, z).entries()) {
          expect(slope * pulls[row]!).toBeGreaterThanOrEqual(0);
          expect(Math.abs(slope)).toBeLessThanOrEqual(Math.abs(pulls[row]!) + 1e-6);
        }
      }),
      runs,
    );
  });

  it('has the gradient that differences show, and stays finite for logits far apart', () => {
    const p = vector([0.81, 0.07, 0, 1, 0.5]);
    const loss = (z: tf.Tensor) => binaryIntervalLoss(p, z as tf.Tensor1D, {decimals: 2});
    expectGradientByDifferences(loss, vector([0.3, -1.2, 2, 0, 1]));
    expectFinite(loss, vector(FAR));
  });

  it('refuses decimals that nobody rounds to', () => {
    const loss = () => binaryIntervalLoss(vector([1]), vector([0]), {decimals: 0});
    expect(loss).toThrow('Expected `decimals` to be a whole number from 1 to 7, got 0.');
  });
});

describe("Brier's score of a predicate", () => {
  it.each(typedCases('brier_predicate'))('is the value from elsewhere, with its gradient (%d)', (_, typed) => {
    expectCase(typed, binaryBrierLoss);
  });

  it('has almost no gradient if the student is sure and wrong, unlike cross-entropy', () => {
    expect(Math.abs(slopesOf(binaryBrierLoss, [0], [30])[0]!)).toBeLessThan(1e-6);
    expect(slopesOf(crossEntropy(), [0], [30])[0]).toBeCloseTo(1, 5);
  });

  it('stays finite for logits far apart', () => {
    expectFinite(z => binaryBrierLoss(vector([0, 0, 1, 1, 0.5]), z as tf.Tensor1D), vector(FAR));
  });
});

function sigmoid(z: number): number {
  return 1 / (1 + Math.exp(-z));
}

function clipped(p: tf.Tensor1D, floor: number): tf.Tensor1D {
  return tf.clipByValue(p, floor, 1 - floor);
}

/** Mean entropy of probabilities that are clipped and then softened. */
function meanEntropy(probabilities: readonly number[], T: number, floor: number): number {
  const entropies = probabilities.map(given => {
    const p = Math.min(Math.max(given, floor), 1 - floor);
    const soft = sigmoid(Math.log(p / (1 - p)) / T);
    return -soft * Math.log(soft) - (1 - soft) * Math.log(1 - soft);
  });
  return entropies.reduce((sum, entropy) => sum + entropy, 0) / entropies.length;
}
