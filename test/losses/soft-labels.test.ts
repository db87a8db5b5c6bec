import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {type SoftLabelOptions, softLabelLoss, softLabels} from '../../src/losses/soft-labels.ts';
import {logits, pairOfLogits} from './arbitraries.ts';
import {expectGradientByDifferences, golden, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

function loss(teacher: number[][], student: number[][], options?: SoftLabelOptions): number {
  return tf.tidy(() => softLabelLoss(tf.tensor2d(teacher), tf.tensor2d(student), options).dataSync()[0]!);
}

const temperature = fc.double({min: 0.5, max: 10, noNaN: true});
const direction = fc.constantFrom('forward' as const, 'reverse' as const);
const runs = {numRuns: 50};

describe('the loss of soft labels', () => {
  it.each([1, 4, 20])('is the published value at T = %d', T => {
    // T² multiplies the rounding of 32-bit floats too, which differs between engines.
    const expected = golden.values[`KD T=${T}`]! / T ** 2;
    expect(loss(golden.ZT, golden.ZS, {temperature: T}) / T ** 2).toBeCloseTo(expected, 6);
  });

  it('softens with T = 4 unless told otherwise', () => {
    expect(loss(golden.ZT, golden.ZS)).toBeCloseTo(golden.values['KD T=4']!, 5);
  });

  it('is the mean over the batch and not over batch times classes', () => {
    const overAll = golden.values['KLDivLoss(mean)*T^2 T=4']!;
    expect(loss(golden.ZT, golden.ZS)).toBeCloseTo(4 * overAll, 5);
  });

  it('has the published gradient', () => {
    const gradient = tf.grad(student => softLabelLoss(tf.tensor2d(golden.ZT), student as tf.Tensor2D));
    const values = gradient(tf.tensor2d(golden.ZS)).dataSync();
    for (const [index, expected] of golden.gradient.entries()) expect(values[index]).toBeCloseTo(expected, 5);
  });

  it('is KL(student || teacher) where it is reversed', () => {
    const reverse = loss(golden.ZT, golden.ZS, {direction: 'reverse'});
    expect(reverse).toBeCloseTo(golden.values['revKL T=4 *T^2']!, 5);
    expect(reverse).toBeCloseTo(loss(golden.ZS, golden.ZT), 5);
  });

  it('leaves out T² where it is told to', () => {
    const unscaled = loss(golden.ZT, golden.ZS, {temperature: 2, scaleByT2: false});
    expect(unscaled).toBeCloseTo(golden.values['full KL T=2 (no T^2)']!, 5);
  });

  it('has the gradient that differences show, in both directions', () => {
    for (const options of [{}, {temperature: 1}, {direction: 'reverse'}] satisfies SoftLabelOptions[]) {
      const byStudent = (x: tf.Tensor) => softLabelLoss(tf.tensor2d(golden.ZT), x as tf.Tensor2D, options);
      expectGradientByDifferences(byStudent, tf.tensor2d(golden.ZS));
    }
  });

  it('is blind to a constant added to a row of either side', () => {
    fc.assert(
      fc.property(pairOfLogits(), temperature, direction, ([teacher, student], T, direction) => {
        const shifted = (rows: number[][], by: number) => rows.map((row, index) => row.map(x => x + by * (index + 1)));
        const options = {temperature: T, direction};
        const plain = loss(teacher, student, options);
        expect(Math.abs(plain - loss(shifted(teacher, 3), shifted(student, -2), options))).toBeLessThan(3e-3);
      }),
      runs,
    );
  });

  it('is the same for log-probabilities as for the logits they come from', () => {
    fc.assert(
      fc.property(pairOfLogits(), temperature, direction, ([teacher, student], T, direction) => {
        const logP = tf.tidy(() => tf.logSoftmax(tf.tensor2d(teacher)).arraySync() as number[][]);
        const options = {temperature: T, direction};
        expect(Math.abs(loss(teacher, student, options) - loss(logP, student, options))).toBeLessThan(1e-3);
      }),
      runs,
    );
  });

  it('is zero, with no gradient, where the student equals the teacher', () => {
    fc.assert(
      fc.property(logits(), temperature, direction, (rows, T, direction) => {
        const options = {temperature: T, direction};
        expect(Math.abs(loss(rows, rows, options))).toBeLessThan(1e-6);
        const gradient = tf.tidy(() =>
          tf
            .grad(x => softLabelLoss(tf.tensor2d(rows), x as tf.Tensor2D, options))(tf.tensor2d(rows))
            .dataSync(),
        );
        for (const slope of gradient) expect(Math.abs(slope)).toBeLessThan(1e-4);
      }),
      runs,
    );
  });

  it('is never negative beyond rounding', () => {
    fc.assert(
      fc.property(pairOfLogits(), temperature, direction, ([teacher, student], T, direction) => {
        expect(loss(teacher, student, {temperature: T, direction})).toBeGreaterThan(-1e-4);
      }),
      runs,
    );
  });

  it('goes to half the mean squared difference of centred logits as T grows', () => {
    // Rows 0 and 1; Hinton et al. (2015), section 2.1. 32-bit floats see the limit at T = 50, no longer at 1000.
    const [teacher, student] = [golden.ZT.slice(0, 2), golden.ZS.slice(0, 2)];
    const distances = [1, 5, 50].map(temperature => Math.abs(loss(teacher, student, {temperature}) - 0.413594));
    expect(distances[2]).toBeLessThan(3e-3);
    expect(distances[0]).toBeGreaterThan(5 * distances[2]!);
  });

  it('stays finite for logits far apart', () => {
    expect(loss([[1000, -1000]], [[-1000, 1000]], {temperature: 1})).toBeCloseTo(2000, 1);
  });

  it('leaves no tensor behind but its value', () => {
    const [teacher, student] = [tf.tensor2d(golden.ZT), tf.tensor2d(golden.ZS)];
    const before = tf.memory().numTensors;
    const value = softLabelLoss(teacher, student);
    expect(tf.memory().numTensors).toBe(before + 1);
    value.dispose();
  });
});

describe('the term of soft labels', () => {
  it('computes its loss from the log-probabilities of the targets', () => {
    const options = {temperature: 2, direction: 'reverse', scaleByT2: false} as const;
    const term = softLabels({weight: 0.9, ...options}).prepare({teacher: {}, student: {}}, 1);
    const logProbabilities = tf.tensor2d(golden.ZT);
    const labels = tf.tensor1d(golden.y, 'int32');
    const value = term.value({labels, logProbabilities, features: {}}, {logits: tf.tensor2d(golden.ZS), features: {}});
    expect(numberOf(value)).toBeCloseTo(loss(golden.ZT, golden.ZS, options), 6);
  });

  it('weighs 1, softens with T = 4 and needs log-probabilities', () => {
    const expected = {name: 'soft-labels', weight: 1, temperature: 4, needs: {kind: 'log-probabilities'}};
    expect(softLabels()).toMatchObject(expected);
    expect(softLabels({temperature: 2}).temperature).toBe(2);
    expect(softLabels({weight: 0.9}).weight).toBe(0.9);
  });

  it('refuses a temperature that is no temperature', () => {
    for (const T of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => softLabels({temperature: T})).toThrow(`Expected \`temperature\` to be a number above 0, got ${T}.`);
    }
  });
});
