import {createHash} from 'node:crypto';
import {mkdir, mkdtemp, rm, rmdir, stat, utimes, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join, relative} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {modelHash} from '../../../adapters/llama.ts';
import {InputError} from '../../../src/errors.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-test-'));
});
afterEach(() => rm(folder, {recursive: true}));

const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

async function write(name: string, content: string, time = 1): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  await utimes(path, time, time);
  return path;
}

describe('modelHash', () => {
  it('is the SHA-256 of the file, however its path is written', async () => {
    const path = await write('model.gguf', 'weights');
    expect(await modelHash(path)).toBe(sha256('weights'));
    expect(await modelHash(relative(process.cwd(), path))).toBe(sha256('weights'));
  });

  it('covers all parts of a model in their order', async () => {
    const first = await write('model-00001-of-00003.gguf', 'one');
    await write('model-00003-of-00003.gguf', 'three');
    await expect(modelHash(first)).rejects.toThrow('model-00002-of-00003.gguf');
    await write('model-00002-of-00003.gguf', 'two');
    expect(await modelHash(first)).toBe(sha256('onetwothree'));
    await write('model-00002-of-00003.gguf', 'TWO', 2);
    expect(await modelHash(first)).toBe(sha256('oneTWOthree'));
  });

  it('takes a part that is not the first for a file of its own', async () => {
    expect(await modelHash(await write('model-00002-of-00003.gguf', 'two'))).toBe(sha256('two'));
  });

  it('reads a file again only if its size or date is another one', async () => {
    const path = await write('model.gguf', 'weights');
    await modelHash(path);
    await write('model.gguf', 'WEIGHTS');
    expect(await modelHash(path)).toBe(sha256('weights'));
    await write('model.gguf', 'WEIGHTS', 2);
    expect(await modelHash(path)).toBe(sha256('WEIGHTS'));
    await write('model.gguf', 'other weights', 2);
    expect(await modelHash(path)).toBe(sha256('other weights'));
  });

  it('reads again what could not be read, whatever its size and date', async () => {
    const path = join(folder, 'model.gguf');
    await mkdir(path);
    await utimes(path, 1, 1);
    await expect(modelHash(path)).rejects.toThrow('EISDIR');
    const content = 'w'.repeat((await stat(path)).size);
    await rmdir(path);
    expect(await modelHash(await write('model.gguf', content))).toBe(sha256(content));
  });

  it('says which file can not be read', async () => {
    const path = join(folder, 'none.gguf');
    await expect(modelHash(path)).rejects.toThrow(InputError);
    await expect(modelHash(path)).rejects.toThrow(
      `The model ${path} can't be read: ENOENT: no such file or directory, stat '${path}'. Check \`path\`.`,
    );
    await expect(modelHash(folder)).rejects.toThrow(`The model ${folder} can't be read: EISDIR`);
  });
});
