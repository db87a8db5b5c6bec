import {createHash} from 'node:crypto';
import {describe, expect, it} from 'vitest';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {crop, flip, type View, viewInputs, views} from '../../src/data/view.ts';

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
