import {expect, it} from 'vitest';
import {entropy} from '../../src/select/entropy.ts';
import {margin} from '../../src/select/margin.ts';
import {choices, known} from './candidates.ts';

it('orders candidates as SciPy does', () => {
  expect([...margin().choose(known, known.count)]).toEqual(choices.margin);
});

it('differs from entropy if a third class matters', () => {
  // Between two classes alone; less sure in all, with a wider gap.
  const logits = [Float32Array.from([0.48, 0.46, 0.06, 0.44, 0.28, 0.28].map(Math.log))];
  const pair = {count: 2, classes: 3, seed: 1, labels: Int32Array.of(0), logits};
  expect([...margin().choose(pair, 1)]).toEqual([0]);
  expect([...entropy().choose(pair, 1)]).toEqual([1]);
});
