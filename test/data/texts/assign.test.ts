import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {assignSplits} from '../../../src/data/texts/assign.ts';

describe('assignSplits', () => {
  it('divides the examples: none is lost, none is in two splits', () => {
    fc.assert(
      fc.property(fc.integer({min: 12, max: 200}), fc.integer(), fc.boolean(), (count, seed, hasLabels) => {
        const labels = hasLabels ? Int32Array.from({length: count}, (_, index) => index % 3) : undefined;
        const splits = assignSplits(count, labels, {validation: 0.1, test: 3}, seed);
        expect(splits.test).toHaveLength(3);
        expect(splits.validation).toHaveLength(Math.max(1, Math.round(count / 10)));
        const all = Object.values(splits).flatMap(split => [...split]);
        expect(all.sort((a, b) => a - b)).toEqual(Array.from({length: count}, (_, index) => index));
      }),
    );
  });

  it('gives each class its share in each split', () => {
    const labels = Int32Array.from({length: 1000}, (_, index) => (index < 900 ? 0 : index < 990 ? 1 : 2));
    const splits = assignSplits(1000, labels, {validation: 0.1, test: 0.2}, 7);
    const counts = (split: Int32Array | undefined) =>
      [0, 1, 2].map(label => split?.filter(index => labels[index] === label).length);
    expect(counts(splits.test)).toEqual([180, 18, 2]);
    expect(counts(splits.validation)).toEqual([90, 9, 1]);
    expect(counts(splits.train)).toEqual([630, 63, 7]);
  });

  it('draws the same for the same seed, differently for another one, and not in the order of the classes', () => {
    const labels = Int32Array.from({length: 60}, (_, index) => Number(index >= 30));
    const drawn = (seed: number) => [...(assignSplits(60, labels, {test: 0.2}, seed).train ?? [])];
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
    expect(drawn(1).map(index => labels[index])).not.toEqual([...drawn(1).map(index => labels[index])].sort());
  });

  it('draws only the splits that have a size', () => {
    expect(Object.keys(assignSplits(5, undefined, {test: 1}, 0))).toEqual(['train', 'test']);
  });

  it.each([
    [{test: 0}, /`test` to be a share between 0 and 1 or a whole number of texts, got 0/],
    [{validation: 1.5}, /`validation` to be .* got 1\.5/],
    [{test: 0.5, validation: 5}, /Validation takes 5 and the test 5 of 10 texts, so none is left/],
  ])('refuses the sizes %j', (sizes, said) => {
    expect(() => assignSplits(10, undefined, sizes, 0)).toThrow(said);
  });
});
