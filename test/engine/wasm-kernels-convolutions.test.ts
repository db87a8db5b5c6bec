import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {startWasm} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {expectAdjoint, expectClose, noise, onBoth} from './on-backends.ts';

beforeAll(startWasm);

type Padding = 'same' | 'valid' | 1 | tf.backend_util.ExplicitPadding;

const uneven: tf.backend_util.ExplicitPadding = [
  [0, 0],
  [1, 0],
  [0, 2],
  [0, 0],
];

const convolutions = fc
  .record({
    batch: fc.integer({min: 1, max: 3}),
    size: fc.tuple(fc.integer({min: 3, max: 9}), fc.integer({min: 3, max: 9})),
    channels: fc.tuple(fc.integer({min: 1, max: 5}), fc.integer({min: 1, max: 4})),
    filter: fc.tuple(fc.integer({min: 1, max: 3}), fc.integer({min: 1, max: 3})),
    strides: fc.tuple(fc.integer({min: 1, max: 3}), fc.integer({min: 1, max: 3})),
    pad: fc.constantFrom<Padding>('same', 'valid', 1, uneven),
  })
  .filter(fits);

/** With a number as padding TensorFlow.js takes the width's output for the height's, and wants windows to fit. */
function fits(convolution: {size: number[]; filter: number[]; strides: number[]; pad: Padding}): boolean {
  const {size, filter, strides, pad} = convolution;
  if (typeof pad === 'string') return true;
  const padding = pad === 1 ? [2, 2] : [1, 2];
  const whole = size.every((length, axis) => (length + padding[axis]! - filter[axis]!) % strides[axis]! === 0);
  return whole && (pad !== 1 || (filter[0] === filter[1] && strides[0] === strides[1]));
}

describe('convolutions on the WASM engine', () => {
  it('any 2-d convolution and its gradients are those of the JavaScript backend', async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async ({batch, size, channels, filter, strides, pad}) => {
        const all = () => {
          const [x, w] = [noise([batch, ...size, channels[0]], 3), noise([...filter, ...channels], 4)];
          const output = (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad);
          return [output(x, w), ...tf.grads((x, w) => tf.sum(tf.square(output(x!, w!))))([x, w])];
        };
        expectClose(await onBoth('wasm', all));
      }),
      {numRuns: 150},
    );
  });

  it('any depthwise convolution and its gradients are those of the JavaScript backend', async () => {
    await fc.assert(
      fc.asyncProperty(convolutions, async ({batch, size, channels, filter, strides, pad}) => {
        const all = () => {
          const [x, w] = [noise([batch, ...size, channels[0]], 3), noise([...filter, ...channels], 4)];
          const output = (x: tf.Tensor, w: tf.Tensor) =>
            tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad as 'same');
          return [output(x, w), ...tf.grads((x, w) => tf.sum(tf.square(output(x!, w!))))([x, w])];
        };
        expectClose(await onBoth('wasm', all));
      }),
      {numRuns: 150},
    );
  });

  it('the gradients of any 3-d convolution are those of a linear function', async () => {
    const volumes = fc.record({
      size: fc.tuple(...[1, 2, 3].map(() => fc.integer({min: 3, max: 6}))),
      channels: fc.tuple(fc.integer({min: 1, max: 3}), fc.integer({min: 1, max: 3})),
      filter: fc.tuple(...[1, 2, 3].map(() => fc.integer({min: 1, max: 3}))),
      strides: fc.integer({min: 1, max: 3}),
      pad: fc.constantFrom('same' as const, 'valid' as const),
    });
    await tf.setBackend('wasm');
    fc.assert(
      fc.property(volumes, ({size, channels, filter, strides, pad}) => {
        tf.tidy(() => {
          const [x, z] = [1, 2].map(seed => noise([2, ...size, channels[0]], seed)) as [tf.Tensor, tf.Tensor];
          const [w, v] = [3, 4].map(seed => noise([...filter, ...channels], seed)) as [tf.Tensor, tf.Tensor];
          const output = (x: tf.Tensor, w: tf.Tensor) => tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, strides, pad);
          expectAdjoint(x => output(x, w), x, z);
          expectAdjoint(w => output(x, w), w, v);
        });
      }),
      {numRuns: 80},
    );
  });

  it('3-d convolutions are those of the JavaScript backend', async () => {
    for (const pad of ['same', 'valid'] as const) {
      const output = () =>
        tf.conv3d(noise([2, 5, 6, 4, 2], 1) as tf.Tensor5D, noise([2, 3, 2, 2, 3], 2) as tf.Tensor5D, 2, pad);
      expectClose(await onBoth('wasm', output));
    }
  });

  it('a 3-d convolution of single values takes the first of each stride', () => {
    const x = tf.reshape(tf.range(1, 5), [1, 4, 1, 1, 1]) as tf.Tensor5D;
    const output = tf.conv3d(x, tf.ones([1, 1, 1, 1, 1]) as tf.Tensor5D, 2, 'same');
    expect([...output.dataSync()]).toEqual([1, 3]);
  });

  it('gradients leave no tensor behind', () => {
    const [x, w, d] = [noise([2, 6, 6, 3], 1), noise([3, 3, 3, 2], 2), noise([3, 3, 3, 2], 3)];
    const gradients = () => {
      const output = (x: tf.Tensor, w: tf.Tensor, d: tf.Tensor) =>
        tf.concat(
          [
            tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, 'same'),
            tf.depthwiseConv2d(x as tf.Tensor4D, d as tf.Tensor4D, 2, 'same'),
          ],
          3,
        );
      tf.dispose(tf.grads((x, w, d) => tf.sum(tf.square(output(x!, w!, d!))))([x, w, d]));
    };
    gradients();
    const before = tf.memory();
    gradients();
    expect(tf.memory()).toEqual(before);
    expect(tf.backend().numDataIds()).toBe(before.numDataBuffers);
  });
});
