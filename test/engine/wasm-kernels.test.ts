import {beforeAll, describe, expect, it} from 'vitest';
import {startWasm} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {expectClose, noise, onBoth} from './on-backends.ts';

beforeAll(startWasm);

describe('WASM kernels for training', () => {
  it.each([
    [true, false],
    [false, true],
    [true, true],
    [false, false],
  ])('a product with operands transposed (%s, %s) is right, in batches too', async (transposeA, transposeB) => {
    const shape = (rows: number, columns: number, swap: boolean) => (swap ? [columns, rows] : [rows, columns]);
    for (const outer of [[], [3]]) {
      const product = () => {
        const a = noise([...outer, ...shape(5, 7, transposeA)], 5);
        const b = noise([...outer, ...shape(7, 4, transposeB)], 6);
        return tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, transposeA, transposeB);
      };
      expectClose(await onBoth('wasm', product));
    }
  });

  it('the gradient of gather sums rows that were taken twice', async () => {
    const rows = [
      [0, 2],
      [2, 2],
    ];
    const gradient = () => {
      const indices = tf.tensor2d(rows, [2, 2], 'int32');
      return tf.grad(x => tf.sum(tf.square(tf.gather(x, indices))))(noise([4, 3], 7));
    };
    expectClose(await onBoth('wasm', gradient));
  });

  it('batch normalization by known averages is that of the JavaScript backend, without scale or offset too', async () => {
    const normalized = () => {
      const [x, mean, offset] = [noise([2, 3, 4, 5], 1) as tf.Tensor4D, noise([5], 2), noise([5], 3)] as const;
      const [variance, scale] = [tf.square(noise([5], 4)), noise([5], 5)];
      const by = (offset?: tf.Tensor, scale?: tf.Tensor) =>
        tf.batchNorm(x, mean as tf.Tensor1D, variance as tf.Tensor1D, offset as tf.Tensor1D, scale as tf.Tensor1D);
      return [by(offset, scale), by(offset), by(undefined, scale), by()];
    };
    expectClose(await onBoth('wasm', normalized));
  });

  it('a clone outlives its original, and the original its clone', () => {
    const original = tf.tensor1d([1, 2, 3]);
    const [first, second] = [tf.clone(original), tf.clone(original)];
    original.dispose();
    expect([...first.dataSync()]).toEqual([1, 2, 3]);
    first.dispose();
    expect([...second.dataSync()]).toEqual([1, 2, 3]);
    second.dispose();
  });

  it('a clone of a variable keeps its values when the variable changes', () => {
    const variable = tf.variable(tf.tensor1d([1, 2]));
    const clone = tf.clone(variable);
    variable.assign(tf.tensor1d([3, 4]));
    expect([...clone.dataSync()]).toEqual([1, 2]);
  });

  it('texts can be cloned', () => {
    expect([...tf.clone(tf.tensor1d(['a', 'b'])).dataSync()]).toEqual(['a', 'b']);
  });

  it('leaves the handling of uncaught errors to the program', () => {
    const listeners = process.listeners('uncaughtException').map(String);
    expect(listeners.filter(source => source.includes('ExitStatus'))).toEqual([]);
  });
});
