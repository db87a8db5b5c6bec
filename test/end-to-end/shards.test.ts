import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {beforeEach, describe, expect, it} from 'vitest';
import type {BatchService} from './batch-service.ts';
import {batchWorkplace} from './batch-workplace.ts';
import type {Labelled} from './hostile-work.ts';
import {fixture} from './limbeck.ts';

const INPUTS = 21;
const {folder, run, json, served} = batchWorkplace(INPUTS);
const LABEL = ['label', fixture('batched.ts')];

describe('limbeck label of a part of the transfer set', () => {
  let service: BatchService;
  let env: Record<string, string>;

  beforeEach(() => {
    ({service, env} = served());
  });

  /** Every text was asked about once. */
  function expectOnce(): void {
    const asked = [...service.alone, ...service.batches.flatMap(({texts}) => texts)];
    expect(asked).toHaveLength(INPUTS);
    expect(new Set(asked).size).toBe(INPUTS);
  }

  it('asks about its share in each of two processes at once; the whole then buys nothing and saves the knowledge', async () => {
    const halves = await Promise.all([1, 2].map(number => run([...LABEL, '--shard', `${number}/2`], {env})));
    expect(halves.map(({code, stdout}) => [code, stdout.trim()])).toEqual([
      [0, 'black-box: 10 answers (10 bought, 0 cached) about rows 0:10 of 21'],
      [0, 'black-box: 11 answers (11 bought, 0 cached) about rows 10:21 of 21'],
    ]);
    for (const {stderr} of halves)
      expect(stderr).toContain('the same command without `--shard` saves the knowledge, and buys only what this cache');
    expect(existsSync(join(folder(), 'out'))).toBe(false);
    expect(await json<Labelled>([...LABEL, '--offline'], {env})).toMatchObject({
      levels: [{answers: INPUTS, bought: 0, cached: INPUTS, path: 'out/batched/knowledge/black-box.safetensors'}],
    });
    expectOnce();
  });

  it('submits its share as batches, which the whole collects', async () => {
    const detached = ['--lane', 'batch', '--detach'];
    const parts = [
      ['--rows', '0:8'],
      ['--rows', '8:21'],
    ].map(rows => run([...LABEL, ...rows, ...detached], {env}));
    for (const {code, stderr} of await Promise.all(parts)) {
      expect([code, stderr]).toEqual([0, expect.stringContaining('without `--rows` saves the knowledge')]);
    }
    service.isReady = true;
    const {levels} = await json<Labelled>([...LABEL, '--lane', 'batch'], {env});
    expect(levels).toMatchObject([{answers: INPUTS, missing: 0}]);
    expect(service.batches.map(({texts}) => texts.length).sort()).toEqual([12, 7]);
    expectOnce();
  });

  it.each([
    [['--rows', '5:5'], 'Give A:B, whole numbers with A below B'],
    [['--rows', '5:22'], 'There are no rows 5:22 in a transfer set of 21 inputs'],
    [['--rows', '0:5', '--shard', '1/2'], "option '--rows <A:B>' cannot be used with option '--shard <N/M>'"],
  ])('refuses %j, and asks nothing', async (part, message) => {
    const {code, stderr} = await run([...LABEL, ...part], {env});
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
    expect([service.alone, existsSync(join(folder(), '.limbeck'))]).toEqual([[], false]);
  });
});

describe('limbeck label of a part of the transfer set of several questions', () => {
  it('asks every question about it', async () => {
    const label = ['label', fixture('questions.ts')];
    const first = await json<Labelled>([...label, '--rows', '0:30']);
    const asked = {rows: {from: 0, to: 30}, of: 80, answers: 30, missing: 0};
    expect(first.levels).toMatchObject([
      {question: 'corner', ...asked},
      {question: 'bright', ...asked},
    ]);
    await json([...label, '--rows', '30:80']);
    const {levels} = await json<Labelled>([...label, '--offline']);
    expect(levels).toMatchObject([
      {answers: 80, bought: 0},
      {answers: 80, bought: 0},
    ]);
  });
});
