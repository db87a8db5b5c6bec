import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {centredLogits} from '../../src/losses/centred-logits.ts';
import {dist} from '../../src/losses/dist.ts';
import {dkd} from '../../src/losses/dkd.ts';
import {jensenShannon} from '../../src/losses/jensen-shannon.ts';
import {learnedTemperature} from '../../src/losses/learned-temperature.ts';
import type {LossTerm} from '../../src/losses/loss.ts';
import {nkd} from '../../src/losses/nkd.ts';
import {quantised} from '../../src/losses/quantised.ts';
import {softLabels} from '../../src/losses/soft-labels.ts';
import {standardised} from '../../src/losses/standardised.ts';
import {ttm} from '../../src/losses/ttm.ts';
import {logits, pairOfLogits} from './arbitraries.ts';
import {batch, expectGradientByDifferences, golden} from './engine.ts';

beforeAll(async () => {
  await startEngine();
});

/** Zero where the student is the teacher. */
const divergences: readonly (readonly [string, () => LossTerm])[] = [
  ['softLabels', () => softLabels()],
  ['softLabels, reverse', () => softLabels({direction: 'reverse', temperature: 2})],
  ['dkd', () => dkd()],
  ['jensenShannon', () => jensenShannon({beta: 0.3, temperature: 2})],
  ['jensenShannon, β = 0', () => jensenShannon({beta: 0})],
  ['jensenShannon, β = 1', () => jensenShannon({beta: 1})],
  ['centredLogits', () => centredLogits()],
  ['standardised softLabels', () => standardised()],
  ['standardised dkd', () => standardised(dkd({temperature: 2}))],
  ['learnedTemperature softLabels', () => learnedTemperature()],
  ['learnedTemperature standardised dkd', () => learnedTemperature(standardised(dkd()), {span: 4})],
];

/** All losses of whole distributions. */
const terms: typeof divergences = [
  ...divergences,
  // Of classes that are as good as impossible in the whole batch it finds no relation, not even to themselves.
  ['dist', () => dist({temperature: 2})],
  ['ttm', () => ttm({weighted: false})],
  ['wttm', () => ttm()],
  ['nkd', () => nkd({temperature: 2})],
  ['quantised softLabels', () => quantised(softLabels(), {decimals: 2})],
];

/** The term's value as a function of both sides' logits; labels are the teacher's most probable classes. */
function lossOf(term: LossTerm): (teacher: tf.Tensor, student: tf.Tensor) => tf.Scalar {
  const {value} = term.prepare({teacher: {}, student: {}}, 1);
  return (teacher, student) => {
    const labels = tf.argMax(teacher, 1) as tf.Tensor1D;
    const targets = {labels, logProbabilities: teacher as tf.Tensor2D, features: {}};
    return value(targets, {logits: student as tf.Tensor2D, features: {}});
  };
}

const read = (loss: ReturnType<typeof lossOf>, teacher: number[][], student: number[][]): number =>
  tf.tidy(() => loss(tf.tensor2d(teacher), tf.tensor2d(student)).dataSync()[0]!);
const shifted = (rows: number[][], by: number) => rows.map((row, index) => row.map(value => value + by * (index + 1)));
const spread = (row: number[]): number => Math.max(...row) - Math.min(...row);
/** Two classes of nearly the same logit may change places by rounding, and with them the label. */
const hasClearLabel = (row: number[]): boolean => {
  const [first, second] = [...row].sort((a, b) => b - a);
  return first! - second! > 1e-2;
};
/** Whether each class differs between the rows, where there are several. */
const hasApartColumns = (rows: number[][]): boolean =>
  rows.length === 1 || rows[0]!.every((_, column) => spread(rows.map(row => row[column]!)) > 0.1);
/** No row and no column that is all but even: to divide by the spread of such is to multiply the rounding. */
const pairs = pairOfLogits(4).filter(
  ([teacher, student]) =>
    teacher.every(hasClearLabel) &&
    student.every(row => spread(row) > 0.5) &&
    [teacher, student].every(hasApartColumns),
);
const runs = {numRuns: 40};
const near = (expected: number, tolerance: number) => tolerance * Math.max(1, Math.abs(expected));

