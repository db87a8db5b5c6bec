import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {disagreement} from '../../src/select/disagreement.ts';
import {choices, known} from './candidates.ts';

describe('disagreement', () => {
  it('orders candidates by the mean KL divergence from the mean as SciPy does', () => {
    expect([...disagreement().choose(known, known.count)]).toEqual(choices.disagreement);
  });

  it('does not mind doubt that all share, nor a class that all rule out', () => {
    const certain = [0, -50, Number.NEGATIVE_INFINITY];
    const doubtful = [0, 0, Number.NEGATIVE_INFINITY];
    const logits = [
      [...certain, ...doubtful, 1, 0, 0],
      [...certain, ...doubtful, 0, 1, 0],
    ].map(rows => Float32Array.from(rows));
    const candidates = {count: 3, classes: 3, seed: 1, labels: Int32Array.of(0), logits};
    for (let seed = 0; seed < 5; seed++) {
      expect([...disagreement({students: 2}).choose({...candidates, seed}, 1)]).toEqual([2]);
    }
  });

  it('refuses fewer than two students', () => {
    expect(() => disagreement({students: 1})).toThrow(InputError);
  });
});
