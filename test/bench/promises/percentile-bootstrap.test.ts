import {describe, expect, it} from 'vitest';
import {reference} from '../../evaluate/reference.ts';
import {pairedBootstrap} from './percentile-bootstrap.ts';

const digits = (rows: readonly string[]) => rows.map(row => Uint8Array.from(row, Number));
const [first, second] = [digits(reference.bootstrap.first), digits(reference.bootstrap.second)];

describe('a paired bootstrap', () => {
  it('finds the interval of a plain one in NumPy, within Monte-Carlo error', () => {
    const {difference, interval} = pairedBootstrap(first, second);
    const {standardError} = reference.bootstrap;
    expect(difference).toBeCloseTo(reference.bootstrap.difference, 12);
    // The 2.5 % quantile of 10,000 normal draws has a standard error of .027 deviations; with ties, allow five of these.
    const allowed = 5 * 0.027 * standardError;
    expect(Math.abs(interval[0] - reference.bootstrap.interval[0])).toBeLessThan(allowed);
    expect(Math.abs(interval[1] - reference.bootstrap.interval[1])).toBeLessThan(allowed);
  });

  it('gives the same interval for the same seed, and another for another', () => {
    const at = (seed: number) => pairedBootstrap(first, second, {seed, resamples: 500}).interval;
    expect(at(1)).toEqual(at(1));
    expect(at(1)).not.toEqual(at(2));
  });

  it('turns round with its arguments', () => {
    const [forth, back] = [pairedBootstrap(first, second), pairedBootstrap(second, first)];
    expect(back.difference).toBeCloseTo(-forth.difference, 12);
    expect(back.interval[0]).toBeCloseTo(-forth.interval[1], 12);
    expect(back.p).toBe(forth.p);
  });

  it('knows the interval of a mean of which every example differs', () => {
    // 400 differences of ±1 around .1: the standard error is √(1 − .1²) / 20 = .04975.
    const scores = Float64Array.from({length: 400}, (_, index) => (index % 20 < 11 ? 1 : -1));
    const {interval, p} = pairedBootstrap([scores], [new Float64Array(400)]);
    expect(interval[0]).toBeCloseTo(0.1 - 1.96 * 0.04975, 2);
    expect(interval[1]).toBeCloseTo(0.1 + 1.96 * 0.04975, 2);
    expect(Math.abs(p - 0.047)).toBeLessThan(0.02);
  });

  it.each([
    [30, [0.21, 0.39]],
    [70, [0.61, 0.79]],
  ])('knows the binomial interval of %d examples in 100 that only one method has right', (right, expected) => {
    // Quantiles .025 and .975 of Binomial(100, .3) are 21 and 39 (SciPy).
    const scores = Uint8Array.from({length: 100}, (_, index) => (index < right ? 1 : 0));
    expect(pairedBootstrap([scores], [new Uint8Array(100)]).interval).toEqual(expected.map(x => expect.closeTo(x, 12)));
  });

  it('knows how much of the interval comes from the seeds', () => {
    // The same on every example, but +1 for one seed and -1 for the other: means of two draws are -1, 0 and 1.
    const constant = (value: number) => new Float64Array(50).fill(value);
    const {interval} = pairedBootstrap([constant(1), constant(-1)], [constant(0), constant(0)]);
    expect(interval).toEqual([-1, 1]);
  });

  it('has a narrower interval at a lower level', () => {
    const width = (level: number) => {
      const [low, high] = pairedBootstrap(first, second, {level}).interval;
      return high - low;
    };
    expect(width(0.5)).toBeLessThan(0.6 * width(0.95));
  });

  it('shows nothing if nothing differs', () => {
    expect(pairedBootstrap(first, first)).toEqual({difference: 0, interval: [0, 0], p: 1});
  });

  it('never claims a p of 0', () => {
    const {p} = pairedBootstrap([Float64Array.of(1, 1, 1)], [Float64Array.of(0, 0, 0)], {resamples: 99});
    expect(p).toBeCloseTo(0.02, 12);
  });

  it('refuses scores that are not paired', () => {
    const row = (length: number) => new Float64Array(length);
    expect(() => pairedBootstrap([row(3)], [row(3), row(3)])).toThrow('got 1 and 2 seeds with 3, 3, 3 examples');
    expect(() => pairedBootstrap([row(3)], [row(2)])).toThrow('Give both the same seeds and examples.');
    expect(() => pairedBootstrap([], [])).toThrow('A paired bootstrap needs a score and a baseline');
  });
});
