import {expect, it} from 'vitest';
import {random} from '../../src/select/random.ts';
import {known} from './candidates.ts';

it('chooses every candidate about as often as any other', () => {
  const counts = new Float64Array(known.count);
  for (let seed = 0; seed < 2000; seed++) for (const index of random().choose({...known, seed}, 4)) counts[index]!++;
  // Binomial, 200 expected of each, a standard deviation of 13.4.
  expect(Math.min(...counts)).toBeGreaterThan(200 - 4.5 * 13.4);
  expect(Math.max(...counts)).toBeLessThan(200 + 4.5 * 13.4);
});
