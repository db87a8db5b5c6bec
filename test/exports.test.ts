import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, it} from 'vitest';
import {pages, read, root} from './pages.ts';

/** The sources of what the package exports, as its manifest names them. */
function entryPoints(): string[] {
  const {exports} = JSON.parse(read('package.json')) as {
    readonly exports: Record<string, {types?: string} | string | null>;
  };
  return Object.values(exports).flatMap(target => {
    if (target === null || typeof target === 'string' || target.types === undefined) return [];
    const source = target.types.replace('./dist/', '').replace('.d.ts', '.ts');
    return source.includes('*') ? filesLike(source) : [source];
  });
}

/** The files of a pattern with one star, private ones left out. */
function filesLike(pattern: string): string[] {
  const [folder, ending] = pattern.split('*') as [string, string];
  const names = readdirSync(join(root, folder)).filter(name => name.endsWith(ending) && !name.startsWith('_'));
  return names.map(name => join(folder, name));
}

const examples = (): string[] =>
  readdirSync(join(root, 'examples'), {recursive: true, encoding: 'utf8'})
    .filter(name => name.endsWith('.ts'))
    .map(name => join('examples', name));

describe('the exports of the package', () => {
  let exported: string[];

  beforeAll(async () => {
    const modules = await Promise.all(entryPoints().map(source => import(join(root, source))));
    exported = [...new Set(modules.flatMap(module => Object.keys(module)))];
  });

  it('are each named in a doc, an example or the advanced group of the reference', () => {
    expect(exported.length).toBeGreaterThan(150);
    const text = [...pages(), ...examples()]
      .filter(path => path !== 'CHANGELOG.md')
      .map(read)
      .join('\n');
    const named = new Set(text.match(/\b[A-Za-z_]\w*/g));
    expect(exported.filter(name => !named.has(name))).toEqual([]);
  });

  it('are what the tables of the reference name', () => {
    const tables = ['losses', 'metrics', 'selection', 'exports'].map(name => read(`docs/reference/${name}.md`));
    const cells = tables.flatMap(page =>
      Array.from(page.matchAll(/^\| ((?:`\w+(?:\([^`]*)?`(?:, )?)+) +\|/gm), ([, cell]) => cell!),
    );
    const named = cells.flatMap(cell => Array.from(cell.matchAll(/`(\w+)/g), ([, name]) => name!));
    expect(named.length).toBeGreaterThan(60);
    expect(named.filter(name => !exported.includes(name))).toEqual([]);
  });
});
