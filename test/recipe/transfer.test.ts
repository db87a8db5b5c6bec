import fc from 'fast-check';
import {describe, expect, it} from 'vitest';
import type {ShardedDataset} from '../../src/data/shards/dataset.ts';
import {InputError} from '../../src/errors.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import {drawTransfer, SAMPLED_RUNS, sampledRuns} from '../../src/recipe/transfer.ts';
import {margin} from '../../src/select/margin.ts';

/** A set of texts in shards that counts what is read. */
function shardedSet(count: number): {data: ShardedDataset; read: number[]} {
  const read: number[] = [];
  const textsAt = (rows: ArrayLike<number>) => Array.from(rows, row => `text ${row}`);
  const data: ShardedDataset = {
    classes: ['a', 'b'],
    train: {
      ...{role: 'train', kind: 'text', count, digest: 'of the shards'},
      async read(rows) {
        read.push(...Array.from(rows));
        return {kind: 'text', count: rows.length, texts: textsAt(rows)};
      },
    },
    test: {role: 'test', inputs: {kind: 'text', count: 1, texts: ['x']}},
  };
  return {data, read};
}

const methods = [{level: 'black-box', method: 'labels', losses: [hardLabels()]}] as const;

describe('drawTransfer', () => {
  it('holds a sample of what is in shards, and reads any part of the drawn order', async () => {
    const {data, read} = shardedSet(1_000_000);
    const {drawn, shards} = await drawTransfer(data, {transfer: {size: 1_000_000}, methods}, 'sample');
    expect(read).toHaveLength(1024);
    expect(drawn.inputs.count).toBe(1024);
    expect(await shards!.read({from: 700, to: 703})).toMatchObject({texts: ['text 700', 'text 701', 'text 702']});
    expect(shards).toMatchObject({count: 1_000_000, digest: 'of the shards', held: 'sample'});
  });

  it('holds all that are drawn, in the drawn order, with the same sample to build students by', async () => {
    const recipe = {transfer: {size: 5000, seed: 2}, methods};
    const [all, sample] = await Promise.all(
      (['all', 'sample'] as const).map(held => drawTransfer(shardedSet(9000).data, recipe, held)),
    );
    expect(all!.drawn.inputs.count).toBe(5000);
    expect(await sample!.shards!.read({from: 0, to: 5000})).toEqual(all!.drawn.inputs);
    expect(sample!.data.train.inputs).toEqual(all!.data.train.inputs);
    const nested = await drawTransfer(shardedSet(9000).data, {...recipe, budgets: [50, 5000]}, 'sample');
    expect(await nested.shards!.read({from: 0, to: 3})).toEqual(await sample!.shards!.read({from: 0, to: 3}));
  });

  it('refuses to choose among inputs in shards, or to have an assistant label them', async () => {
    const transfer = {size: 10};
    const chosen = [{...methods[0], select: {by: margin()}}];
    const refused = drawTransfer(shardedSet(20).data, {transfer, methods: chosen}, 'all');
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow('Method `labels` chooses among all training inputs, and inputs in shards');
    const assisted = drawTransfer(shardedSet(20).data, {transfer, methods, assistant: {encoder: 'some'}}, 'all');
    await expect(assisted).rejects.toThrow('The assistant labels all training inputs, and inputs in shards');
  });
});

describe('sampledRuns', () => {
  it('has one run in each of as many equal parts, and follows from the seed', () => {
    fc.assert(
      fc.property(fc.integer({min: 1025, max: 100_000_000}), fc.integer(), (size, seed) => {
        const runs = sampledRuns({size, seed});
        expect(runs).toHaveLength(SAMPLED_RUNS);
        for (const [run, {from, to}] of runs.entries()) {
          expect(to - from).toBe(32);
          expect(from).toBeGreaterThanOrEqual(Math.floor((run * size) / SAMPLED_RUNS));
          expect(to).toBeLessThanOrEqual(Math.floor(((run + 1) * size) / SAMPLED_RUNS));
        }
        expect(sampledRuns({size, seed})).toEqual(runs);
      }),
    );
  });

  it('takes a small set as a whole', () => {
    expect(sampledRuns({size: 1024})).toEqual([{from: 0, to: 1024}]);
  });
});
