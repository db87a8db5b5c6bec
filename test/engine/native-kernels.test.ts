import '@tensorflow/tfjs-backend-cpu';
import fc from 'fast-check';
import {beforeAll, describe, expect, it} from 'vitest';
import {CompiledCalls} from '../../src/engine/compiled/compiled-calls.ts';
import {layers, tf} from '../../src/engine/tf.ts';
import {needsNativeEngine} from './native-only.ts';

needsNativeEngine();
// The JavaScript backend would greet with advice.
beforeAll(() => tf.env().set('PROD', true));

/** The same computation on the native engine and on the plain JavaScript backend, which is slow and right. */
async function onBoth(compute: () => tf.Tensor | tf.Tensor[]): Promise<[number[], number[]]> {
  const values: number[][] = [];
  for (const backend of ['tensorflow', 'cpu']) {
    await tf.setBackend(backend);
    const parts = tf.tidy(() => [compute()].flat().map(tensor => [...tensor.dataSync()]));
    values.push(parts.flat());
  }
  await tf.setBackend('tensorflow');
  return values as [number[], number[]];
}

function expectClose([actual, expected]: [number[], number[]], tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  for (const [index, value] of expected.entries()) {
    expect(Math.abs(actual[index]! - value) / (1 + Math.abs(value)), `value ${index}`).toBeLessThan(tolerance);
  }
}

const noise = (shape: number[], seed: number): tf.Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed);

describe('native kernels for training', () => {
  it("ReLU's gradient is that of the JavaScript backend, at 0 too", async () => {
    const gradient = () =>
      tf.grad(x => tf.sum(tf.mul(noise([3, 4], 2), tf.relu(x))))(tf.mul(noise([3, 4], 1), tf.step(noise([3, 4], 3))));
    expectClose(await onBoth(gradient));
  });

  it('sums over any axes are those of the JavaScript backend', async () => {
    const shapes = fc.array(fc.integer({min: 1, max: 5}), {minLength: 1, maxLength: 4});
    const axes = shapes.chain(shape =>
      fc.tuple(fc.constant(shape), fc.subarray(shape.map((_, axis) => axis)), fc.boolean()),
    );
    await fc.assert(
      fc.asyncProperty(axes, async ([shape, axis, keepDims]) => {
        const both = await onBoth(() => {
          const sum = tf.sum(noise(shape, 1), axis, keepDims);
          return [sum, tf.tensor1d(sum.shape)];
        });
        expectClose(both);
      }),
      {numRuns: 60},
    );
  });

  it('products of matrices and of batches of them are those of the JavaScript backend, with their gradients', async () => {
    const sizes = fc.tuple(...[1, 2, 3].map(() => fc.integer({min: 1, max: 5})));
    const cases = fc.record({
      sizes,
      left: fc.constantFrom([], [1], [2], [1, 1]),
      right: fc.constantFrom([], [1], [2], [1, 1]),
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({sizes: [m, k, n], left, right, transposeA, transposeB}) => {
        fc.pre(left.length === right.length);
        const both = await onBoth(() => {
          const a = noise([...left, ...(transposeA ? [k!, m!] : [m!, k!])], 1);
          const b = noise([...right, ...(transposeB ? [n!, k!] : [k!, n!])], 2);
          const product = tf.matMul(a, b, transposeA, transposeB);
          const isBroadcast = left.join() !== right.join();
          const loss = (a: tf.Tensor, b: tf.Tensor) => tf.sum(tf.square(tf.matMul(a, b, transposeA, transposeB)));
          return [product, tf.tensor1d(product.shape), ...(isBroadcast ? [] : tf.grads(loss)([a, b]))];
        });
        expectClose(both);
      }),
      {numRuns: 60},
    );
  });

  it('gathers rows as the JavaScript backend does, with their gradient, and compiles', async () => {
    const rows = (table: tf.Tensor, indices: tf.Tensor) => tf.gather(table, indices as tf.Tensor1D);
    const both = await onBoth(() => {
      const indices = tf.tensor1d([2, 0, 2], 'int32');
      const loss = (table: tf.Tensor) => tf.sum(tf.mul(noise([3, 4], 2), rows(table, indices)));
      return [rows(noise([5, 4], 1), indices), tf.grad(loss)(noise([5, 4], 1))];
    });
    expectClose(both);
    const [table, reasons] = [tf.variable(noise([5, 2], 1)), [] as string[]];
    const calls = new CompiledCalls(reason => reasons.push(reason));
    for (const index of [4, 1]) {
      const indices = tf.tensor1d([index], 'int32');
      const row = tf.tidy(() => [...calls.call([indices], () => rows(table, indices)).dataSync()]);
      expect(row).toEqual([...table.dataSync().slice(index * 2, index * 2 + 2)]);
    }
    calls.dispose();
    expect(reasons).toEqual([]);
  });

  it.each([0, 1, 2, -1])('adds axis %d as the JavaScript backend does, with its gradient, and compiles', async axis => {
    const both = await onBoth(() => {
      const expanded = tf.expandDims(noise([2, 3], 1), axis);
      const slopes = noise(expanded.shape, 2);
      return [
        tf.tensor1d(expanded.shape),
        tf.grad(x => tf.sum(tf.mul(slopes, tf.expandDims(x, axis))))(noise([2, 3], 1)),
      ];
    });
    expectClose(both);
    const reasons: string[] = [];
    const calls = new CompiledCalls(reason => reasons.push(reason));
    const x = noise([2, 3], 1);
    const compiled = tf.tidy(() => calls.call([x], () => tf.mul(tf.expandDims(x, axis), 2)).shape);
    calls.dispose();
    expect(compiled).toEqual(tf.expandDims(x, axis).shape);
    expect(reasons).toEqual([]);
  });

  it('gathers no row that is not there', () => {
    const [table, indices] = [noise([5, 4], 1), tf.tensor1d([5], 'int32')];
    expect(() => tf.gather(table, indices)).toThrow(/5 is not in \[0, 5\)/);
  });
});

