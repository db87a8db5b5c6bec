import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import {cascaded, thresholdFor} from '../../src/evaluate/calibration.ts';

// Confidences of about 0.99, 0.95, 0.88, 0.73 and 0.62; the fourth and the last are wrong.
const gaps = [4.6, 3, 2, 1, 0.5];
const five = gaps.flatMap(gap => [gap, 0]);
const named = [0, 0, 0, 1, 1];

describe('cascaded', () => {
  it('counts what the model answers, and the teacher as right of all else', () => {
    const at = (threshold: number) => cascaded(five, named, 2, {temperature: 1, threshold});
    expect(cascaded(five, named, 2, {temperature: 1})).toEqual({localShare: 1, agreement: 0.6});
    expect(at(0.7)).toEqual({localShare: 0.8, agreement: 0.8});
    expect(at(0.9)).toEqual({localShare: 0.4, agreement: 1});
    expect(at(1)).toEqual({localShare: 0, agreement: 1});
  });

  it('is less sure at a higher temperature', () => {
    expect(cascaded(five, named, 2, {temperature: 2, threshold: 0.7}).localShare).toBe(0.6);
  });
});

describe('thresholdFor', () => {
  const confidences = gaps.map(gap => 1 / (1 + Math.exp(-gap)));

  it('lets the model answer for as long as it was right, and may expect to be', () => {
    // Sums of what is expected to be wrong: 0.01, 0.06, 0.18, 0.45, 0.82; of what was: 0, 0, 0, 1, 2. Each out of five.
    const at = (agreement: number) => thresholdFor(five, named, 2, {temperature: 1, agreement});
    expect(at(0.8)).toBeCloseTo(confidences[3]!, 9);
    expect(at(0.96)).toBeCloseTo(confidences[2]!, 9);
    expect(at(0.98)).toBeCloseTo(confidences[1]!, 9);
    expect(at(0.9999)).toBe(1);
    expect(at(0.6)).toBe(0);
  });

  it('agrees on these inputs as often as was wanted, whatever the model', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.float({min: -8, max: 8, noNaN: true}), fc.boolean()), {minLength: 1, maxLength: 60}),
        fc.double({min: 0, max: 1, noNaN: true}),
        (answers, agreement) => {
          const logits = answers.flatMap(([gap]) => [gap, 0]);
          const truth = answers.map(([gap, isRight]) => (gap >= 0 === isRight ? 0 : 1));
          const threshold = thresholdFor(logits, truth, 2, {temperature: 1, agreement});
          const {agreement: reached} = cascaded(logits, truth, 2, {temperature: 1, threshold});
          // At 1 those answers remain that the model is certain of to the last bit.
          if (threshold < 1) expect(reached).toBeGreaterThanOrEqual(agreement - 1e-9);
        },
      ),
    );
  });
});