describe.each(terms)('the loss of %s', (_, make) => {
  it('is blind to a constant added to a row of either side', () => {
    const loss = lossOf(make());
    fc.assert(
      fc.property(pairs, ([teacher, student]) => {
        const plain = read(loss, teacher, student);
        const moved = read(loss, shifted(teacher, 3), shifted(student, -2));
        expect(Math.abs(moved - plain)).toBeLessThan(near(plain, 3e-3));
      }),
      runs,
    );
  });

  it('is the same for log-probabilities as for the logits they come from, and so is its gradient', () => {
    const loss = lossOf(make());
    fc.assert(
      fc.property(pairs, ([teacher, student]) => {
        tf.tidy(() => {
          const z = tf.tensor2d(teacher);
          const [of, ofLog] = [z, tf.logSoftmax(z)].map(rows => {
            const {value, grad} = tf.valueAndGrad(x => loss(rows, x))(tf.tensor2d(student));
            return {value: value.dataSync()[0]!, slopes: grad.dataSync()};
          });
          expect(Math.abs(of!.value - ofLog!.value)).toBeLessThan(near(of!.value, 3e-3));
          for (const [index, slope] of of!.slopes.entries()) {
            expect(Math.abs(slope - ofLog!.slopes[index]!)).toBeLessThan(near(slope, 3e-3));
          }
        });
      }),
      runs,
    );
  });

  it('has the gradient that differences show', () => {
    const {teacher, student} = batch();
    const loss = lossOf(make());
    expectGradientByDifferences(x => loss(teacher, x), student, 5e-3);
  });

  it('is never negative beyond rounding', () => {
    const loss = lossOf(make());
    fc.assert(
      fc.property(pairs, ([teacher, student]) => {
        expect(read(loss, teacher, student)).toBeGreaterThan(-1e-3);
      }),
      runs,
    );
  });

  it('stays finite, with its gradient, for logits far apart', () => {
    const loss = lossOf(make());
    const {value, grad} = tf.valueAndGrad(x => loss(tf.tensor2d([[300, 0, -300]]), x))(tf.tensor2d([[-300, 0, 300]]));
    expect(Number.isFinite(value.dataSync()[0])).toBe(true);
    expect(grad.dataSync().every(Number.isFinite)).toBe(true);
  });

  it('is the mean over the batch: rows twice over change nothing', () => {
    const loss = lossOf(make());
    const [teacher, student] = [golden.ZT, golden.ZS];
    const once = read(loss, teacher, student);
    expect(Math.abs(read(loss, [...teacher, ...teacher], [...student, ...student]) - once)).toBeLessThan(
      near(once, 1e-5),
    );
  });

  it('leaves nothing behind but its value', () => {
    const {teacher, student, labels} = batch();
    const {variables, value} = make().prepare({teacher: {}, student: {}}, 1);
    const before = tf.memory().numTensors;
    value({labels, logProbabilities: teacher, features: {}}, {logits: student, features: {}}).dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([...variables]);
    expect(tf.memory().numTensors).toBe(before - variables.length);
  });
});

describe.each(divergences)('the divergence of %s', (_, make) => {
  it('is zero, with no gradient, where the student is the teacher', () => {
    const loss = lossOf(make());
    const rows = logits().filter(rows => rows.length > 1 && rows.every(row => spread(row) > 0.5 && hasClearLabel(row)));
    fc.assert(
      fc.property(rows, rows => {
        const [value, slopes] = tf.tidy(() => {
          const {value, grad} = tf.valueAndGrad(x => loss(tf.tensor2d(rows), x))(tf.tensor2d(rows));
          return [value.dataSync()[0]!, grad.dataSync()] as const;
        });
        expect(Math.abs(value)).toBeLessThan(1e-4);
        for (const slope of slopes) expect(Math.abs(slope)).toBeLessThan(2e-3);
      }),
      runs,
    );
  });
});

describe.each(terms.filter(([name]) => name !== 'dist'))('%s', (_, make) => {
  it('leaves out inputs of weight 0', () => {
    const {value} = make().prepare({teacher: {}, student: {}}, 1);
    const [first, second, made] = [
      [1, -2, 0.5, 3],
      [0, 2, -1, 1],
      [9, -9, 4, 0],
    ];
    const lossFor = (teacher: number[][], weights?: number[]) =>
      tf.tidy(() => {
        const logProbabilities = tf.logSoftmax(tf.tensor2d(teacher)) as tf.Tensor2D;
        const student = tf.tensor2d(teacher.map((row, index) => row.map((logit, at) => logit * 0.5 - at + index)));
        const labels = tf.argMax(logProbabilities, 1) as tf.Tensor1D;
        const targets = {labels, logProbabilities, features: {}, weights: weights && tf.tensor1d(weights)};
        return value(targets, {logits: student, features: {}}).dataSync()[0]!;
      });
    const alone = lossFor([first!, second!]);
    expect(lossFor([first!, second!, made!], [1, 1, 0])).toBeCloseTo(alone, 4);
    expect(lossFor([first!, second!, made!])).not.toBeCloseTo(alone, 4);
    expect(lossFor([first!, second!], [0, 0])).toBeCloseTo(0, 12);
  });
});
