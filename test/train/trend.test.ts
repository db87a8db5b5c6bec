import {describe, expect, it} from 'vitest';
import {randomNormals, seededRandom} from '../../src/data/random.ts';
import {growthOf, type Moment, PARTS, trendOf} from '../../src/train/trend.ts';

/** Moments of a run with a constant rate. */
const moments = (valueAt: (movement: number, part: number) => number): readonly Moment[] =>
  Array.from({length: PARTS}, (_, part) => {
    const movement = (part + 0.5) / PARTS;
    return {movement, value: valueAt(movement, part)};
  });

const noise = randomNormals(seededRandom(1, 'noise'), PARTS);

describe('the trend of a loss', () => {
  it('falls by what a run twice as long would take away', () => {
    for (const power of [0.25, 1, 2]) {
      expect(trendOf(moments(movement => 3 * movement ** -power)).fall).toBeCloseTo(1 - 2 ** -power, 10);
    }
  });

  it('keeps all of its pace on a straight line, and none once it rests', () => {
    expect(trendOf(moments(movement => 3 - movement)).pace).toBeCloseTo(1, 10);
    const resting = trendOf(moments(movement => 1 + Math.exp(-20 * movement)));
    expect(resting.pace).toBeLessThan(0.05);
    expect(resting.fall).toBeLessThan(0.05);
  });

  it('is hardly moved by noise, nor by single outliers', () => {
    const noisy = trendOf(moments((movement, part) => (3 / movement) * (1 + 0.1 * noise[part]!)));
    expect(noisy.fall).toBeGreaterThan(0.4);
    expect(noisy.fall).toBeLessThan(0.6);
    const outlier = trendOf(moments((movement, part) => (3 / movement) * (part === 18 ? 50 : 1)));
    expect(outlier.fall).toBeGreaterThan(0.4);
    expect(trendOf(moments((_, part) => 1 + 0.02 * noise[part]!)).fall).toBeLessThan(0.05);
  });

  it('is none if the loss rises, is not above 0, or is known at too few moments', () => {
    const none = {fall: 0, pace: 0};
    expect(trendOf(moments(movement => movement))).toEqual(none);
    expect(trendOf(moments(() => 0))).toEqual(none);
    expect(trendOf(moments(movement => -1 / movement)).fall).toBe(0);
    expect(trendOf(moments(movement => 1 / movement).slice(0, 2))).toEqual(none);
    expect(trendOf([])).toEqual(none);
  });
});

describe('the growth of a value', () => {
  it('is what a run twice as long would add', () => {
    expect(growthOf(moments(movement => 0.9 + 0.02 * Math.log2(movement)))).toBeCloseTo(0.02, 10);
    expect(growthOf(moments(() => 0.9))).toBe(0);
    expect(growthOf([])).toBe(0);
  });
});
