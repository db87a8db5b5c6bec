import {expect, it} from 'vitest';
import {entropy} from '../../src/select/entropy.ts';
import {choices, known} from './candidates.ts';

it('orders candidates as SciPy does', () => {
  expect([...entropy().choose(known, known.count)]).toEqual(choices.entropy);
});
