import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {Bucket} from '../../src/data/bucket/bucket.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import {labelQueries} from '../../src/study/asking.ts';
import {checkStudyWritable, isSaved} from '../../src/study/folders.ts';
import type {Labelled} from '../../src/study/missing.ts';
import {startMotoBucket} from '../servers/moto.ts';
import {NO_SERVERS} from '../servers/python-server.ts';
import {rows, shardedWork, TEXTS} from './sharded-work.ts';

const moto = await startMotoBucket('known');
const {at, recipe, asked, inStudy, placesFor, labelled, trained} = shardedWork();

beforeAll(() => {
  for (const [name, value] of Object.entries(moto?.variables ?? {})) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await moto?.stop();
});

const bucketFor = (name: string) => ({...placesFor(name), knowledge: `s3://known/${name}`});

const keysIn = async (name: string) => (await new Bucket(`s3://known/${name}/`).list()).map(({key}) => key);

describe.skipIf(!moto)(`knowledge in a bucket${moto ? '' : ` (${NO_SERVERS})`}`, () => {
  it('is the same as in a folder, and trains the same student to the bit as shards and as one file', async () => {
    const {path, knowledge} = await labelled(bucketFor('parts'));
    const folder = await labelled(placesFor('folder'));
    const one = (await inStudy(placesFor('whole'), 'all', study =>
      labelQueries(study, study.recipe.queryPlans[0]!),
    )) as Labelled;
    expect([path, knowledge.count]).toEqual(['s3://known/parts/black-box.shards', 250]);
    expect(await readdir(at('parts'))).not.toContain('out');
    const stored = await openKnowledge(path, {copies: at('copies')});
    expect(await stored.readInputs(rows(250))).toEqual(one.knowledge.inputs);
    expect(await stored.readAnswers(rows(250))).toEqual(one.knowledge.answers);
    await stored.close();
    const index = await new Bucket(path).get('parts/black-box.shards/index.json');
    expect(String(index)).toBe(await readFile(join(folder.path, 'index.json'), 'utf8'));
    const student = await trained(bucketFor('parts'));
    expect(student.length).toBeGreaterThan(0);
    expect(student).toEqual(await trained(placesFor('folder')));
    expect(student).toEqual(await trained(placesFor('whole')));
  });

  it('copies a shard to disk when its first row is read, and no copy stays that is not listed', async () => {
    const {path} = await labelled(bucketFor('copied'));
    const copies = at('few');
    const stored = await openKnowledge(path, {copies});
    const [own] = await readdir(copies);
    const copied = async () => (await readdir(join(copies, own!))).map(name => name.slice(0, 17));
    expect(await copied()).toEqual(['rows-000000000000']);
    expect(await stored.readInputs([249, 3])).toMatchObject({texts: [TEXTS[249], TEXTS[3]]});
    expect(await copied()).toEqual(['rows-000000000000', 'rows-000000000200']);
    await stored.close();
    const bucket = new Bucket(path);
    const key = 'copied/black-box.shards/index.json';
    const index = JSON.parse(String(await bucket.get(key)));
    await bucket.put(key, [Buffer.from(JSON.stringify({...index, shards: index.shards.slice(0, 2)}))]);
    await (await openKnowledge(path, {copies})).close();
    expect(await copied()).toEqual(['rows-000000000000']);
  });

  it('goes on after the last shard that is whole', async () => {
    const stop = new AbortController();
    const onProgress = () => {
      if (asked.length > 120) stop.abort();
    };
    await labelled({...bucketFor('stopped'), signal: stop.signal, onProgress}).catch(() => {});
    expect(await keysIn('stopped')).toHaveLength(2);
    await labelled(bucketFor('stopped'));
    expect(asked.length).toBeLessThan(140);
    const keys = await keysIn('stopped');
    expect(keys).toHaveLength(4);
    // One that was lost is made again from kept answers.
    await new Bucket('s3://known').delete(keys[2]!);
    expect(await labelled(bucketFor('stopped'))).toMatchObject({ledger: {asked: 100, bought: 0}});
    expect(await keysIn('stopped')).toEqual(keys);
  });

  it('is refused if it is not what the index lists', async () => {
    const {path} = await labelled(bucketFor('damaged'));
    const bucket = new Bucket('s3://known');
    const key = (await keysIn('damaged')).find(name => name.includes('rows-000000000100'))!;
    const bytes = await bucket.get(key);
    await bucket.put(key, [bytes!.with(-1, bytes!.at(-1)! ^ 1)]);
    const stored = await openKnowledge(path, {copies: at('damaged/copies')});
    await expect(stored.readAnswers([100])).rejects.toThrow(`s3://known/${key} is not what its index lists`);
    expect(await stored.readAnswers([99])).toMatchObject({count: 1});
    await stored.close();
  });

  it('of data in memory is one shard, which replaces those that were there', async () => {
    await labelled(bucketFor('one'));
    const {path} = (await inStudy(bucketFor('one'), 'all', study =>
      labelQueries(study, study.recipe.queryPlans[0]!),
    )) as Labelled;
    expect(path).toBe('s3://known/one/black-box.shards');
    expect(await keysIn('one')).toHaveLength(2);
    expect(await trained(bucketFor('one'))).toEqual(await trained(bucketFor('parts')));
  });

  it('is looked for before anything is bought', async () => {
    await checkStudyWritable(recipe, bucketFor('nothing'));
    expect(await keysIn('nothing')).toEqual([]);
    const absent = {...bucketFor('nothing'), knowledge: 's3://absent/here'};
    await expect(checkStudyWritable(recipe, absent)).rejects.toThrow("s3://absent/here/.limbeck can't be written: 404");
    expect(await inStudy(bucketFor('nothing'), 'sample', study => isSaved(study, study.recipe.queryPlans[0]!))).toBe(
      false,
    );
    await expect(inStudy({knowledge: 'here'}, 'sample', async () => {})).rejects.toThrow(
      'here is no URL such as s3://',
    );
  });
});
