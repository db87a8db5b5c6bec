import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {splitIntoBatches} from '../../../src/ask/lane/lane-queries.ts';

const linesOf = (...bytes: readonly number[]) => bytes.map((size, index) => ({index, bytes: size, tokens: size}));
const indicesOf = (batches: ReturnType<typeof splitIntoBatches<ReturnType<typeof linesOf>[number]>>) =>
  batches.map(batch => batch.map(({index}) => index));

describe('splitIntoBatches', () => {
  it('fills each batch in order, up to the most lines, the most bytes and the most tokens', () => {
    const [many, large] = [linesOf(1, 1, 1, 1, 1), linesOf(9, 9, 9, 20, 1)];
    expect(indicesOf(splitIntoBatches(many, {maxRequests: 2, maxBytes: 100}))).toEqual([[0, 1], [2, 3], [4]]);
    // Each line takes a byte more, for what stands between two.
    expect(indicesOf(splitIntoBatches(large, {maxRequests: 100, maxBytes: 20}))).toEqual([[0, 1], [2], [3], [4]]);
    const tokens = {maxRequests: 100, maxBytes: 100, maxTokens: 18};
    expect(indicesOf(splitIntoBatches(large, tokens))).toEqual([[0, 1], [2], [3], [4]]);
    expect(splitIntoBatches([], {maxRequests: 2, maxBytes: 100})).toEqual([]);
  });

  it('leaves no line out, passes no limit, and begins no batch too early', () => {
    const sizes = fc.array(fc.integer({min: 1, max: 50}), {maxLength: 60});
    const limits = fc.record({
      maxRequests: fc.integer({min: 1, max: 9}),
      maxBytes: fc.integer({min: 51, max: 200}),
      maxTokens: fc.integer({min: 50, max: 200}),
    });
    fc.assert(
      fc.property(sizes, limits, (all, {maxRequests, maxBytes, maxTokens}) => {
        const batches = splitIntoBatches(linesOf(...all), {maxRequests, maxBytes, maxTokens});
        const bytesOf = (batch: readonly {readonly bytes: number}[]) =>
          batch.reduce((sum, line) => sum + line.bytes + 1, 0);
        const tokensOf = (batch: readonly {readonly tokens: number}[]) =>
          batch.reduce((sum, line) => sum + line.tokens, 0);
        expect(batches.flat()).toEqual(linesOf(...all));
        for (const [index, batch] of batches.entries()) {
          expect(batch.length).toBeLessThanOrEqual(maxRequests);
          expect(bytesOf(batch)).toBeLessThanOrEqual(maxBytes);
          expect(tokensOf(batch)).toBeLessThanOrEqual(maxTokens);
          const next = batches[index + 1]?.[0];
          if (next === undefined) continue;
          const more = [...batch, next];
          const isFull = batch.length === maxRequests || bytesOf(more) > maxBytes || tokensOf(more) > maxTokens;
          expect(isFull).toBe(true);
        }
      }),
    );
  });
});
