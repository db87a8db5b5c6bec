import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {serialize} from 'node:v8';
import {open, type RootDatabase} from 'lmdb';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {LmdbStore} from '../../../src/store/lmdb/store.ts';
import type {StoredAnswer} from '../../../src/store/store.ts';

const answer = (bytes: string): StoredAnswer => ({
  ...{format: 1, teacher: {name: 'one', identity: {model: 'one', prompt: 'What is it?'}}},
  ...{question: {dtype: 'text', shape: [], bytes, view: 0, sample: 0}, detail: {kind: 'log-probabilities'}},
  ...{answer: {kind: 'log-probabilities', logProbabilities: Float32Array.of(-0.5, -1)}},
  storedAt: '2026-01-02T03:04:05.678Z',
  reply: {segment: '20260102T030405678Z-12345-0123abcd.jsonl', offset: 123_456, length: 789},
});

let folder: string;
let store: LmdbStore;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-lmdb-'));
  store = new LmdbStore(join(folder, 'file'));
});

afterEach(async () => {
  await store.disconnect();
  await rm(folder, {recursive: true});
});

describe('the storage of the embedded store', () => {
  it('writes what is set in one turn together, in its order', async () => {
    const sets = [store.set('a', 1), store.set('b', 2), store.set('a', 3)];
    expect(await store.count()).toBe(0);
    await sets[0];
    expect(await store.getMany(['a', 'b'])).toEqual([3, 2]);
    await Promise.all(sets);
  });

  it('deletes and clears what is still to be written', async () => {
    const set = store.set('a', 1);
    expect(await store.delete('a')).toBe(true);
    await set;
    expect(await store.get('a')).toBeUndefined();
    const another = store.set('b', 1);
    await store.clear();
    await another;
    expect(await store.count()).toBe(0);
  });

  it('writes what is still to be written when it is closed', async () => {
    const set = store.set('a', 1);
    await store.disconnect();
    await set;
    store = new LmdbStore(join(folder, 'file'));
    expect(await store.get('a')).toBe(1);
  });

  it('sees at once what another one wrote in the same turn', async () => {
    const other = new LmdbStore(join(folder, 'file'));
    expect(await store.get('a')).toBeUndefined();
    void other.set('a', 1);
    await other.delete('x');
    expect(await store.get('a')).toBe(1);
    await other.disconnect();
  });

  it('lists and counts answers alone, each whole', async () => {
    await store.setMany(['a', 'b'].map(key => ({key, value: {value: answer(key)}})));
    expect(await store.count()).toBe(2);
    const listed: unknown[] = [];
    for await (const entry of store.iterator()) listed.push(entry);
    expect(listed).toEqual([
      ['a', {value: answer('a')}],
      ['b', {value: answer('b')}],
    ]);
  });

  it('takes less than half the space of whole records', async () => {
    const value = {value: answer('a')};
    await store.setMany([{key: 'a', value}]);
    const [, kept] = await raw(file => [...file.getRange()].map(({value}) => value));
    expect(serialize(kept).length).toBeLessThan(serialize(value).length / 2);
  });

  it('reads answers that were kept whole, by a version before', async () => {
    const value = {value: answer('a')};
    await raw(file => file.putSync('a', value));
    expect(await store.get('a')).toEqual(value);
    expect(await store.count()).toBe(1);
  });

  it('keeps all that an answer needs once more if another process has cleared the file', async () => {
    await store.set('a', {value: answer('a')});
    const other = new LmdbStore(join(folder, 'file'));
    await other.clear();
    await store.set('b', {value: answer('b')});
    await other.disconnect();
    const third = new LmdbStore(join(folder, 'file'));
    expect(await third.getMany(['a', 'b'])).toEqual([undefined, {value: answer('b')}]);
    await third.disconnect();
  });

  it('says so if what answers have in common is missing', async () => {
    await store.set('a', {value: answer('a')});
    await raw(file => {
      for (const key of file.getKeys({end: Number.POSITIVE_INFINITY})) file.removeSync(key);
    });
    const third = new LmdbStore(join(folder, 'file'));
    await expect(third.get('a')).rejects.toThrow(/record \d+, which many answers share, is missing/);
    await third.disconnect();
  });

  /** Opens the file as any program could. */
  async function raw<T>(use: (file: RootDatabase<unknown, string | number>) => T): Promise<T> {
    const file = open<unknown, string | number>({
      ...{path: join(folder, 'file'), noSubdir: true},
      encoder: {useRecords: false, moreTypes: true},
    });
    const result = use(file);
    await file.close();
    return result;
  }
});
