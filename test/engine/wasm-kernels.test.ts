import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {tf} from '../../src/engine/tf.ts';
import {startWasm} from '../../src/engine/wasm.ts';

beforeAll(async () => {
  // The JavaScript backend would greet with advice.
  tf.env().set('IS_TEST', true);
  await startWasm();
});

/** The same computation on the WASM engine and on the plain JavaScript backend, which is slow and right. */
async function onBoth(compute: () => tf.Tensor): Promise<[ArrayLike<number>, ArrayLike<number>]> {
  const values: ArrayLike<number>[] = [];
  for (const backend of ['wasm', 'cpu']) {
    await tf.setBackend(backend);
    values.push(tf.tidy(() => compute().dataSync()));
  }
  await tf.setBackend('wasm');
  return values as [ArrayLike<number>, ArrayLike<number>];
}

function expectClose([actual, expected]: [ArrayLike<number>, ArrayLike<number>]): void {
  expect(actual.length).toBe(expected.length);
  for (let index = 0; index < expected.length; index++) {
    const difference = Math.abs(actual[index]! - expected[index]!) / (1 + Math.abs(expected[index]!));
    expect(difference, `value ${index}`).toBeLessThan(1e-4);
  }
}

const noise = (shape: number[], seed: number) => tf.randomNormal(shape, 0, 1, 'float32', seed);

describe('WASM kernels for training', () => {
  it('any 2-d convolution and its filter gradient are those of the JavaScript backend', async () => {
    const convolution = fc.record({
      batch: fc.integer({min: 1, max: 3}),
      size: fc.tuple(fc.integer({min: 3, max: 9}), fc.integer({min: 3, max: 9})),
      channels: fc.tuple(fc.integer({min: 1, max: 4}), fc.integer({min: 1, max: 4})),
      filter: fc.tuple(fc.integer({min: 1, max: 3}), fc.integer({min: 1, max: 3})),
      strides: fc.integer({min: 1, max: 3}),
      pad: fc.constantFrom('same' as const, 'valid' as const, 1),
    });
    await fc.assert(
      fc.asyncProperty(convolution, async ({batch, size, channels, filter, strides, pad}) => {
        const gradient = () => {
          const x = noise([batch, ...size, channels[0]], 3) as tf.Tensor4D;
          const w = noise([...filter, ...channels], 4);
          const loss = (w: tf.Tensor) => tf.sum(tf.square(tf.conv2d(x, w as tf.Tensor4D, strides, pad)));
          return tf.grad(loss)(w);
        };
        // With a number as padding TensorFlow.js takes the width's output for the height's, and wants windows to fit.
        const fits = size.every((length, axis) => (length + 2 - filter[axis]!) % strides === 0);
        fc.pre(pad !== 1 || (filter[0] === filter[1] && fits));
        expectClose(
          await onBoth(() =>
            tf.conv2d(
              noise([batch, ...size, channels[0]], 3) as tf.Tensor4D,
              noise([...filter, ...channels], 4) as tf.Tensor4D,
              strides,
              pad,
            ),
          ),
        );
        expectClose(await onBoth(gradient));
      }),
      {numRuns: 100},
    );
  });

  it.each(['max', 'average'] as const)('the gradient of %s pooling is that of the JavaScript backend', async kind => {
    const pooling = fc.record({
      size: fc.tuple(fc.integer({min: 3, max: 9}), fc.integer({min: 3, max: 9})),
      channels: fc.integer({min: 1, max: 3}),
      window: fc.integer({min: 1, max: 3}),
      strides: fc.integer({min: 1, max: 3}),
      pad: fc.constantFrom('same' as const, 'valid' as const),
    });
    await fc.assert(
      fc.asyncProperty(pooling, async ({size, channels, window, strides, pad}) => {
        const pool = kind === 'max' ? tf.maxPool : tf.avgPool;
        const gradient = () => {
          const x = noise([2, ...size, channels], 8);
          const loss = (x: tf.Tensor) => tf.sum(tf.square(pool(x as tf.Tensor4D, window, strides, pad)));
          return tf.grad(loss)(x);
        };
        expectClose(await onBoth(gradient));
      }),
      {numRuns: 60},
    );
  });

  it('a pooling window whose largest value is not above 0 gets its gradient too', () => {
    const x = tf.tensor4d([-3, -1, -2, -4], [1, 2, 2, 1]);
    const gradient = tf.grad(x => tf.sum(tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid')))(x);
    expect([...gradient.dataSync()]).toEqual([0, 1, 0, 0]);
  });

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
      expectClose(await onBoth(product));
    }
  });

  it('the gradient of gather sums rows that were taken twice', async () => {
    const gradient = () =>
      tf.grad(x =>
        tf.sum(
          tf.square(
            tf.gather(
              x,
              tf.tensor2d(
                [
                  [0, 2],
                  [2, 2],
                ],
                [2, 2],
                'int32',
              ),
            ),
          ),
        ),
      )(noise([4, 3], 7));
    expectClose(await onBoth(gradient));
  });

  it('LeNet trains: every gradient of convolutions, pools and dense layers is that of the JavaScript backend', async () => {
    const gradient = () => {
      const x = noise([2, 8, 8, 1], 1) as tf.Tensor4D;
      const [filter, kernel] = [noise([3, 3, 1, 4], 2), noise([36, 3], 3)];
      const loss = (filter: tf.Tensor, kernel: tf.Tensor) => {
        const pooled = tf.maxPool(tf.relu(tf.conv2d(x, filter as tf.Tensor4D, 1, 'valid')), 2, 2, 'valid');
        return tf.sum(tf.square(tf.matMul(tf.reshape(pooled, [2, 36]), kernel as tf.Tensor2D)));
      };
      const gradients = tf.grads(loss as (...values: tf.Tensor[]) => tf.Scalar)([filter, kernel]);
      return tf.concat(gradients.map(value => tf.reshape(value, [-1])));
    };
    expectClose(await onBoth(gradient));
  });

  it('leaves the handling of uncaught errors to the program', () => {
    const listeners = process.listeners('uncaughtException').map(String);
    expect(listeners.filter(source => source.includes('ExitStatus'))).toEqual([]);
  });
});
