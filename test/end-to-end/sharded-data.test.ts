import {mkdir, readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, expect, it} from 'vitest';
import {writeLines, writeShards} from '../data/shards/shard-files.ts';
import {startMotoBucket} from '../servers/moto.ts';
import {NO_SERVERS} from '../servers/python-server.ts';
import type {Labelled} from './hostile-work.ts';
import {fixture, workplace} from './limbeck.ts';

const {folder, run, json} = workplace();
const moto = await startMotoBucket('known');
afterAll(() => moto?.stop());
const LABEL = ['label', fixture('sharded.ts')];
const TEXTS = Array.from({length: 600}, (_, row) => `text ${row} of a set`);

it('labels data in shards by ranges over one store, with the same knowledge as from one file, and trains on it', async () => {
  const at = (path: string) => join(folder(), path);
  await writeShards(at('shards'), TEXTS, [200, 150, 200, 50]);
  await writeLines(at('all.jsonl'), TEXTS);
  await writeLines(at('test.jsonl'), ['to measure by', 'and another']);
  // Each shard has the hash of what it holds in its name.
  const namesIn = (folder: string) => readdir(at(`${folder}/knowledge/black-box.shards`));
  // Another store, so that nothing is kept.
  const alone = ['--cache', 'alone/answers', '--out', 'alone/out'];
  await mkdir(at('alone'));
  const parts = [['--rows', '0:200'], ['--rows', '200:600'], alone].map(flags =>
    json<Labelled>([...LABEL, ...flags], flags === alone ? {env: {TEST_SHARDS: 'all.jsonl'}} : {}),
  );
  expect((await Promise.all(parts)).map(({levels}) => levels[0]!.answers)).toEqual([200, 400, 600]);
  const {levels} = await json<Labelled>([...LABEL, '--offline']);
  expect(levels).toMatchObject([{answers: 600, bought: 0, missing: 0}]);
  expect(await namesIn('out/sharded')).toEqual(await namesIn('alone/out'));
  expect((await run(['train', fixture('sharded.ts')])).stdout).toContain('Student: out/sharded');
});

it.skipIf(!moto)(
  `keeps the same knowledge in a bucket, and trains the same student on it${moto ? '' : ` (${NO_SERVERS})`}`,
  async () => {
    const kept = ['--knowledge', 's3://known/tickets', '--out', 'bucket'];
    const env = moto!.variables;
    const {levels} = await json<Labelled>([...LABEL, '--offline', ...kept], {env});
    expect(levels).toMatchObject([{answers: 600, path: 's3://known/tickets/black-box.shards'}]);
    await json(['train', fixture('sharded.ts'), ...kept], {env});
    const weights = (out: string) => readFile(join(folder(), out, 'students/labels/seed-1/weights.bin'), 'base64');
    expect(await weights('bucket')).toBe(await weights('out/sharded'));
    const again = await run(['train', fixture('sharded.ts'), '--knowledge', 's3://known/none'], {env});
    expect(again.stderr).toContain('There is no knowledge at s3://known/none/black-box.shards. Ask for it first');
  },
);
