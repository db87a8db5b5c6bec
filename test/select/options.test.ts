import {describe, expect, it} from 'vitest';
import {InputError} from '../../src/errors.ts';
import {medoids} from '../../src/select/medoids.ts';
import {planOf} from '../../src/select/options.ts';
import {random} from '../../src/select/random.ts';

const pool = {kind: 'text', count: 1000, texts: Array.from({length: 1000}, String)} as const;
const least = {by: random(), seed: 1, most: 400};

describe('planOf', () => {
  it('holds out a fifth, begins with a tenth and goes on by tenths', () => {
    expect(planOf(pool, least)).toMatchObject({held: 80, first: 40, size: 40, explore: 0, among: 1000});
    expect(planOf(pool, {...least, most: 10_000, size: 7})).toMatchObject({held: 200, first: 100, size: 7});
  });

  it('begins with as many as in a further round if no answer is needed to choose', () => {
    const by = medoids({encoder: 'an-encoder'});
    expect(planOf(pool, {...least, by, size: 70})).toMatchObject({first: 70, size: 70});
    expect(planOf(pool, {...least, by, held: 50, size: 400, calibration: 30})).toMatchObject({first: 320});
    expect(planOf(pool, {...least, by, held: 50, size: 400, first: 20})).toMatchObject({first: 20});
    expect(planOf(pool, {...least, by: random(), start: by, size: 70})).toMatchObject({first: 40});
  });

  it.each([
    [{most: 0}, '`most` to be a whole number of at least 1, got 0'],
    [{held: 1.5}, '`held` to be a whole number'],
    [{first: 0}, '`first` to be'],
    [{size: Number.NaN}, '`size` to be'],
    [{among: -1}, '`among` to be'],
    [{explore: 1.1}, '`explore` to be a share from 0 to 1, got 1.1'],
    [{stop: {agreement: 95}}, '`stop.agreement` to be a share from 0 to 1, got 95'],
    [{stop: {gain: -1}}, '`stop.gain` to be'],
    [{held: 300, first: 101}, 'asks about 401 inputs, 300 held out and 101 to learn from, and 400 may be'],
    [{most: 5000, held: 600, first: 401}, 'and 1000 may be'],
    [{most: 2}, 'asks about 3 inputs, 2 held out and 1'],
  ])('refuses %o', (changes, problem) => {
    const plan = () => planOf(pool, {...least, ...changes});
    expect(plan).toThrow(InputError);
    expect(plan).toThrow(problem);
  });
});
