import {describe, expect, it} from 'vitest';
import type {Knowledge} from '../../src/knowledge/knowledge.ts';
import {Encodings} from '../../src/select/encodings.ts';
import {planOf} from '../../src/select/options.ts';
import {random} from '../../src/select/random.ts';
import {type ChooseOptions, chooseNext} from '../../src/select/select-in-rounds.ts';
import type {Strategy} from '../../src/select/strategy.ts';

const pool = {kind: 'text', count: 100, texts: Array.from({length: 100}, String)} as const;
const learned: Knowledge = {
  source: {access: 'black-box', identity: {}},
  classes: ['yes', 'no'],
  detail: {kind: 'label'},
  inputs: {kind: 'text', count: 0, texts: []},
  answers: {kind: 'label', count: 0, labels: new Int32Array(0)},
};
/** Takes the first candidates, so that those chosen are the lowest of them. */
const firstOnes: Strategy = {
  ...random(),
  choose: (_, size) => Int32Array.from({length: size}, (_, index) => index),
};

function choose(rows: readonly number[], changes: Partial<ChooseOptions['plan']> = {}, size = 8): Promise<Int32Array> {
  const plan = {...planOf(pool, {by: firstOnes, most: 50, seed: 1}), ...changes};
  return chooseNext(pool, Int32Array.from(rows), {
    plan,
    by: plan.by,
    size,
    students: [],
    learned,
    seed: 1,
    encodings: new Encodings(undefined),
  });
}

const evens = Array.from({length: 50}, (_, index) => 2 * index);

describe('chooseNext', () => {
  it('gives indices in the pool, of inputs that were not asked about', async () => {
    expect([...(await choose(evens))]).toEqual(evens.slice(0, 8));
    expect([...(await choose([4, 9, 1]))].sort()).toEqual([1, 4, 9]);
  });

  it('takes a share at random, and no input twice', async () => {
    const chosen = [...(await choose(evens, {explore: 0.5}))];
    expect(new Set(chosen).size).toBe(8);
    expect(chosen.every(row => evens.includes(row))).toBe(true);
    const left = evens.filter(row => !chosen.slice(0, 4).includes(row));
    expect(chosen.slice(4)).toEqual(left.slice(0, 4));
  });

  it('looks at no more than it may, and at enough', async () => {
    const [some, few] = [await choose(evens, {among: 10}), await choose(evens, {among: 1})];
    expect([...some]).not.toEqual(evens.slice(0, 8));
    expect([...some]).toEqual([...some].sort((one, other) => one - other));
    expect(new Set(few).size).toBe(8);
  });
});
