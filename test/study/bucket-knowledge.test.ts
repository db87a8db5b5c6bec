import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it, vi} from 'vitest';
import {Bucket} from '../../src/data/bucket/bucket.ts';
import {textShards} from '../../src/data/shards/dataset.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import {hardLabels} from '../../src/losses/hard-labels.ts';
import type {Recipe} from '../../src/recipe/recipe.ts';
import {resolveRecipe} from '../../src/recipe/resolve.ts';
import {hashedNgrams} from '../../src/student/hashed-ngrams.ts';
import {labelQueries} from '../../src/study/asking.ts';
import {checkStudyWritable, isSaved} from '../../src/study/folders.ts';
import {withSavedKnowledge} from '../../src/study/knowledge.ts';
import {type LabelledInShards, labelInShards} from '../../src/study/label-shards.ts';
import type {Labelled} from '../../src/study/missing.ts';
import {learn} from '../../src/study/run.ts';
import {openStudy, type Study, type StudyOptions} from '../../src/study/study.ts';
import type {Teacher} from '../../src/teacher.ts';
import {writeLines} from '../data/shards/shard-files.ts';
import {startMotoBucket} from '../servers/moto.ts';
import {NO_SERVERS} from '../servers/python-server.ts';

const moto = await startMotoBucket('known');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-bucket-knowledge-'));
  await writeLines(at('texts.jsonl'), TEXTS);
  await writeLines(at('test.jsonl'), ['to measure by', 'and another']);
  for (const [name, value] of Object.entries(moto?.variables ?? {})) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await moto?.stop();
  await rm(folder, {recursive: true});
});

const at = (path: string) => join(folder, path);
const TEXTS = Array.from({length: 250}, (_, row) => `text ${row} of ${'many '.repeat(row % 7)}`);
const rows = (count: number) => Array.from({length: count}, (_, row) => row);
const classes = ['even', 'odd'];
const asked: string[] = [];

const parity: Teacher<'black-box'> = {
  ...{name: 'parity', identity: {}, access: 'black-box', classes, detail: {kind: 'label'}, maxBatch: 10},
  ask: async queries =>
    queries.map(({input}) => {
      const {text} = input as {readonly text: string};
      asked.push(text);
      return {answer: {kind: 'label', label: text.length % 2}};
    }),
};

const recipe: Recipe = {
  name: 'sharded',
  data: () => textShards({path: at('texts.jsonl'), test: at('test.jsonl'), classes, index: at('index')}),
  transfer: {size: 250},
  teachers: {'black-box': () => parity},
  student: hashedNgrams({units: [4], buckets: 256}),
  methods: [{level: 'black-box', method: 'labels', losses: [hardLabels()]}],
  seeds: [1],
  training: {epochs: 2, batchSize: 32},
};

const placesFor = (name: string) => ({directory: at(`${name}/out`), cache: at(`${name}/answers`)});
const bucketFor = (name: string) => ({...placesFor(name), knowledge: `s3://known/${name}`});

async function inStudy<T>(
  options: StudyOptions,
  held: 'all' | 'sample',
  use: (study: Study) => Promise<T>,
): Promise<T> {
  asked.length = 0;
  const study = await openStudy(await resolveRecipe(recipe, held), ['black-box'], options);
  return use(study).finally(() => study.close());
}

const labelled = (options: StudyOptions) =>
  inStudy(options, 'sample', async study => {
    const found = await labelInShards(study, study.recipe.queryPlans[0]!, new Map(), 100);
    return found as LabelledInShards;
  });

/** The weights of the student that `train` makes. */
const trained = (options: StudyOptions) =>
  inStudy(options, 'sample', async study => {
    const [method] = study.recipe.methods;
    const {directory} = await withSavedKnowledge(study, method!, saved => learn(study, saved, 1, {}));
    const files = (await readdir(directory)).filter(file => file.endsWith('.bin')).sort();
    return Promise.all(files.map(file => readFile(join(directory, file), 'base64')));
  });

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
