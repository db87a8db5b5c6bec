import {chmod, mkdir, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {checkWritable} from '../../src/data/files.ts';
import {InputError} from '../../src/errors.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-writable-'));
});

afterEach(() => rm(folder, {recursive: true}));

describe('checkWritable', () => {
  it('takes a folder that is there and one that can be made, and makes nothing', async () => {
    await checkWritable(folder);
    await checkWritable(join(folder, 'out', 'study'));
    expect(await readdir(folder)).toEqual([]);
  });

  it('refuses a file, a folder in a file, and one of a file system that takes nothing', async () => {
    const file = join(folder, 'out');
    await writeFile(file, '');
    for (const path of [file, join(file, 'study'), '/proc/limbeck-out']) {
      await expect(checkWritable(path)).rejects.toThrow(InputError);
      await expect(checkWritable(path)).rejects.toThrow(`${path} can't be written: `);
    }
  });

  it.skipIf(process.getuid?.() === 0)('refuses a folder without permission (root has it everywhere)', async () => {
    const path = join(folder, 'out');
    await mkdir(path);
    await chmod(path, 0o555);
    await expect(checkWritable(join(path, 'study'))).rejects.toThrow('EACCES');
  });
});
