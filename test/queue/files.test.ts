import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {LimbeckError} from '../../src/errors.ts';
import {type FileRedis, fetchBytes, fetchFile, sendBytes, sendFiles} from '../../src/queue/files.ts';

/** The lists of a Redis in memory. */
function memory() {
  const lists = new Map<string, Buffer[]>();
  let pushes = 0;
  const redis: FileRedis = {
    async rpush(key, value) {
      pushes++;
      const list = [...(lists.get(key) ?? []), Buffer.from(value)];
      lists.set(key, list);
      return list.length;
    },
    lindexBuffer: async (key, index) => lists.get(key)?.[index] ?? null,
    llen: async key => lists.get(key)?.length ?? 0,
    exists: async key => (lists.has(key) ? 1 : 0),
    async rename(key, other) {
      lists.set(other, lists.get(key)!);
      lists.delete(key);
    },
    pexpire: async () => 1,
  };
  return {redis, lists, pushes: () => pushes};
}

const folder = () => mkdtemp(join(tmpdir(), 'limbeck-files-'));

describe('files of a queue', () => {
  it('come out of Redis as they went in, large or empty, and are sent once', async () => {
    const [from, to] = [await folder(), await folder()];
    const {redis, pushes} = memory();
    const large = Buffer.alloc(2 ** 24 + 5, 'limbeck');
    await mkdir(join(from, 'students'));
    await writeFile(join(from, 'students/weights.bin'), large);
    await writeFile(join(from, 'empty'), '');
    const files = await sendFiles(redis, from, ['students/weights.bin', 'empty']);
    expect(files.map(({path}) => path)).toEqual(['students/weights.bin', 'empty']);
    expect(pushes()).toBe(3);
    await sendFiles(redis, from, ['students/weights.bin']);
    expect(pushes()).toBe(3);
    for (const file of files) await fetchFile(redis, to, file);
    expect((await readFile(join(to, 'students/weights.bin'))).equals(large)).toBe(true);
    expect((await readFile(join(to, 'empty'))).length).toBe(0);
  }, 30_000);

  it('are not fetched again if they are there, and replace others', async () => {
    const to = await folder();
    const {redis, lists} = memory();
    const sha256 = await sendBytes(redis, Buffer.from('new'));
    await writeFile(join(to, 'file'), 'old');
    await fetchFile(redis, to, {path: 'file', sha256});
    expect(await readFile(join(to, 'file'), 'utf8')).toBe('new');
    lists.clear();
    await fetchFile(redis, to, {path: 'file', sha256});
  });

  it('are refused if they are gone, damaged, or lead out of their folder', async () => {
    const to = await folder();
    const {redis, lists} = memory();
    const sha256 = await sendBytes(redis, Buffer.from('bytes'));
    for (const path of ['../elsewhere', '/tmp/elsewhere', 'a/../../b']) {
      await expect(fetchFile(redis, to, {path, sha256})).rejects.toThrow('outside of its folder');
    }
    lists.set(`limbeck-queue:file:${sha256}`, [Buffer.from('other')]);
    await expect(fetchBytes(redis, sha256)).rejects.toThrow(LimbeckError);
    await expect(fetchFile(redis, to, {path: 'file', sha256})).rejects.toThrow('no longer in Redis, or damaged');
    lists.clear();
    await expect(fetchBytes(redis, sha256)).rejects.toThrow('Give the command of the study again');
    await rm(to, {recursive: true});
  });
});
