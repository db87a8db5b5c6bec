import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {type DkdOptions, dkd, dkdLoss} from '../../src/losses/dkd.ts';
import {softLabelLoss} from '../../src/losses/soft-labels.ts';
import {pairOfLogits} from './arbitraries.ts';
import {batch, expectReference, golden, literature, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

const labelsOf = (teacher: number[][]) => teacher.map(row => row.indexOf(Math.max(...row)));

function loss(teacher: number[][], student: number[][], options?: DkdOptions, labels = labelsOf(teacher)): number {
  const y = tf.tensor1d(labels, 'int32');
  return tf.tidy(() => dkdLoss(tf.tensor2d(teacher), tf.tensor2d(student), y, options).dataSync()[0]!);
}

describe('the decoupled loss', () => {
  it.each([
    ['DKD a1 b0 T4 (TCKD)', {alpha: 1, beta: 0}],
    ['DKD a0 b1 T4 (NCKD)', {alpha: 0, beta: 1}],
    ['DKD a1 b8 T4', {}],
    ['DKD a1 b2 T4', {beta: 2}],
  ])("is the authors' value: %s", (name, options) => {
    expect(loss(golden.ZT, golden.ZS, options, golden.y)).toBeCloseTo(golden.values[name]!, 5);
  });

  it("has the authors' gradient", () => {
    const {teacher, student, labels} = batch();
    const gradient = golden.values['grad DKD a1 b8 T4'] as unknown as number[][];
    const published = {value: golden.values['DKD a1 b8 T4']!, gradient};
    expectReference(published, x => dkdLoss(teacher, x as tf.Tensor2D, labels), student);
    const {'DKD alpha 1, beta 2, T 4': second} = literature;
    expectReference(second!, x => dkdLoss(teacher, x as tf.Tensor2D, labels, {beta: 2}), student);
  });

  it('makes up the loss of soft labels, where the rest weighs as much as the teacher gives it', () => {
    fc.assert(
      fc.property(pairOfLogits(4), fc.double({min: 1, max: 8, noNaN: true}), ([teacher, student], temperature) => {
        // Row by row, since 1 − p of the label is another in each.
        const parts = teacher.map((row, index) => {
          const pair: [number[][], number[][]] = [[row], [student[index]!]];
          const [y] = labelsOf([row]);
          const scaled = row.map(value => Math.exp((value - row[y!]!) / temperature));
          const rest = 1 - 1 / scaled.reduce((sum, value) => sum + value);
          return loss(...pair, {alpha: 1, beta: rest, temperature});
        });
        const whole = tf.tidy(() => numberOf(softLabelLoss(tf.tensor2d(teacher), tf.tensor2d(student), {temperature})));
        const mean = parts.reduce((sum, part) => sum + part) / parts.length;
        expect(Math.abs(mean - whole)).toBeLessThan(1e-5 * temperature ** 2 + 1e-4 * whole);
      }),
      {numRuns: 50},
    );
  });

  it('is right, with its gradient, where the teacher or the student is as good as certain', () => {
    // By hand, T = 1: p = [1, e⁻⁴⁰, e⁻⁴¹], q = ⅓ each. TCKD = log 3, NCKD = KL([.7311, .2689] || [½, ½]).
    const certain = [[40, 0, -1]];
    const flat = [[0, 0, 0]];
    expect(loss(certain, flat, {temperature: 1, beta: 0})).toBeCloseTo(Math.log(3), 5);
    expect(loss(certain, flat, {temperature: 1, alpha: 0, beta: 1})).toBeCloseTo(0.110944, 5);
    // The other way round, log(1 − q) is −40 + log(1 + e⁻¹), where 1 − q is 0 in 32-bit floats.
    const expected = (1 / 3) * Math.log(1 / 3) + (2 / 3) * (Math.log(2 / 3) + 40 - Math.log1p(Math.exp(-1)));
    expect(loss(flat, certain, {temperature: 1, beta: 0})).toBeCloseTo(expected, 4);
    const gradient = tf.grad(x => dkdLoss(tf.tensor2d(flat), x as tf.Tensor2D, tf.tensor1d([0], 'int32')));
    for (const size of [40, 1000]) {
      const slopes = gradient(tf.tensor2d([[size, 0, -size]])).dataSync();
      expect(slopes.every(Number.isFinite)).toBe(true);
      expect(slopes[0]).toBeGreaterThan(0);
    }
  });

  it('has nothing to say of the others where there are only two classes', () => {
    const pair = [[[2, -1]], [[0.3, 0.8]]] as [number[][], number[][]];
    expect(loss(...pair, {beta: 100})).toBeCloseTo(loss(...pair, {beta: 0}), 6);
  });
});

describe('the decoupled term', () => {
  const valueAt = (progress: number | undefined, warmUp: number) => {
    const {teacher, student, labels} = batch();
    const {value} = dkd({warmUp}).prepare({teacher: {}, student: {}}, 1);
    const targets = {labels, logProbabilities: teacher, features: {}};
    const outputs = {logits: student, features: {}};
    return numberOf(value(targets, outputs, progress === undefined ? undefined : tf.scalar(progress)));
  };

  it("weighs 1 and takes the authors' α, β and T unless told otherwise", () => {
    expect(dkd()).toMatchObject({name: 'dkd', weight: 1, temperature: 4, needs: {kind: 'log-probabilities'}});
    expect(valueAt(undefined, 0.2)).toBeCloseTo(golden.values['DKD a1 b8 T4']!, 5);
  });

  it('grows over its share of the run, in a straight line, and stays', () => {
    const full = golden.values['DKD a1 b8 T4']!;
    for (const [progress, factor] of [
      [0, 0],
      [0.05, 0.25],
      [0.2, 1],
      [0.9, 1],
    ] as const) {
      expect(valueAt(progress, 0.2)).toBeCloseTo(factor * full, 5);
    }
    expect(valueAt(0, 0)).toBeCloseTo(full, 5);
  });

  it('refuses options that make no sense', () => {
    expect(() => dkd({alpha: -1})).toThrow('Expected `alpha` to be a number of at least 0, got -1.');
    expect(() => dkd({beta: Number.NaN})).toThrow('Expected `beta`');
    expect(() => dkd({warmUp: 20})).toThrow('Expected `warmUp` to be from 0 to 1, got 20.');
    expect(() => dkd({temperature: 0})).toThrow('Expected `temperature`');
  });
});
