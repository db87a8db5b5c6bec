import fc from 'fast-check';
import {beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {startWasm} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {expectAdjoint, expectClose, noise, onBoth} from './on-backends.ts';

beforeAll(startWasm);
beforeEach(async () => {
  await tf.setBackend('wasm');
});

/** A length of 3 to 9, a window of 1 to 3 and a stride of 1 to 3 an axis. */
const axes = (rank: number) =>
  fc.record({
    size: fc.array(fc.integer({min: 3, max: 9}), {minLength: rank, maxLength: rank}),
    window: fc.array(fc.integer({min: 1, max: 3}), {minLength: rank, maxLength: rank}),
    strides: fc.array(fc.integer({min: 1, max: 3}), {minLength: rank, maxLength: rank}),
    channels: fc.integer({min: 1, max: 3}),
    pad: fc.constantFrom('same' as const, 'valid' as const),
  });

/** Two-dimensional or three-dimensional pooling, as one function. */
function pooling(kind: 'max' | 'average', rank: number) {
  type Pool = (x: tf.Tensor, window: number[], strides: number[], pad: 'same' | 'valid') => tf.Tensor;
  const pools = {max: [tf.maxPool, tf.maxPool3d], average: [tf.avgPool, tf.avgPool3d]};
  return pools[kind][rank - 2] as unknown as Pool;
}

describe.each(['max', 'average'] as const)('%s pooling on the WASM engine', kind => {
  it('in two dimensions is that of the JavaScript backend', async () => {
    const pool = pooling(kind, 2);
    await fc.assert(
      fc.asyncProperty(axes(2), async ({size, window, strides, channels, pad}) => {
        expectClose(await onBoth('wasm', () => pool(noise([2, ...size, channels], 8), window, strides, pad)));
      }),
      {numRuns: 60},
    );
  });

  it('in three dimensions is that of the JavaScript backend if windows cover their stride', async () => {
    const pool = pooling(kind, 3);
    await fc.assert(
      fc.asyncProperty(axes(3), async ({size, window, strides, channels, pad}) => {
        fc.pre(pad === 'valid' || window.every((length, axis) => length >= strides[axis]!));
        expectClose(await onBoth('wasm', () => pool(noise([2, ...size, channels], 8), window, strides, pad)));
      }),
      {numRuns: 40},
    );
  });

  it.each([2, 3])('in %i dimensions gives each window’s gradient to the inputs that made its output', rank => {
    const pool = pooling(kind, rank);
    fc.assert(
      fc.property(axes(rank), ({size, window, strides, channels, pad}) => {
        tf.tidy(() => {
          const [x, z] = [8, 9].map(seed => noise([2, ...size, channels], seed)) as [tf.Tensor, tf.Tensor];
          // The largest of a window is a linear function only as long as it stays the largest.
          expectAdjoint(x => pool(x, window, strides, pad), x, kind === 'max' ? x : z);
        });
      }),
      {numRuns: 100},
    );
  });
});

describe('max pooling on the WASM engine', () => {
  it('the gradient in two dimensions is that of the JavaScript backend', async () => {
    await fc.assert(
      fc.asyncProperty(axes(2), async ({size, window, strides, channels, pad}) => {
        const pool = (x: tf.Tensor) => pooling('max', 2)(x, window, strides, pad);
        const gradient = () => tf.grad(x => tf.sum(tf.square(pool(x))))(noise([2, ...size, channels], 8));
        expectClose(await onBoth('wasm', gradient));
      }),
      {numRuns: 60},
    );
  });

  it('a window whose largest value is not above 0 gets its gradient too', () => {
    const flat = tf.tensor4d([-3, -1, -2, -4], [1, 2, 2, 1]);
    const gradient = tf.grad(x => tf.sum(tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid')))(flat);
    expect([...gradient.dataSync()]).toEqual([0, 1, 0, 0]);
    const deep = tf.tensor5d([-3, -2, -1, -4, -5, -6, -7, -8], [1, 2, 2, 2, 1]);
    const pool = (x: tf.Tensor) => tf.maxPool3d(x as tf.Tensor5D, 2, 2, 'valid');
    expect([...pool(deep).dataSync()]).toEqual([-1]);
    expect([
      ...tf
        .grad(x => tf.sum(pool(x)))(deep)
        .dataSync(),
    ]).toEqual([0, 0, 1, 0, 0, 0, 0, 0]);
  });

  it('the first of equal values gets the gradient', () => {
    const gradient = tf.grad(x => tf.sum(tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid')))(tf.ones([1, 2, 2, 1]));
    expect([...gradient.dataSync()]).toEqual([1, 0, 0, 0]);
  });

  it('padding in numbers counts in three dimensions', async () => {
    for (const kind of ['max', 'average'] as const) {
      const output = () => pooling(kind, 3)(noise([1, 4, 4, 4, 2], 1), [2, 2, 2], [2, 2, 2], 1 as unknown as 'same');
      expectClose(await onBoth('wasm', output));
    }
  });

  it('gradients leave no tensor behind', () => {
    const x = noise([2, 6, 6, 6, 3], 1);
    const gradients = () => {
      const pools = (x: tf.Tensor) => [
        tf.maxPool3d(x as tf.Tensor5D, 3, 2, 'same'),
        tf.avgPool3d(x as tf.Tensor5D, 3, 2, 'same'),
      ];
      tf.dispose(tf.grad(x => tf.sum(tf.addN(pools(x))))(x));
    };
    gradients();
    const before = tf.memory();
    gradients();
    expect(tf.memory()).toEqual(before);
    expect(tf.backend().numDataIds()).toBe(before.numDataBuffers);
  });
});
