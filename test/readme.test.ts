import {readdirSync, readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';

const root = new URL('../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const namesIn = (folder: string): string[] =>
  readdirSync(new URL(folder, root))
    .filter(name => /^[^_].*\.ts$/.test(name))
    .map(name => name.replace(/\.ts$/, ''));

const readme = read('README.md');

describe('the README', () => {
  it('shows its example file as it is', () => {
    const blocks = [...readme.matchAll(/<!-- (\S+) -->\n```ts\n(.*?)```/gs)];
    expect(blocks.map(([, path]) => path)).toEqual(['examples/mnist/distil.ts']);
    for (const [, path, block] of blocks) expect(block).toBe(read(path!));
  });

  it('has a row for every adapter', () => {
    for (const adapter of namesIn('adapters')) {
      expect(readme).toMatch(new RegExp(`^\\| \`limbeck/adapters/${adapter}\` +\\|`, 'm'));
    }
  });

  it('has a line for every command', () => {
    const commands = namesIn('src/cli/commands').flatMap(file =>
      Array.from(read(`src/cli/commands/${file}.ts`).matchAll(/^export function (\w+)Command\(/gm), ([, name]) => name),
    );
    expect(commands.length).toBeGreaterThan(7);
    for (const command of commands) expect(readme).toMatch(new RegExp(`^limbeck ${command} `, 'm'));
  });

  it('links to files that are there', () => {
    const links = Array.from(readme.matchAll(/\]\((?!https?:)([^)#]+)\)/g), ([, path]) => path!);
    expect(links).toContain('docs/report.png');
    for (const link of links) expect(() => read(link)).not.toThrow();
  });
});
