import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {beforeAll, describe, expect, it} from 'vitest';
import {checkBuilt, cli} from './built.ts';
import {loadedPackages} from './loaded-packages.ts';

const root = join(import.meta.dirname, '..');

/** Files of a folder of the sources, without their endings. */
const namesIn = (folder: string): string[] => readdirSync(join(root, folder)).map(file => file.replace(/\.ts$/, ''));

/** The commands by the functions that declare them. */
const commands = namesIn('src/cli/commands').flatMap(file => {
  const source = readFileSync(join(root, 'src/cli/commands', `${file}.ts`), 'utf8');
  return Array.from(source.matchAll(/^export function (\w+)Command\b/gm), ([, name]) => name!);
});
const adapters = namesIn('adapters').filter(name => !name.startsWith('_'));

/** The adapters that run a model of TensorFlow in this process. */
const COMPUTING = ['saved-model', 'tfjs'];

/** Packages that few programs need: they draw reports, bundle pages, and read TypeScript, Parquet and archives. */
const SELDOM_NEEDED = [
  '@observablehq/plot',
  'd3',
  'esbuild',
  'hyparquet',
  'hyparquet-compressors',
  'hyparquet-writer',
  'linkedom',
  'tsx',
  'yauzl',
];

const isOfTensorFlow = (name: string): boolean => name.startsWith('@tensorflow/');

function loadedByImport(...files: readonly string[]): Promise<readonly string[]> {
  const imports = files.map(file => `import ${JSON.stringify(pathToFileURL(join(root, 'dist', file)))};`);
  return loadedPackages('--input-type=module', '--eval', imports.join('\n'));
}

describe('what is loaded', () => {
  beforeAll(checkBuilt);

  it.each(['', ...commands])('is only what reads flags when help is asked for: limbeck %s --help', async name => {
    const command = name === '' ? [] : [name];
    expect(await loadedPackages(cli, ...command, '--help')).toEqual(['commander']);
  });

  it('has no TensorFlow if an adapter asks others', async () => {
    const asking = adapters.filter(name => !COMPUTING.includes(name));
    const loaded = await loadedByImport(...asking.map(name => `adapters/${name}.js`));
    expect(loaded).toContain('undici');
    expect(loaded.filter(isOfTensorFlow)).toEqual([]);
  });

  it('has no TensorFlow if a command only reads kept data or asks for the status of a service', async () => {
    const loaded = await loadedByImport(...['cache/entries', 'status', 'queue'].map(name => `src/cli/${name}.js`));
    expect(loaded).toContain('lmdb');
    expect(loaded.filter(isOfTensorFlow)).toEqual([]);
  });

  it('has no rarely needed package when limbeck is imported or a command computes', async () => {
    const running = ['label', 'train', 'compare', 'predict', 'serve', 'engine'].map(name => `src/cli/${name}.js`);
    const loaded = await loadedByImport('src/index.js', ...adapters.map(name => `adapters/${name}.js`), ...running);
    expect(loaded.some(isOfTensorFlow)).toBe(true);
    expect(loaded.filter(name => SELDOM_NEEDED.includes(name))).toEqual([]);
  });
});
