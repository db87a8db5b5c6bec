import {beforeAll, describe, expect, it} from 'vitest';
import {startEngine} from '../../src/engine/engine.ts';
import {tf} from '../../src/engine/tf.ts';
import {commonSize, flat, pooled} from '../../src/losses/feature-pair.ts';

beforeAll(async () => {
  await startEngine();
});

describe('pooled maps', () => {
  it('are what average pooling without overlap gives, height and width apart', () => {
    const maps = tf.randomNormal([2, 6, 4, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
    const found = pooled(maps, [2, 2]);
    const expected = tf.avgPool(maps, [3, 2], [3, 2], 'valid');
    expect(found.shape).toEqual([2, 2, 2, 3]);
    for (const [index, value] of expected.dataSync().entries()) expect(found.dataSync()[index]).toBeCloseTo(value, 5);
  });

  it('are the maps themselves where they have that size', () => {
    const maps = tf.ones([1, 2, 3, 4]);
    expect(pooled(maps, [2, 3])).toBe(maps);
  });
});

describe('the common size of two maps', () => {
  it.each([
    [
      [8, 8, 3],
      [8, 8, 5],
      [8, 8],
    ],
    [
      [8, 8, 3],
      [16, 24, 5],
      [8, 8],
    ],
    [
      [8, 4, 3],
      [8, 2, 5],
      [8, 2],
    ],
    [
      [8, 2, 3],
      [8, 4, 5],
      [8, 2],
    ],
    [[8, 8, 3], [12, 8, 5], undefined],
    [[2, 8, 3], [8, 4, 5], undefined],
    [[64], [8, 8, 1], undefined],
  ])('of %j and %j is %j', (teacher, student, expected) => {
    expect(commonSize({teacher, student})).toEqual(expected);
  });
});

it('flat features have one row an example, whatever their shape', () => {
  expect(flat(tf.zeros([2, 3, 4, 5])).shape).toEqual([2, 60]);
  expect(flat(tf.zeros([2, 7])).shape).toEqual([2, 7]);
  expect(flat(tf.zeros([2])).shape).toEqual([2, 1]);
});
