import {describe, expect, it} from 'vitest';
import type {TensorInputs} from '../../src/data/inputs.ts';
import {scaleNote, standardiseColumns} from '../../src/student/standardise-columns.ts';

function vectors(width: number, ...values: readonly number[]): TensorInputs {
  const data = Float32Array.from(values);
  return {kind: 'tensor', dtype: 'float32', shape: [width], count: values.length / width, data};
}

describe('standardiseColumns', () => {
  it('finds the mean and the standard deviation of each column', () => {
    expect(standardiseColumns(vectors(2, 1, 10, 3, 10, 5, 40))).toEqual({
      mean: [3, 20],
      deviation: [Math.sqrt(8 / 3), Math.sqrt(200)],
    });
  });

  it('only shifts a column that never changes', () => {
    expect(standardiseColumns(vectors(2, 7, 1, 7, 3))).toEqual({mean: [7, 2], deviation: [1, 1]});
  });

  it('refuses inputs that have no columns', () => {
    const texts = {kind: 'text', count: 1, texts: ['one']} as const;
    expect(() => standardiseColumns(texts)).toThrow('the inputs are texts. Leave `standardise` out.');
    expect(() => standardiseColumns({...vectors(4, 1, 2, 3, 4), shape: [2, 2, 1]})).toThrow(
      'tensors of shape [2, 2, 1]',
    );
  });
});

describe('scaleNote', () => {
  const apart = vectors(3, 0.1, 1, 5000, 0.3, 2, 9000);

  it('tells between which deviations columns lie that differ by far, and what to set', () => {
    const note = scaleNote(apart, {});
    expect(note).toContain('their standard deviations go from 0.10 to 2.0e+3.');
    expect(note).toContain("set `preprocessing: 'standardise'` in the recipe");
  });

  it('is silent about columns of one scale, even if one of them is rarely set or never changes', () => {
    expect(scaleNote(vectors(2, 1, 20, 2, 40), {})).toBeUndefined();
    const marks = Array.from({length: 20_000}, (_, row) => [row % 7, row % 5, row % 3, row % 2, row === 0 ? 1 : 0, 4]);
    expect(scaleNote(vectors(6, ...marks.flat()), {})).toBeUndefined();
  });

  it('is silent about columns that are scaled by the recipe, and about images and texts', () => {
    expect(scaleNote(apart, standardiseColumns(apart))).toBeUndefined();
    expect(scaleNote(apart, {scale: 1 / 255})).toBeDefined();
    expect(scaleNote({...apart, shape: [3, 1, 1]}, {})).toBeUndefined();
    expect(scaleNote({kind: 'text', count: 1, texts: ['one']}, {})).toBeUndefined();
  });
});
