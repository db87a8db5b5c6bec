import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {type DistOptions, dist, distLoss} from '../../src/losses/dist.ts';
import {batch, expectReference, golden, literature, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

function loss(teacher: number[][], student: number[][], options?: DistOptions): number {
  return tf.tidy(() => distLoss(tf.tensor2d(teacher), tf.tensor2d(student), options).dataSync()[0]!);
}

/** The gradient by the student. */
function slopes(teacher: number[][], student: number[][], options?: DistOptions): number[] {
  const byStudent = (x: tf.Tensor) => distLoss(tf.tensor2d(teacher), x as tf.Tensor2D, options);
  return tf.tidy(() => [...tf.grad(byStudent)(tf.tensor2d(student)).dataSync()]);
}

describe('the loss of relations', () => {
  it.each([
    [1, 1],
    [1, 0],
    [4, 1],
    [4, 0],
  ])("is the authors' value, with its gradient, at T = %d and γ = %d", (temperature, gamma) => {
    const published = golden.values[`DIST b1 g${gamma} tau=${temperature}`]!;
    const found = loss(golden.ZT, golden.ZS, {temperature, gamma});
    expect(Math.abs(found - published)).toBeLessThan(1e-5 * Math.max(1, published));
    const {teacher, student} = batch();
    const reference = literature[`DIST beta 1, gamma ${gamma}, T ${temperature}`]!;
    expectReference(reference, x => distLoss(teacher, x as tf.Tensor2D, {temperature, gamma}), student);
  });

  it('is blind to how far the probabilities of a row are from even', () => {
    // q = ⅓ + s · (p − ⅓) for any s: the correlation between classes is 1.
    const p = [0.6, 0.3, 0.1];
    for (const s of [0.1, 0.5, 0.9]) {
      const student = [p.map(value => Math.log(1 / 3 + s * (value - 1 / 3)))];
      expect(loss([p.map(Math.log)], student, {temperature: 1, gamma: 0})).toBeCloseTo(0, 5);
    }
  });

  it('is zero, with no gradient, where the student is the teacher', () => {
    expect(loss(golden.ZT, golden.ZT)).toBeCloseTo(0, 4);
    for (const slope of slopes(golden.ZT, golden.ZT)) expect(Math.abs(slope)).toBeLessThan(1e-4);
  });

  it('is at most 2T²(β + γ), where all is the other way round', () => {
    const teacher = [
      [3, -3],
      [-3, 3],
    ];
    const opposite = teacher.map(row => row.map(value => -value));
    expect(loss(teacher, opposite, {temperature: 1})).toBeCloseTo(4, 5);
  });

  it('has no gradient, and never NaN, where there is nothing to relate: one example, even rows, equal rows', () => {
    const within = {beta: 0, gamma: 1};
    expect(loss([[1, 2, 3]], [[0, 1, 5]], {...within, temperature: 2})).toBeCloseTo(4, 5);
    expect(slopes([[1, 2, 3]], [[0, 1, 5]], within).map(Math.abs)).toEqual([0, 0, 0]);
    const even = [
      [0, 0, 0],
      [0, 0, 0],
    ];
    for (const options of [{}, within]) {
      expect(slopes(even, even, options).every(Number.isFinite)).toBe(true);
      expect(
        slopes(
          golden.ZT.slice(0, 2),
          [
            [2, 2, 2, 2],
            [2, 2, 2, 2],
          ],
          options,
        ).every(Number.isFinite),
      ).toBe(true);
    }
  });

  it('moves one example towards its teacher by the classes alone', () => {
    const [first, second, third] = slopes([[5, 0, 0]], [[0, 5, 0]]);
    expect(first).toBeLessThan(0);
    expect(second).toBeGreaterThan(0);
    expect(Math.abs(first! + second! + third!)).toBeLessThan(1e-5);
  });

  it('says nothing sure of the examples in a batch of two: each class correlates by 1 or −1', () => {
    const pair = fc.array(fc.array(fc.double({min: -3, max: 3, noNaN: true}), {minLength: 2, maxLength: 2}), {
      minLength: 2,
      maxLength: 2,
    });
    const isApart = ([a, b]: number[][]) => Math.abs(a![0]! - a![1]! - b![0]! + b![1]!) > 0.1;
    fc.assert(
      fc.property(pair.filter(isApart), pair.filter(isApart), (teacher, student) => {
        const value = loss(teacher, student, {temperature: 1, beta: 0});
        expect(Math.min(Math.abs(value), Math.abs(value - 2))).toBeLessThan(1e-3);
      }),
      {numRuns: 30},
    );
  });
});

describe('the term of relations', () => {
  it('weighs 2 and takes T = 4 and β = γ = 1 unless told otherwise', () => {
    expect(dist()).toMatchObject({name: 'dist', weight: 2, temperature: 4, needs: {kind: 'log-probabilities'}});
    const {teacher, student, labels} = batch();
    const value = numberOf(dist().compare({teacher, student, labels}, 4));
    expect(value).toBeCloseTo(golden.values['DIST b1 g1 tau=4']!, 4);
  });

  it('refuses options that make no sense', () => {
    expect(() => dist({beta: -1})).toThrow('Expected `beta` to be a number of at least 0, got -1.');
    expect(() => dist({gamma: Number.POSITIVE_INFINITY})).toThrow('Expected `gamma`');
    expect(() => dist({temperature: 0})).toThrow('Expected `temperature`');
  });
});