describe('batch normalization in training', () => {
  /** The output of a fresh layer, the gradients of its input and weights, and its moving averages after two batches. */
  function trained(shape: number[], options: Parameters<typeof layers.layers.batchNormalization>[0]): tf.Tensor[] {
    const layer = layers.layers.batchNormalization({momentum: 0.8, epsilon: 1e-3, ...options});
    layer.build(shape);
    const weights = layer.getWeights();
    layer.setWeights(weights.map((weight, index) => tf.add(weight, tf.mul(noise(weight.shape, index + 5), 0.1))));
    const variables = layer.trainableWeights.map(weight => weight.read() as tf.Variable);
    const run = (x: tf.Tensor) => layer.apply(x, {training: true}) as tf.Tensor;
    const x = tf.add(tf.mul(noise(shape, 1), 3), 2);
    const loss = (x: tf.Tensor) => tf.sum(tf.mul(noise(shape, 2), run(x))) as tf.Scalar;
    const dx = tf.grad(loss)(x);
    const {grads} = tf.variableGrads(() => loss(x), variables);
    const averages = layer.getWeights().map(weight => tf.clone(weight));
    return [run(x), dx, ...variables.map(({name}) => grads[name]!), ...averages];
  }

  it.each<[string, number[], object]>([
    ['of images', [4, 5, 6, 3], {}],
    ['of images, the axis by its number', [4, 5, 6, 3], {axis: 3}],
    ['of vectors', [16, 5], {}],
    ['of sequences', [4, 7, 5], {}],
    ['of a single example', [1, 1, 1, 4], {}],
  ])('is that of the JavaScript backend, with gradients and moving averages: %s', async (_, shape, options) => {
    expectClose(await onBoth(() => trained(shape, options)), 1e-4);
  });

  it('leaves no tensor behind', () => {
    const layer = layers.layers.batchNormalization({});
    layer.build([4, 2, 2, 3]);
    const x = noise([4, 2, 2, 3], 1);
    const step = () =>
      tf.tidy(() =>
        tf
          .grad(x => layer.apply(x, {training: true}) as tf.Tensor)(x)
          .dataSync(),
      );
    step();
    const {numTensors} = tf.memory();
    step();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
