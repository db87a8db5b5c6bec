import {createHash} from 'node:crypto';
import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {cutMix, mixUp} from '../../src/data/mixed-view.ts';
import {randomBeta, seededRandom} from '../../src/data/random.ts';
import {crop, flip, partnerOf, type View, viewInputs, views} from '../../src/data/view.ts';
import {InputError} from '../../src/errors.ts';
import {mean} from '../../src/evaluate/statistics.ts';

const seeds = Array.from({length: 4000}, (_, seed) => seed);

/** White or black images, one for each seed. */
function plain(value: number, count: number, shape = [1, 1, 1]): TensorInputs {
  const size = shape.reduce((product, length) => product * length, 1);
  return {kind: 'tensor', dtype: 'float32', shape, count, data: new Float32Array(count * size).fill(value)};
}

/** The share of the image in each of many mixtures. */
function sharesOf(view: View): readonly number[] {
  return [...viewInputs(plain(1, seeds.length), view, seeds, plain(0, seeds.length)).data];
}

/** Images of three colours that differ in every byte. */
function coloured(count: number, step: number): TensorInputs {
  const data = Uint8Array.from({length: count * 6 * 5 * 3}, (_, position) => position * step);
  return {kind: 'tensor', dtype: 'uint8', shape: [6, 5, 3], count, data};
}

describe('randomBeta', () => {
  it.each([0.2, 0.5, 1, 4])('has the moments of Beta(%d, same)', alpha => {
    const random = seededRandom(1, 'moments');
    const drawn = Array.from({length: 40_000}, () => randomBeta(random, alpha));
    const variance = 1 / (4 * (2 * alpha + 1));
    // The excess kurtosis of a symmetric Beta is -6 / (2 alpha + 3).
    const fourth = variance ** 2 * (3 - 6 / (2 * alpha + 3));
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(1);
    expect(mean(drawn)).toBeCloseTo(0.5, 2);
    expect(mean(drawn.map(share => (share - 0.5) ** 2)) / variance).toBeCloseTo(1, 1);
    expect(mean(drawn.map(share => (share - 0.5) ** 4)) / fourth).toBeCloseTo(1, 1);
  });
});

describe('mixUp', () => {
  it('draws shares from Beta(alpha, alpha), in steps of 1 / 1024', () => {
    for (const alpha of [0.3, 1]) {
      const shares = sharesOf(mixUp({alpha}));
      expect(mean(shares)).toBeCloseTo(0.5, 1);
      expect(mean(shares.map(share => (share - 0.5) ** 2)) * 4 * (2 * alpha + 1)).toBeCloseTo(1, 1);
      expect(shares.every(share => Number.isInteger(share * 1024))).toBe(true);
    }
  });

  it('gives both images at least the least share', () => {
    const shares = sharesOf(mixUp({alpha: 0.2, least: 0.05}));
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.049);
    expect(Math.max(...shares)).toBeLessThanOrEqual(0.951);
    expect(Math.min(...sharesOf(mixUp({alpha: 0.2})))).toBe(0);
  });

  it('blends two images by one share, and rounds whole values', () => {
    fc.assert(
      fc.property(fc.integer(), fc.uint8Array({minLength: 8, maxLength: 8}), (seed, bytes) => {
        const block = (data: Uint8Array | Float32Array, dtype: 'uint8' | 'float32') =>
          ({kind: 'tensor', dtype, shape: [2, 2, 1], count: 1, data}) as const;
        const [one, other] = [bytes.slice(0, 4), bytes.slice(4)];
        const [share] = viewInputs(plain(1, 1), mixUp(), [seed], plain(0, 1)).data as Float32Array;
        const mixed = viewInputs(block(one, 'uint8'), mixUp(), [seed], block(other, 'uint8'));
        expect([...mixed.data]).toEqual(
          [...one].map((value, at) => Math.round(share! * value + (1 - share!) * other[at]!)),
        );
        const exact = viewInputs(
          block(Float32Array.from(one), 'float32'),
          mixUp(),
          [seed],
          block(Float32Array.from(other), 'float32'),
        );
        expect([...exact.data].map(Math.round)).toEqual([...mixed.data]);
      }),
    );
  });
});

