import {chmod, mkdtemp, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {makeFolder} from '../../src/data/files.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-folder-'));
});

afterEach(async () => {
  await rm(folder, {recursive: true});
});

describe('a folder', () => {
  it('is made with its parents, and stays as it is if it exists', async () => {
    const path = join(folder, 'one/two/three');
    makeFolder(path);
    await writeFile(join(path, 'file'), 'kept');
    makeFolder(path);
    expect((await stat(join(path, 'file'))).size).toBe(4);
  });

  it('is not made instead of a file, or below one', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    expect(() => makeFolder(file)).toThrow('EEXIST');
    expect(() => makeFolder(join(file, 'below'))).toThrow('ENOTDIR');
  });

  it.skipIf(process.getuid?.() === 0)('is not made without permission', async () => {
    await chmod(folder, 0o500);
    expect(() => makeFolder(join(folder, 'one'))).toThrow('EACCES');
    await chmod(folder, 0o700);
  });

  it.skipIf(process.platform !== 'linux')('ends in an error on a file system that makes none', () => {
    expect(() => makeFolder('/proc/limbeck/journal')).toThrow(/ENOENT|EACCES/);
  });
});
