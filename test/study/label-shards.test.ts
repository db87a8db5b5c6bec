import {readdir, readFile, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout} from 'node:timers/promises';
import {describe, expect, it} from 'vitest';
import {textShards} from '../../src/data/shards/dataset.ts';
import {BudgetError, TeacherError} from '../../src/errors.ts';
import {loadKnowledge} from '../../src/knowledge/files.ts';
import {localFolder} from '../../src/knowledge/local-folder.ts';
import {openKnowledge} from '../../src/knowledge/open-knowledge.ts';
import {readShardIndex} from '../../src/knowledge/shard-index.ts';
import {resolveRecipe} from '../../src/recipe/resolve.ts';
import {labelQueries} from '../../src/study/asking.ts';
import {knowledgePath} from '../../src/study/folders.ts';
import {type LabelledInShards, labelInShards} from '../../src/study/label-shards.ts';
import type {Labelled} from '../../src/study/missing.ts';
import {openStudy, type StudyOptions} from '../../src/study/study.ts';
import type {Teacher} from '../../src/teacher.ts';
import {batchingTeacher} from '../ask/lane/batching-teacher.ts';
import {writeLines} from '../data/shards/shard-files.ts';
import {rows, shardedWork, TEXTS} from './sharded-work.ts';

const {at, recipe, asked, breakAt, inStudy, placesFor, ...work} = shardedWork();

const labelled = (name: string, options: StudyOptions = {}) => work.labelled({...placesFor(name), ...options});
const trained = (name: string) => work.trained(placesFor(name));

/** Labels numbers by the batch lane of a teacher, in shards of a hundred. */
async function inBatches(name: string, teacher: Teacher<'black-box'>, options: StudyOptions = {}) {
  await writeLines(at('numbers.jsonl'), rows(250).map(String));
  const {classes} = teacher;
  const data = () => textShards({path: at('numbers.jsonl'), test: at('test.jsonl'), classes, index: at('numbers')});
  const about = await resolveRecipe({...recipe, data, teachers: {'black-box': () => teacher}}, 'sample');
  const sleep = (_: number, stop?: AbortSignal) => setTimeout(1, undefined, {signal: stop});
  const study = await openStudy(about, ['black-box'], {...placesFor(name), lane: {sleep}, ...options});
  return labelInShards(study, study.recipe.queryPlans[0]!, new Map(), 100).finally(() => study.close());
}

