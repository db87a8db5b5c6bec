import {describe, expect, it} from 'vitest';
import {cascaded, judgedAnswers} from '../../src/evaluate/calibration.ts';
import {exactInterval} from '../../src/statistics/bounds.ts';

// Confidences of about 0.99, 0.95, 0.88, 0.73 and 0.62; the fourth and the last are wrong.
const gaps = [4.6, 3, 2, 1, 0.5];
const five = gaps.flatMap(gap => [gap, 0]);
const named = [0, 0, 0, 1, 1];

describe('cascaded', () => {
  it('counts what the model answers, and the teacher as right of all else', () => {
    const at = (threshold: number) => cascaded(five, named, 2, {temperature: 1, threshold});
    expect(cascaded(five, named, 2, {temperature: 1})).toMatchObject({localShare: 1, agreement: 0.6, inputs: 5});
    expect(at(0.7)).toMatchObject({localShare: 0.8, agreement: 0.8});
    expect(at(0.9)).toMatchObject({localShare: 0.4, agreement: 1});
    expect(at(1)).toMatchObject({localShare: 0, agreement: 1});
  });

  it('gives the exact interval of the agreement', () => {
    expect(cascaded(five, named, 2, {temperature: 1, threshold: 0.7}).interval).toEqual(exactInterval(4, 5));
  });

  it('is less sure at a higher temperature', () => {
    expect(cascaded(five, named, 2, {temperature: 2, threshold: 0.7}).localShare).toBe(0.6);
  });
});

describe('judgedAnswers', () => {
  it('says how sure the model is, at most wholly, and whether the teacher says the same', () => {
    const judged = judgedAnswers([...five, 900, 0], [...named, 1], 2, 1);
    expect(judged.map(({agrees}) => agrees)).toEqual([true, true, true, false, false, false]);
    for (const [index, gap] of gaps.entries()) {
      expect(judged[index]!.confidence).toBeCloseTo(1 / (1 + Math.exp(-gap)), 6);
    }
    expect(judged[5]!.confidence).toBe(1);
  });
});
