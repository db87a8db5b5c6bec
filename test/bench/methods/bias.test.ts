import {assert, integer, property, tuple, uniqueArray} from 'fast-check';
import {describe, expect, it} from 'vitest';
import {accuracy} from '../../../src/evaluate/metrics.ts';
import {bestBias, type Judged, withBias} from './bias.ts';

const CLASSES = 4;
// Rows of random classes, with logits in steps of 1/8, so that sums are exact.
const judged = tuple(integer({min: 1, max: 60}), integer()).map(([rows, seed]): Judged => {
  let state = seed >>> 0;
  const next = (values: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * values);
  };
  const logits = Float32Array.from({length: rows * CLASSES}, () => next(80) / 8);
  return {logits, labels: Int32Array.from({length: rows}, () => next(CLASSES))};
});

describe('one bias for classes that were never seen', () => {
  it('is the middle of the range that makes most rows right', () => {
    const logits = Float32Array.of(3, 0, 0, 5, 0, 1, 2, 0, 0);
    // Class 1 is right in the first row above 3 and in the second above 5; in the third it is wrong above 2.
    expect(bestBias({logits, labels: Int32Array.of(1, 1, 0)}, 3, [1])).toBe(6);
    expect(bestBias({logits, labels: Int32Array.of(1, 0, 0)}, 3, [1])).toBeCloseTo(1);
    expect(bestBias({logits, labels: Int32Array.of(1, 0, 2)}, 3, [1])).toBe(4);
  });

  it('is as right as the best of all biases that were tried one by one', () => {
    assert(
      property(
        judged,
        uniqueArray(integer({min: 0, max: CLASSES - 1}), {minLength: 1, maxLength: 3}),
        (rows, raised) => {
          const rightWith = (bias: number): number =>
            accuracy(withBias(rows.logits, CLASSES, raised, bias), rows.labels, CLASSES);
          const tried = Array.from({length: 2 * 11 * 16}, (_, step) => rightWith(step / 16 - 11 + 1 / 32));
          expect(rightWith(bestBias(rows, CLASSES, raised))).toBe(Math.max(...tried));
        },
      ),
    );
  });

  it('raises no class but those named', () => {
    expect(withBias(Float32Array.of(1, 2, 3, 4), 2, [1], 10)).toEqual(Float32Array.of(1, 12, 3, 14));
  });
});
