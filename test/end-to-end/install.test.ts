import {execFile} from 'node:child_process';
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {checkBuilt} from '../built.ts';
import {read, root} from '../pages.ts';

const run = promisify(execFile);
const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];

describe('the package in a folder of its own, by the lines of the README', () => {
  const lines = /```\n(npm install && npm pack) .*\n(npm install (\S+)) .*\n```/.exec(read('README.md'));
  let base: string;
  let folder: string;
  const limbeck = (...args: readonly string[]) => run('npx', ['limbeck', ...args], {cwd: folder});

  beforeAll(async () => {
    checkBuilt();
    base = await mkdtemp(join(tmpdir(), 'limbeck-install-'));
    folder = join(base, 'own');
    await mkdir(join(base, 'limbeck'));
    await mkdir(folder);
    // It is built already, and a build here would change what other tests run.
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', join(base, 'limbeck')], {cwd: root});
    // Without the script that downloads or compiles the native engine.
    await run('npm', ['install', '--ignore-scripts', ...quiet, lines![3]!], {cwd: folder});
  }, 300_000);
  afterAll(() => rm(base, {recursive: true, force: true}));

  it('holds what is built and nothing else of the repository', async () => {
    const names = await readdir(join(folder, 'node_modules/limbeck'));
    expect(names.sort()).toEqual([
      'LICENSE',
      'README.md',
      'dist',
      'joint.schema.json',
      'package.json',
      'results.schema.json',
      'src',
    ]);
    // Node and bundlers take TensorFlow from here.
    expect(await readdir(join(folder, 'node_modules/limbeck/src'), {recursive: true})).toEqual([
      'engine',
      'engine/tensorflow.cjs',
      'engine/tensorflow.d.mts',
      'engine/tensorflow.mjs',
    ]);
  });

  it('runs the command', async () => {
    const {version} = JSON.parse(read('package.json')) as {readonly version: string};
    expect((await limbeck('--version')).stdout.trim()).toBe(version);
  });

  it('writes a recipe that loads, since limbeck is beside it', async () => {
    const texts = Array.from(
      {length: 60},
      (_, index) => `${JSON.stringify({text: `ticket ${index} ${'x'.repeat(index)}`})}\n`,
    );
    await writeFile(join(folder, 'tickets.jsonl'), texts.join(''));
    const flags = ['--class', 'bug', '--class', 'praise', '--service', 'openai', '--model', 'm'];
    const {stdout} = await limbeck('init', '--yes', '--json', '--texts', 'tickets.jsonl', ...flags);
    expect(JSON.parse(stdout)).toMatchObject({isLoaded: true});
    expect(await readFile(join(folder, 'recipe.ts'), 'utf8')).toContain("from 'limbeck/adapters/openai'");
  });
});
