import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {LmdbStore} from '../../src/knowledge/lmdb-store.ts';

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
});
