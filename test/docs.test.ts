import {execFile} from 'node:child_process';
import {mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, expect, it} from 'vitest';

const root = resolve(import.meta.dirname, '..');
/** Within the project, so that its packages are found. */
const scratch = join(root, 'test', '.docs');

afterAll(() => rmSync(scratch, {recursive: true, force: true}));

it('shows code in docs that compiles', async () => {
  mkdirSync(scratch, {recursive: true});
  const pages = readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md'));
  const blocks = pages.flatMap(page => {
    const found = readFileSync(join(root, 'docs', page), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms);
    return Array.from(found, ([, code], index) => ({name: `${page}-${index + 1}.ts`, code: code!}));
  });
  expect(blocks.length).toBeGreaterThan(4);
  for (const {name, code} of blocks) writeFileSync(join(scratch, name), code);
  const config = {
    extends: '../../tsconfig.json',
    compilerOptions: {rootDir: '../..'},
    include: [],
    files: blocks.map(({name}) => name),
  };
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const problems = await promisify(execFile)(process.execPath, [tsc, '-p', scratch]).then(
    () => '',
    ({stdout}: {readonly stdout: string}) => stdout,
  );
  expect(problems).toBe('');
}, 60_000);
