import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {splitIntoBatches} from '../../../src/ask/lane/lane-queries.ts';

describe('splitIntoBatches', () => {
  it('fills each batch in order, up to the most lines and the most bytes', () => {
    expect(splitIntoBatches([1, 1, 1, 1, 1], {maxRequests: 2, maxBytes: 100})).toEqual([[0, 1], [2, 3], [4]]);
    // Each line takes a byte more, for what stands between two.
    expect(splitIntoBatches([9, 9, 9, 20, 1], {maxRequests: 100, maxBytes: 20})).toEqual([[0, 1], [2], [3], [4]]);
    expect(splitIntoBatches([], {maxRequests: 2, maxBytes: 100})).toEqual([]);
  });

  it('leaves no line out, passes no limit, and begins no batch too early', () => {
    const sizes = fc.array(fc.integer({min: 1, max: 50}), {maxLength: 60});
    fc.assert(
      fc.property(
        sizes,
        fc.integer({min: 1, max: 9}),
        fc.integer({min: 51, max: 200}),
        (bytes, maxRequests, maxBytes) => {
          const batches = splitIntoBatches(bytes, {maxRequests, maxBytes});
          const sizeOf = (batch: readonly number[]) => batch.reduce((sum, place) => sum + bytes[place]! + 1, 0);
          expect(batches.flat()).toEqual([...bytes.keys()]);
          for (const [index, batch] of batches.entries()) {
            expect(batch.length).toBeLessThanOrEqual(maxRequests);
            expect(sizeOf(batch)).toBeLessThanOrEqual(maxBytes);
            const next = batches[index + 1]?.[0];
            if (next === undefined) continue;
            const isFull = batch.length === maxRequests || sizeOf([...batch, next]) > maxBytes;
            expect(isFull).toBe(true);
          }
        },
      ),
    );
  });
});
