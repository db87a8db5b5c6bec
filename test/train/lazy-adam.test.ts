import {readFileSync} from 'node:fs';
import {array, assert, double, property} from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import type {RowSelection} from '../../src/engine/row-kernels.ts';
import {tf} from '../../src/engine/tf.ts';
import {adam} from '../../src/train/optimizer.ts';

type Matrix = number[][];

const golden = JSON.parse(readFileSync(new URL('../fixtures/train/optimizers.json', import.meta.url), 'utf8'))[
  'sparse adam'
] as {start: Matrix; steps: {rows: number[]; gradients: Matrix; weights: Matrix}[]};

beforeAll(startEngine);

/** A sum a row, so that the gradient of the sums is that of the rows. */
const each = (rows: readonly number[]): RowSelection => ({
  count: rows.length,
  columns: Int32Array.from(rows),
  starts: Int32Array.from({length: rows.length + 1}, (_, index) => index),
  values: new Float32Array(rows.length).fill(1),
});

const flat = (gradients: Matrix): Float32Array => Float32Array.from(gradients.flat());

function expectClose(values: ArrayLike<number>, expected: readonly number[], digits: number): void {
  expect(values.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) expect(values[index]).toBeCloseTo(value, digits);
}

describe('lazy Adam', () => {
  it('walks the path of SparseAdam in PyTorch', () => {
    const matrix = tf.variable(tf.tensor2d(golden.start));
    const running = adam({learningRate: 0.05}).startRows!(matrix);
    for (const {rows, gradients, weights} of golden.steps) {
      running.apply(each(rows), flat(gradients), 0.05);
      expectClose(running.sums(each([0, 1, 2, 3, 4])), weights.flat(), 5);
    }
    running.sync('weights');
    expectClose(matrix.dataSync(), golden.steps.at(-1)!.weights.flat(), 5);
    running.dispose();
    matrix.dispose();
  });

  it('is Adam if each step touches all rows', () => {
    const gradient = array(array(double({min: -2, max: 2, noNaN: true}), {minLength: 3, maxLength: 3}), {
      minLength: 2,
      maxLength: 2,
    });
    assert(
      property(array(gradient, {minLength: 1, maxLength: 5}), steps => {
        const [dense, lazy] = [tf.variable(tf.ones([2, 3])), tf.variable(tf.ones([2, 3]))];
        const [optimizer, rate] = [adam({learningRate: 0.1}), tf.scalar(0.1)];
        const [all, rows] = [optimizer.start([dense]), optimizer.startRows!(lazy)];
        for (const step of steps) {
          tf.tidy(() => all.apply([tf.tensor2d(step)], rate));
          rows.apply(each([0, 1]), flat(step), 0.1);
        }
        rows.sync('weights');
        expectClose(lazy.dataSync(), [...dense.dataSync()], 4);
        all.dispose();
        rows.dispose();
        tf.dispose([dense, lazy, rate]);
      }),
      {numRuns: 20},
    );
  });

  it('goes on from its slots as if it had not been left', () => {
    const matrix = tf.variable(tf.tensor2d(golden.start));
    const optimizer = adam({learningRate: 0.05});
    const before = optimizer.startRows!(matrix);
    for (const {rows, gradients} of golden.steps.slice(0, 3)) before.apply(each(rows), flat(gradients), 0.05);
    before.sync('all');
    const after = optimizer.startRows!(matrix);
    for (const [index, slot] of after.slots.entries()) slot.assign(before.slots[index]!);
    for (const {rows, gradients} of golden.steps.slice(3)) {
      before.apply(each(rows), flat(gradients), 0.05);
      after.apply(each(rows), flat(gradients), 0.05);
    }
    const all = each([0, 1, 2, 3, 4]);
    expect(after.sums(all)).toEqual(before.sums(all));
    before.dispose();
    after.dispose();
    matrix.dispose();
  });

  it('is not for weights that decay, which move in every step', () => {
    expect(adam({weightDecay: 0.1}).startRows).toBeUndefined();
  });
});
