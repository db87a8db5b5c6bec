import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {InputError} from '../src/errors.ts';
import {loadPeer, resolvePeer} from '../src/peer.ts';
import {loadRecipe} from '../src/recipe/load.ts';

let folder: string;

/** A package for ES modules alone, as `node-llama-cpp` is. */
async function install(name: string, code: string): Promise<void> {
  const place = join(folder, 'node_modules', name);
  await mkdir(place, {recursive: true});
  const exports = {'.': {import: './index.js'}};
  await writeFile(join(place, 'package.json'), JSON.stringify({name, version: '1.0.0', type: 'module', exports}));
  await writeFile(join(place, 'index.js'), code);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'limbeck-peer-'));
  await install('peer-beside-a-recipe', 'export const value = 7;');
  await install('peer-that-throws', 'throw new Error("no library for this machine");');
});
afterAll(() => rm(folder, {recursive: true}));

describe('an optional package', () => {
  it('is found beside the recipe that was loaded, wherever limbeck itself is', async () => {
    expect(resolvePeer('peer-beside-a-recipe')).toBeUndefined();
    const recipe = join(folder, 'recipe.mjs');
    await writeFile(recipe, 'export const nothing = 0;');
    await expect(loadRecipe(recipe)).rejects.toThrow('has no default export');
    expect(await loadPeer<{value: number}>('peer-beside-a-recipe', 'The test')).toMatchObject({value: 7});
  });

  it('is found beside limbeck, too', () => {
    expect(resolvePeer('zod')).toContain('/node_modules/zod/');
  });

  it('that is not installed is named with the command that installs it', async () => {
    await expect(loadPeer('peer-that-nobody-has', 'The test')).rejects.toThrow(InputError);
    await expect(loadPeer('peer-that-nobody-has', 'The test')).rejects.toThrow(
      'The test needs the package peer-that-nobody-has. Run `npm install peer-that-nobody-has`.',
    );
  });

  it('that cannot be loaded is named with the reason', async () => {
    await expect(loadPeer('peer-that-throws', 'The test')).rejects.toThrow(
      'The test needs the package peer-that-throws. It does not load here: no library for this machine',
    );
  });
});