describe('cutMix', () => {
  it('puts one box of the partner into the image and leaves the rest as it is', () => {
    const [white, black] = [plain(1, 300, [8, 8, 1]), plain(0, 300, [8, 8, 1])];
    const mixed = viewInputs(white, cutMix(), seeds.slice(0, 300), black).data;
    for (let image = 0; image < 300; image++) {
      const rows = Array.from({length: 8}, (_, row) => [
        ...mixed.subarray(image * 64 + row * 8, image * 64 + row * 8 + 8),
      ]);
      const cut = rows.flatMap((row, at) => (row.includes(0) ? [at] : []));
      expect(cut).toEqual(Array.from(cut, (_, index) => cut[0]! + index));
      expect(new Set(cut.map(at => rows[at]!.join(''))).size).toBeLessThanOrEqual(1);
      if (cut.length > 0) expect(rows[cut[0]!]!.join('')).toMatch(/^1*0+1*$/);
    }
  });

  it('leaves the image about its share, and more if the box is clipped at an edge', () => {
    const [white, black] = [plain(1, 2000, [64, 64, 1]), plain(0, 2000, [64, 64, 1])];
    const {data} = viewInputs(white, cutMix(), seeds.slice(0, 2000), black);
    const kept = Array.from({length: 2000}, (_, image) => mean([...data.subarray(image * 4096, (image + 1) * 4096)]));
    // The box covers (1 - share) of the image, and of each of its sides s on average s - s²/4 lies within: with
    // s = sqrt(u), u uniform, E[(s - s²/4)²] = 1/2 - 2/4 · E[s³] + E[s⁴]/16 = 1/2 - 1/5 + 1/48.
    expect(mean(kept)).toBeCloseTo(1 - (1 / 2 - 1 / 5 + 1 / 48), 1);
  });
});

describe('views that take a partner', () => {
  it('make the same bytes for a seed in every version, because answers about views are kept', () => {
    const both = [mixUp({alpha: 0.4}), cutMix(), views(crop({padding: 1}), flip(), mixUp())];
    const bytes = both.map(view => viewInputs(coloured(9, 7), view, seeds.slice(0, 9), coloured(9, 11)).data);
    expect(bytes.map(data => createHash('sha256').update(data).digest('hex').slice(0, 16))).toEqual(GOLDEN);
  });

  it('go after others, which the partner also goes through with its own numbers', () => {
    const [white, striped] = [plain(0, 200, [1, 3, 1]), plain(0, 200, [1, 3, 1])];
    for (let row = 0; row < 200; row++) striped.data[row * 3] = 1;
    const {data} = viewInputs(white, views(flip(), mixUp({least: 0.2})), seeds.slice(0, 200), striped);
    const sides = new Set(
      Array.from({length: 200}, (_, row) => [...data.subarray(row * 3, row * 3 + 3)].findIndex(v => v > 0)),
    );
    expect(sides).toEqual(new Set([0, 2]));
  });

  it('can be used once among several views', () => {
    expect(views(crop(), mixUp()).takesPartner).toBe(true);
    expect(views(crop(), flip()).takesPartner).toBeUndefined();
    expect(() => views(mixUp(), cutMix())).toThrow('Only one of several views can take a partner');
  });

  it('are refused without a partner, and with options out of range', () => {
    expect(() => viewInputs(coloured(1, 1), mixUp(), [1])).toThrow('there is none');
    expect(() => partnerOf(0, 1, 1)).toThrow(InputError);
    for (const alpha of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => mixUp({alpha})).toThrow('`alpha` of mixUp');
      expect(() => cutMix({alpha})).toThrow('`alpha` of cutMix');
    }
    expect(() => mixUp({least: 0.5})).toThrow('`least` of mixUp');
  });

  it('mix tensors of any shape if each value is mixed independently', () => {
    const rows = (value: number): TensorInputs => ({...plain(value, 3, [5]), shape: [5]});
    expect(viewInputs(rows(1), mixUp(), [1, 2, 3], rows(0)).shape).toEqual([5]);
    expect(() => viewInputs(rows(1), cutMix(), [1, 2, 3], rows(0))).toThrow('needs images');
  });

  it('take any other input as a partner, and never the input itself', () => {
    const drawn = new Set(seeds.map(seed => partnerOf(2, 5, seed)));
    expect(drawn).toEqual(new Set([0, 1, 3, 4]));
  });
});

const GOLDEN: readonly string[] = ['717f10fb0614b67d', '9210e01a0658d406', 'dce7933de1098adb'];
