import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, it} from 'vitest';
import {read, root, sitePages} from './pages.ts';

const namesIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter(name => /^[^_].*\.ts$/.test(name))
    .map(name => name.replace(/\.ts$/, ''));

const readme = read('README.md');

describe('the README', () => {
  it('is at most 10 kB', () => {
    expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(10_000);
  });

  it('shows its example file as it is', () => {
    const blocks = [...readme.matchAll(/<!-- (\S+) -->\n```ts\n(.*?)```/gs)];
    expect(blocks.map(([, path]) => path)).toEqual(['examples/mnist/distil.ts']);
    for (const [, path, block] of blocks) expect(block).toBe(read(path!));
  });

  it('names scripts of the package that are there', () => {
    const {scripts} = JSON.parse(read('package.json')) as {readonly scripts: Record<string, string>};
    const named = Array.from(readme.matchAll(/npm (?:run )?(demo|test|docs|engine|build)\b/g), ([, name]) => name!);
    expect(new Set(named).size).toBeGreaterThan(2);
    for (const name of named) expect(scripts).toHaveProperty(name);
  });

  it('links to every page of the docs', () => {
    for (const page of sitePages()) if (page !== 'docs/index.md') expect(readme).toContain(`](${page})`);
  });
});

describe('the reference', () => {
  it('has a row for every adapter', () => {
    const page = read('docs/reference/adapters.md');
    const adapters = namesIn('adapters');
    for (const adapter of adapters) expect(page).toMatch(new RegExp(`^\\| \`${adapter}\` +\\|`, 'm'));
    expect(readme).toContain(`(${adapters.length} kinds of teachers)`);
  });

  it('has a line for every command', () => {
    const page = read('docs/reference/commands.md');
    const sources = namesIn('src/cli/commands').map(file => read(`src/cli/commands/${file}.ts`));
    const commands = sources.flatMap(source =>
      Array.from(source.matchAll(/^export function (\w+)Command\(/gm), ([, name]) => name!),
    );
    expect(commands.length).toBeGreaterThan(12);
    for (const command of commands) expect(page).toMatch(new RegExp(`^limbeck ${command} `, 'm'));
  });
});