describe('labelInShards', () => {
  it('saves shards with an index, which hold the same as one file, and train the same student to the bit', async () => {
    const whole = await inStudy(placesFor('whole'), 'all', study => labelQueries(study, study.recipe.queryPlans[0]!));
    const {path, knowledge, missing, unasked, ledger} = await labelled('parts');
    expect([knowledge, missing, unasked]).toEqual([{count: 250, detail: {kind: 'label'}}, [], 0]);
    expect(ledger).toMatchObject({asked: 250, bought: 250});
    const one = await loadKnowledge((whole as Labelled).path);
    const stored = await openKnowledge(path);
    const order = [249, ...rows(250), 100, 99, 7];
    expect(await stored.readInputs(rows(250))).toEqual(one.inputs);
    expect(await stored.readAnswers(rows(250))).toEqual(one.answers);
    expect(await stored.readInputs(order)).toMatchObject({texts: order.map(row => TEXTS[row])});
    await expect(stored.readInputs([250])).rejects.toThrow('There is no row 250 in');
    await stored.close();
    const index = await readShardIndex(localFolder(path));
    expect(
      index!.shards.map(({file, rows, count, sha256}) => [file.replace(sha256.slice(0, 16), 'HASH'), rows, count]),
    ).toEqual([
      ['rows-000000000000-HASH.safetensors', [0, 100], 100],
      ['rows-000000000100-HASH.safetensors', [100, 200], 100],
      ['rows-000000000200-HASH.safetensors', [200, 250], 50],
    ]);
    expect(await trained('parts')).toEqual(await trained('whole'));
  });

  it('goes on after the last shard that is whole, and makes a damaged one again from kept answers', async () => {
    const stop = new AbortController();
    const onProgress = () => {
      if (asked.length > 120) stop.abort();
    };
    await labelled('stopped', {signal: stop.signal, onProgress}).catch(() => {});
    const {path} = await labelled('stopped');
    expect(asked.length).toBeLessThan(140);
    const before = await readFile(join(path, 'index.json'), 'utf8');
    const file = join(path, JSON.parse(before).shards[1].file);
    const bytes = await readFile(file);
    await writeFile(file, bytes.with(-1, bytes.at(-1)! ^ 1));
    expect(await labelled('stopped')).toMatchObject({ledger: {asked: 100, bought: 0}});
    expect(await readFile(file)).toEqual(bytes);
    expect(await readFile(join(path, 'index.json'), 'utf8')).toBe(before);
  });

  it('counts what has no answer, and asks about it again', async () => {
    breakAt('text 12');
    const {missing, knowledge, path} = await labelled('broken');
    expect(missing.map(({index}) => index)).toEqual([12, ...rows(10).map(row => 120 + row)]);
    expect(knowledge.count).toBe(239);
    const stored = await openKnowledge(path);
    expect([stored.count, stored.unanswered]).toEqual([239, 11]);
    await stored.close();
    breakAt(undefined);
    expect(await labelled('broken')).toMatchObject({missing: [], knowledge: {count: 250}});
    expect(asked).toHaveLength(11);
  });

  it('saves what is answered if the budget of other processes ended before a shard', async () => {
    breakAt('text 1');
    const unpaid = new Map(rows(100).map(row => [100 + row, new BudgetError('It is spent.')]));
    const found = await inStudy(placesFor('unpaid'), 'sample', study =>
      labelInShards(study, study.recipe.queryPlans[0]!, unpaid, 100),
    );
    breakAt(undefined);
    expect(found).toMatchObject({unasked: 100, knowledge: {count: 139}});
  });

  it('asks about several shards at once while it waits for their batches, and tells how far all are', async () => {
    // No batch ends before those of all shards are there.
    const teacher = batchingTeacher({lane: {poll: async () => ({isEnded: teacher.batches.length >= 3, done: 0})}});
    const told: number[] = [];
    const onProgress = ({done, total}: {done: number; total: number}) => told.push(done / total);
    const found = await inBatches('batches', teacher, {onProgress});
    expect(found).toMatchObject({knowledge: {count: 250}, missing: [], unasked: 0, ledger: {bought: 250}});
    const stored = await openKnowledge((found as LabelledInShards).path);
    expect(await stored.readAnswers(rows(250))).toMatchObject({labels: Int32Array.from(rows(250), row => row % 3)});
    await stored.close();
    expect([told, told.at(-1)]).toEqual([told.toSorted((one, other) => one - other), 1]);
  });

  it('stops all shards if one of them fails', async () => {
    const poll = async (id: string) => {
      if (id === 'batch-2') throw new TeacherError('a payer', 'It answered 401.', {status: 401});
      return {isEnded: false, done: 0};
    };
    await expect(inBatches('refused', batchingTeacher({lane: {poll}}))).rejects.toThrow('It answered 401.');
  });

  it('is replaced by the file of a study of the same folder, and replaces that', async () => {
    const {path} = await labelled('both');
    const plan = await inStudy(placesFor('both'), 'all', async study => {
      await labelQueries(study, study.recipe.queryPlans[0]!);
      return study.recipe.queryPlans[0]!;
    });
    const home = {knowledgeRoot: at('both/out/knowledge')};
    expect(knowledgePath(home, plan)).toBe(at('both/out/knowledge/black-box.safetensors'));
    await labelled('both');
    expect(knowledgePath(home, plan)).toBe(path);
    expect(await readdir(at('both/out/knowledge'))).toEqual(['black-box.shards']);
  });
});
