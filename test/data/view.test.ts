import {createHash} from 'node:crypto';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {crop, flip, noise, type View, viewInputs, views} from '../../src/data/view.ts';

const image: TensorInputs = {
  kind: 'tensor',
  dtype: 'uint8',
  shape: [3, 3, 1],
  count: 1,
  data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
};
const rendered = (view: View, seed: number) => [...viewInputs(image, view, [seed]).data];
const seeds = Array.from({length: 60}, (_, seed) => seed);

describe('views', () => {
  it('crop moves the image by up to the padding and leaves zeros behind', () => {
    const seen = new Set(seeds.map(seed => rendered(crop({padding: 1}), seed).join()));
    const moved = new Set<string>();
    for (const down of [-1, 0, 1]) {
      for (const right of [-1, 0, 1]) {
        const at = (row: number, column: number) =>
          row in [0, 1, 2] && column in [0, 1, 2] ? image.data[row * 3 + column]! : 0;
        moved.add([0, 1, 2].flatMap(row => [0, 1, 2].map(column => at(row - down, column - right))).join());
      }
    }
    expect(seen).toEqual(moved);
  });

  it('flip mirrors some images left to right and leaves the others', () => {
    const seen = new Set(seeds.map(seed => rendered(flip(), seed).join()));
    expect(seen).toEqual(new Set(['1,2,3,4,5,6,7,8,9', '3,2,1,6,5,4,9,8,7']));
  });

  it('make the same bytes for the same seed, and do not touch the source', () => {
    const both = views(crop({padding: 2}), flip());
    for (const seed of seeds) expect(rendered(both, seed)).toEqual(rendered(both, seed));
    expect([...image.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('make the same bytes for a seed in every version, because answers about views are kept', () => {
    const shape = [6, 5, 3];
    const data = Uint8Array.from({length: 8 * 90}, (_, index) => index * 31);
    const many = {...image, shape, count: 8, data};
    const both = viewInputs(many, views(crop({padding: 2}), flip()), [0, 1, 2, 3, 4, 5, -6, 7]);
    expect(createHash('sha256').update(both.data).digest('hex')).toBe(
      'a2fa0960dc20e34220996e3d07fcec292baf0234b0eb1521ff3a856556d6d804',
    );
  });

  it('give every row the view of its own seed', () => {
    const twice = {...image, count: 2, data: Uint8Array.of(...image.data, ...image.data)};
    const rows = viewInputs(twice, crop({padding: 1}), [3, 8]);
    expect([...rows.data]).toEqual([...rendered(crop({padding: 1}), 3), ...rendered(crop({padding: 1}), 8)]);
  });

  it('refuse inputs that are not images', () => {
    expect(() => viewInputs({...image, shape: [9]}, flip(), [1])).toThrow('View `flip` needs images');
  });
});

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
