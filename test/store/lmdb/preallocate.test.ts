import {createHash} from 'node:crypto';
import {statSync} from 'node:fs';
import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {randomInteger, seededRandom} from '../../../src/data/random.ts';
import {openLmdb, Preallocation} from '../../../src/store/lmdb/file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-room-'));
  path = join(folder, 'file');
});
afterEach(() => rm(folder, {recursive: true}));

const size = (): number => statSync(path).size;
const digest = (number: number): string => createHash('sha256').update(String(number)).digest('hex');

describe('room in an LMDB file', () => {
  it.each<[string, {readonly entries: number; readonly most: number; readonly bytes: number}]>([
    ['single answers', {entries: 1, most: 400, bytes: 200}],
    ['answers of one turn', {entries: 40, most: 60, bytes: 200}],
    ['many answers', {entries: 2000, most: 8, bytes: 150}],
    ['answers larger than a page', {entries: 10, most: 30, bytes: 20_000}],
  ])('is all that a commit takes: %s', async (_, {entries, most, bytes}) => {
    const database = openLmdb<unknown>(path, {encoder: {useRecords: false, moreTypes: true}});
    const room = new Preallocation(path, database);
    const random = seededRandom(1, 'room');
    for (let commit = 0; commit < most; commit++) {
      // Some are written again, larger or smaller.
      const values = Array.from({length: entries}, () => [
        digest(randomInteger(random, 0, 2 * entries * most)),
        new Uint8Array(randomInteger(random, bytes / 2, 2 * bytes)),
      ]);
      room.make(values);
      const before = size();
      await database.batch(() => {
        for (const [key, value] of values) database.put(key as string, value);
      });
      expect(size()).toBe(before);
    }
    await database.close();
  });

  it('is made once, for what follows too', async () => {
    const database = openLmdb<unknown>(path, {});
    const room = new Preallocation(path, database);
    const empty = size();
    room.make(['a']);
    const made = size();
    expect(made).toBeGreaterThan(empty);
    room.make(['b']);
    expect(size()).toBe(made);
    await database.close();
  });

  it('is not cut off by another process that has made more', async () => {
    const [one, other] = [openLmdb<unknown>(path, {}), openLmdb<unknown>(path, {})];
    new Preallocation(path, one).make([new Uint8Array(1_000_000)]);
    const made = size();
    new Preallocation(path, other).make(['a']);
    expect(size()).toBe(made);
    await Promise.all([one.close(), other.close()]);
  });
});
