import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {boundsWithMissing} from '../../src/statistics/missing-bounds.ts';

describe('the bounds of a share with missing inputs', () => {
  it('are those of no and of full agreement on what is missing', () => {
    expect(boundsWithMissing(0.9, {count: 10, total: 100})).toEqual([expect.closeTo(0.81), expect.closeTo(0.91)]);
  });

  it('are the share itself if nothing is missing', () => {
    expect(boundsWithMissing(0.9, {count: 0, total: 100})).toEqual([0.9, 0.9]);
  });

  it('hold the share over all inputs, whatever is missing, and are reached', () => {
    const answers = fc.array(fc.record({agrees: fc.boolean(), answered: fc.boolean()}), {minLength: 1, maxLength: 50});
    fc.assert(
      fc.property(answers, all => {
        const answered = all.filter(one => one.answered);
        fc.pre(answered.length > 0);
        const shareOf = (some: readonly {readonly agrees: boolean}[]) =>
          some.filter(({agrees}) => agrees).length / some.length;
        const missing = {count: all.length - answered.length, total: all.length};
        const [lowest, highest] = boundsWithMissing(shareOf(answered), missing);
        const ifAll = (agrees: boolean) => shareOf(all.map(one => (one.answered ? one : {agrees})));
        expect(lowest).toBeCloseTo(ifAll(false), 12);
        expect(highest).toBeCloseTo(ifAll(true), 12);
        expect(shareOf(all)).toBeGreaterThanOrEqual(lowest - 1e-12);
        expect(shareOf(all)).toBeLessThanOrEqual(highest + 1e-12);
      }),
    );
  });
});
