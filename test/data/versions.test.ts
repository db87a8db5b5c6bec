import {describe, expect, it} from 'vitest';
import {inputAt, selectInputs, type TensorInputs} from '../../src/data/inputs.ts';
import {mixUp} from '../../src/data/mixed-view.ts';
import {versionsOf} from '../../src/data/versions.ts';
import {crop, flip, views} from '../../src/data/view.ts';

const images: TensorInputs = {
  kind: 'tensor',
  dtype: 'uint8',
  shape: [4, 4, 1],
  count: 6,
  data: Uint8Array.from({length: 96}, (_, position) => position * 37),
};
const view = views(crop({padding: 1}), flip());
const bytesAt = (inputs: TensorInputs, row: number) => [...(inputAt(inputs, row) as {data: Uint8Array}).data];

describe('versionsOf', () => {
  it('puts the unchanged input before its views, each rendered by its seed', () => {
    const {inputs, versions, views: seeds} = versionsOf(images, {view, count: 3});
    expect({versions, count: inputs.count, rows: seeds.length}).toEqual({versions: 4, count: 24, rows: 24});
    for (let row = 0; row < 24; row++) {
      const source = bytesAt(images, Math.floor(row / 4));
      if (row % 4 === 0) expect({bytes: bytesAt(inputs, row), seed: seeds[row]}).toEqual({bytes: source, seed: 0});
      if (seeds[row] === 0) {
        expect(bytesAt(inputs, row)).toEqual(source);
        continue;
      }
      const target = {shape: [4, 4, 1] as const, data: new Uint8Array(16)};
      view.render({shape: [4, 4, 1], data: Uint8Array.from(source)}, target, seeds[row]!);
      expect(bytesAt(inputs, row)).toEqual([...target.data]);
    }
  });

  it('leaves out the unchanged input if asked to', () => {
    const [all, own] = [versionsOf(images, {view, count: 2}), versionsOf(images, {view, count: 2, clean: false})];
    expect(own.versions).toBe(2);
    expect([...own.views]).toEqual([...all.views].filter((_, row) => row % 3 !== 0));
    expect([0, 1].map(row => bytesAt(own.inputs, row))).toEqual([1, 2].map(row => bytesAt(all.inputs, row)));
  });

  it('gives versions that look alike one seed, so that they are asked about once', () => {
    const {inputs, views: seeds} = versionsOf(images, {view: flip(), count: 8});
    for (let input = 0; input < 6; input++) {
      const rows = Array.from({length: 9}, (_, position) => 9 * input + position);
      const looks = new Map(rows.map(row => [bytesAt(inputs, row).join(), seeds[row]]));
      expect(looks.size).toBe(2);
      for (const row of rows) expect(seeds[row]).toBe(looks.get(bytesAt(inputs, row).join()));
      expect(new Set(looks.values())).toContain(0);
    }
  });

  it('makes the same views of an input at any index and for any number of views', () => {
    const few = versionsOf(images, {view, count: 2});
    const turned = versionsOf(selectInputs(images, [5, 0]), {view, count: 4});
    expect(Array.from({length: 3}, (_, row) => bytesAt(turned.inputs, row))).toEqual(
      Array.from({length: 3}, (_, row) => bytesAt(few.inputs, 15 + row)),
    );
  });

  it('mixes in any other input, and never the input itself', () => {
    const flat: TensorInputs = {...images, shape: [1, 1, 1], count: 3, data: Uint8Array.of(0, 100, 200)};
    const {inputs} = versionsOf(flat, {view: mixUp({least: 0.3}), count: 200});
    const ofFirst = [...inputs.data.subarray(1, 201)];
    // 0 mixed with 100 is 30 to 70, with 200 it is 60 to 140: both occur, and nothing below.
    expect(Math.min(...ofFirst)).toBeGreaterThanOrEqual(29);
    expect(ofFirst.some(value => value > 75)).toBe(true);
    expect(ofFirst.some(value => value < 55)).toBe(true);
  });

  it('refuses texts, and a view with a partner for a single input', () => {
    expect(() => versionsOf({kind: 'text', count: 1, texts: ['a']}, {view, count: 1})).toThrow('texts');
    expect(() => versionsOf(selectInputs(images, [0]), {view: mixUp(), count: 1})).toThrow('at least two inputs');
  });
});
