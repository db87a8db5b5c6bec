import {describe, expect, it} from 'vitest';
import {highest} from '../../src/select/highest.ts';

describe('highest', () => {
  it('takes the highest scores, the highest first', () => {
    expect([...highest(Float64Array.of(0.1, 0.9, -2, 0.5), 3, 1)]).toEqual([1, 3, 0]);
  });

  it('draws among ties by the seed, and never one that scores lower', () => {
    const scores = Float64Array.of(1, 0, 1, 0, 1, 1);
    const first = new Set<number>();
    for (let seed = 0; seed < 50; seed++) {
      const [one, other] = highest(scores, 2, seed);
      expect([scores[one!], scores[other!]]).toEqual([1, 1]);
      first.add(one!);
    }
    expect([...first].sort()).toEqual([0, 2, 4, 5]);
  });
});
