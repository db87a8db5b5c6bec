import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {type RkdOptions, rkd, rkdLoss} from '../../src/losses/rkd.ts';
import {expectReference, features, golden, literature, numberOf} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

const distanceOnly = {distance: 1, angle: 0};
const angleOnly = {distance: 0, angle: 1};

function loss(teacher: number[][], student: number[][], options?: RkdOptions): number {
  return tf.tidy(() => rkdLoss(tf.tensor2d(teacher), tf.tensor2d(student), options).dataSync()[0]!);
}

describe('the relational loss', () => {
  it.each([
    ['RKD 25/50', 'RKD', {}],
    ['RKD dist only', 'RKD distances', distanceOnly],
    ['RKD angle only', 'RKD angles', angleOnly],
  ])("is the published code's value, with its gradient: %s", (published, second, options) => {
    const {teacher, student} = features();
    expect(loss(golden.ft, golden.fs, options)).toBeCloseTo(golden.values[published]!, 5);
    expectReference(literature[second]!, x => rkdLoss(teacher, x, options), student);
  });

  it('is blind to where the features lie, how far apart they are, and how they are turned', () => {
    const turn = fc.double({min: -3, max: 3, noNaN: true});
    const scale = fc.double({min: 0.3, max: 4, noNaN: true});
    const rows = golden.ft.map(row => row.slice(0, 2));
    const plain = loss(golden.fs, rows);
    fc.assert(
      fc.property(turn, scale, turn, (angle, by, move) => {
        const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
        const moved = rows.map(([x, y]) => [by * (cos * x! - sin * y!) + move, by * (sin * x! + cos * y!) - move]);
        expect(Math.abs(loss(golden.fs, moved) - plain)).toBeLessThan(1e-3);
      }),
      {numRuns: 30},
    );
  });

  it('grows in a straight line beyond a difference of 1, by hand', () => {
    // Distances [1, 1, 1] over their mean against [0.02, 2, 2] / 1.34: |1 − .0149| and |1 − 1.4925|, twice; then 0 of 9.
    const equilateral = [
      [0, 0],
      [1, 0],
      [0.5, Math.sqrt(0.75)],
    ];
    const narrow = [
      [0, 0],
      [0.02, 0],
      [0.01, Math.sqrt(4 - 1e-4)],
    ];
    const mean = (0.02 + 2 + 2) / 3;
    const expected = (2 * 0.5 * (1 - 0.02 / mean) ** 2 + 4 * 0.5 * (1 - 2 / mean) ** 2) / 9;
    expect(loss(equilateral, narrow, distanceOnly)).toBeCloseTo(expected, 5);
    // A far outlier: 2 · (d / mean) of it is close to 3 / 2 each, the close pair at 0; against 2, 2, … of another outlier.
    const line = [[0], [1], [1000]];
    const other = [[1000], [0], [1]];
    const d = (a: number) => a / ((1 + 999 + 1000) / 3);
    const ℓ = (x: number) => (Math.abs(x) < 1 ? x ** 2 / 2 : Math.abs(x) - 0.5);
    const byHand = (2 * (ℓ(d(1) - d(1000)) + ℓ(d(1000) - d(999)) + ℓ(d(999) - d(1)))) / 9;
    expect(loss(line, other, distanceOnly)).toBeCloseTo(byHand, 4);
  });

  it('is finite, with its gradient, for examples that are the same, all or some, and 0 for one alone', () => {
    const {teacher} = features();
    const gradient = (rows: number[][], from: tf.Tensor) =>
      tf
        .grad(x => rkdLoss(from, x))(tf.tensor2d(rows))
        .dataSync();
    for (const rows of [
      [
        [1, 2],
        [1, 2],
        [1, 2],
      ],
      [
        [1, 2],
        [1, 2],
        [5, 0],
      ],
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    ]) {
      expect(Number.isFinite(loss(golden.ft, rows))).toBe(true);
      expect(gradient(rows, teacher).every(Number.isFinite)).toBe(true);
      expect(Number.isFinite(loss(rows, golden.fs))).toBe(true);
    }
    expect(loss([[1, 2, 3]], [[4, 5]])).toBe(0);
    expect([...gradient([[4, 5]], tf.tensor2d([[1, 2, 3]]))].map(Math.abs)).toEqual([0, 0]);
  });

  it('keeps its digits where the features lie far from the origin', () => {
    const far = golden.fs.map(row => row.map(value => value + 300));
    expect(loss(golden.ft, far)).toBeCloseTo(golden.values['RKD 25/50']!, 3);
  });
});

describe('the relational term', () => {
  it('weighs 1, takes any two layers and has no variables', () => {
    const term = rkd({teacher: 'fc', student: 'hidden'});
    const needs = {kind: 'logits', features: ['fc']};
    expect(term).toMatchObject({name: 'rkd (fc to hidden)', weight: 1, needs, studentFeatures: ['hidden']});
    const {variables, value} = term.prepare({teacher: {fc: [4]}, student: {hidden: [3]}}, 1);
    expect(variables).toEqual([]);
    const {teacher, student} = features();
    const targets = {labels: tf.tensor1d(golden.y, 'int32'), features: {fc: teacher}};
    const found = value(targets, {logits: tf.tensor2d(golden.ZS), features: {hidden: student}});
    expect(numberOf(found)).toBeCloseTo(golden.values['RKD 25/50']!, 5);
  });

  it('refuses weights that make no sense', () => {
    expect(() => rkd({teacher: 'fc', student: 'hidden', distance: -25})).toThrow('Expected `distance`');
    expect(() => rkd({teacher: 'fc', student: 'hidden', angle: Number.NaN})).toThrow('Expected `angle`');
  });
});
