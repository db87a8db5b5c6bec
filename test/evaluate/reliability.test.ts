import {describe, expect, it} from 'vitest';
import {reliability} from '../../src/evaluate/reliability.ts';
import {reference} from './reference.ts';

/** Two classes, the first with this probability. */
const rows = (...confidences: number[]) => confidences.flatMap(p => [Math.log(p), Math.log(1 - p)]);

describe('reliability bins', () => {
  it('reach from 0 to 1 without a gap, each edge one number', () => {
    const bins = reliability(rows(0.7), [0], 2);
    expect(bins).toHaveLength(15);
    expect(bins[0]!.low).toBe(0);
    expect(bins.at(-1)!.high).toBe(1);
    for (const [index, bin] of bins.slice(1).entries()) expect(bin.low).toBe(bins[index]!.high);
  });

  it('hold every example, also those whose confidence is an edge', () => {
    const {student, labels, classes} = reference;
    const count = (bins: ReturnType<typeof reliability>) => bins.reduce((sum, bin) => sum + bin.count, 0);
    expect(count(reliability(student, labels, classes))).toBe(labels.length);
    const edges = Array.from({length: 7}, (_, index) => (8 + index) / 15);
    expect(
      count(
        reliability(
          rows(...edges),
          edges.map(() => 0),
          2,
        ),
      ),
    ).toBe(7);
  });

  it('take an example on an edge into the lower bin', () => {
    const [lower, upper] = reliability([0, 0], [0], 2, {bins: 2});
    expect(lower).toEqual({low: 0, high: 0.5, count: 1, confidence: 0.5, accuracy: 1});
    expect(upper).toEqual({low: 0.5, high: 1, count: 0, confidence: 0, accuracy: 0});
  });

  it('know their mean confidence and how many are right', () => {
    const bins = reliability(rows(0.92, 0.98, 0.95, 0.7), [0, 0, 1, 1], 2, {bins: 10});
    expect(bins[9]!.count).toBe(3);
    expect(bins[9]!.confidence).toBeCloseTo(0.95, 12);
    expect(bins[9]!.accuracy).toBeCloseTo(2 / 3, 12);
    expect(bins[6]).toMatchObject({count: 1, accuracy: 0});
  });

  it('put certainty into the last one', () => {
    expect(reliability([1000, 0], [0], 2).at(-1)).toMatchObject({count: 1, confidence: 1, accuracy: 1});
  });
});
