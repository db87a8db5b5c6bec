import {execFile} from 'node:child_process';
import {existsSync, mkdirSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, describe, expect, it} from 'vitest';
import {anchorsOf, linksOf, pages, prose, read, root, sitePages} from './pages.ts';

/** Within the project, so that its packages are found. */
const scratch = join(root, 'test', '.docs');

const sources = (): string[] =>
  readdirSync(join(root, 'src'), {recursive: true, encoding: 'utf8'})
    .filter(name => name.endsWith('.ts'))
    .map(name => join('src', name));

/** The blocks of code of a page, or of the docstrings of a source. */
function blocksOf(path: string, text: string): {readonly name: string; readonly code: string}[] {
  const name = path.replaceAll(/[/.]/g, '-');
  const found = text.matchAll(/^```ts\n(.*?)^```$/gms);
  return Array.from(found, ([, code], index) => ({name: `${name}-${index + 1}.ts`, code: code!}));
}

afterAll(() => rmSync(scratch, {recursive: true, force: true}));

describe('the docs', () => {
  it('and the docstrings show code that compiles', async () => {
    mkdirSync(scratch, {recursive: true});
    const pageBlocks = sitePages().flatMap(page => blocksOf(page, read(page)));
    expect(pageBlocks.length).toBeGreaterThan(20);
    const examples = sources().flatMap(path => blocksOf(path, read(path).replaceAll(/^ \* ?/gm, '')));
    expect(examples.length).toBeGreaterThan(5);
    const blocks = [...pageBlocks, ...examples];
    for (const {name, code} of blocks) writeFileSync(join(scratch, name), code);
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: {rootDir: '../..'},
      include: [],
      files: blocks.map(({name}) => name),
    };
    writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify(config));
    const problems = await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', scratch]).then(
      () => '',
      ({stdout}: {readonly stdout: string}) => stdout,
    );
    expect(problems).toBe('');
  }, 60_000);

  it('link to files and headings that are there', () => {
    const links = pages().flatMap(linksOf);
    expect(links.length).toBeGreaterThan(50);
    const dead = links.filter(
      ({path, anchor}) => !existsSync(join(root, path)) || (anchor !== undefined && !anchorsOf(path).has(anchor)),
    );
    expect(dead.map(({page, target}) => `${page}: ${target}`)).toEqual([]);
  });

  it('name files of this project that are there', () => {
    const named = pages().flatMap(page =>
      Array.from(prose(page).matchAll(/`((?:src|adapters|examples|docs|test)\/[\w./-]+)`/g), ([, path]) => ({
        page,
        path: path!,
      })),
    );
    expect(named.length).toBeGreaterThan(20);
    const lost = named.filter(({path}) => !existsSync(join(root, path)) && !/NAME|-case-|\.\.\./.test(path));
    expect(lost.map(({page, path}) => `${page}: ${path}`)).toEqual([]);
  });

  it('stay within the site, which holds nothing but them', () => {
    const outside = sitePages()
      .flatMap(linksOf)
      .filter(({path}) => !path.startsWith('docs/'));
    expect(outside.map(({page, target}) => `${page}: ${target}`)).toEqual([]);
  });
});
