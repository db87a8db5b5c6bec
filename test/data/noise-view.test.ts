import {createHash} from 'node:crypto';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {noise} from '../../src/data/noise-view.ts';
import {flip, viewInputs, views} from '../../src/data/view.ts';

const grey: TensorInputs = {
  kind: 'tensor',
  dtype: 'uint8',
  shape: [100, 100, 1],
  count: 1,
  data: new Uint8Array(10_000).fill(128),
};

const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('noise', () => {
  it('has the requested deviation, in raw units', () => {
    const inputs: TensorInputs = {...grey, dtype: 'float32', data: new Float32Array(10_000).fill(-3)};
    const added = [...viewInputs(inputs, noise({deviation: 0.3}), [5]).data].map(value => value + 3);
    // Ten thousand draws: four standard errors each.
    expect(Math.abs(meanOf(added))).toBeLessThan(4 * 0.003);
    expect(Math.abs(Math.sqrt(meanOf(added.map(value => value ** 2))) - 0.3)).toBeLessThan(4 * 0.0021);
  });

  it('keeps bytes whole and from 0 to 255, and other whole numbers whole', () => {
    const strong = noise({deviation: 300});
    const seen = new Set(viewInputs(grey, strong, [1]).data);
    expect([Math.min(...seen), Math.max(...seen)]).toEqual([0, 255]);
    const far: TensorInputs = {...grey, dtype: 'int32', shape: [2], data: Int32Array.of(2 ** 31 - 1, -(2 ** 31))};
    for (let seed = 1; seed < 20; seed++) {
      const [high, low] = viewInputs(far, strong, [seed]).data;
      expect(high! > 2 ** 31 - 3000 && low! < -(2 ** 31) + 3000).toBe(true);
    }
  });

  it('works for tensors of every shape, with the same bytes for the same values and seed', () => {
    const shapes = fc.constantFrom([12], [3, 4], [2, 2, 3], [1, 2, 3, 2]);
    fc.assert(
      fc.property(shapes, fc.integer(), fc.uint8Array({minLength: 12, maxLength: 12}), (shape, seed, data) => {
        const viewed = (lengths: readonly number[]) =>
          viewInputs({kind: 'tensor', dtype: 'uint8', shape: lengths, count: 1, data}, noise({deviation: 9}), [seed]);
        expect(viewed(shape).data).toEqual(viewed([2, 2, 3]).data);
        expect(viewed(shape).shape).toEqual(shape);
      }),
    );
    const both = views(noise({deviation: 1}), noise({deviation: 2}));
    expect(viewInputs({...grey, shape: [10_000]}, both, [1]).data).not.toEqual(grey.data);
    expect(() => viewInputs({...grey, shape: [10_000]}, views(both, flip()), [1])).toThrow('needs images');
  });

  it('makes the same bytes for a seed in every version, because answers about views are kept', () => {
    const {data} = viewInputs(grey, noise({deviation: 76.5}), [1]);
    expect(createHash('sha256').update(data).digest('hex')).toBe(
      '8b66f5d3db3e89bda67582f6bc9e5128455f89c19cf047f9c52301228ecff2cc',
    );
  });

  it('refuses an invalid deviation', () => {
    for (const deviation of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => noise({deviation})).toThrow('Expected `deviation` of noise to be a number above 0');
    }
  });
});
