import {mkdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {expect, it} from 'vitest';
import {writeLines, writeShards} from '../data/shards/shard-files.ts';
import type {Labelled} from './hostile-work.ts';
import {fixture, workplace} from './limbeck.ts';

const {folder, run, json} = workplace();
const LABEL = ['label', fixture('sharded.ts')];
const TEXTS = Array.from({length: 600}, (_, row) => `text ${row} of a set`);

it('labels data in shards by ranges over one store, with the same knowledge as from one file, and trains on it', async () => {
  const at = (path: string) => join(folder(), path);
  await writeShards(at('shards'), TEXTS, [200, 150, 200, 50]);
  await writeLines(at('all.jsonl'), TEXTS);
  await writeLines(at('test.jsonl'), ['to measure by', 'and another']);
  const knowledge = () => readFile(at('out/sharded/knowledge/black-box.shards/rows-000000000000.safetensors'));
  // Another store, so that nothing is kept.
  const alone = ['--cache', 'alone/answers', '--out', 'alone/out'];
  await mkdir(at('alone'));
  const parts = [['--rows', '0:200'], ['--rows', '200:600'], alone].map(flags =>
    json<Labelled>([...LABEL, ...flags], flags === alone ? {env: {TEST_SHARDS: 'all.jsonl'}} : {}),
  );
  expect((await Promise.all(parts)).map(({levels}) => levels[0]!.answers)).toEqual([200, 400, 600]);
  const {levels} = await json<Labelled>([...LABEL, '--offline']);
  expect(levels).toMatchObject([{answers: 600, bought: 0, missing: 0}]);
  expect(await knowledge()).toEqual(
    await readFile(at('alone/out/knowledge/black-box.shards/rows-000000000000.safetensors')),
  );
  expect((await run(['train', fixture('sharded.ts')])).stdout).toContain('Student: out/sharded');
});
