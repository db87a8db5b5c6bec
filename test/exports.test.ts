import {execFileSync} from 'node:child_process';
import {existsSync, readdirSync} from 'node:fs';
import {basename, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {beforeAll, describe, expect, it} from 'vitest';
import {checkBuilt} from './built.ts';
import {pages, read, root} from './pages.ts';

interface EntryPoint {
  /** As it is imported, such as `limbeck/losses`. */
  readonly name: string;
  readonly source: string;
}

/** The exports of the package, by its manifest. */
function entryPoints(): EntryPoint[] {
  const {name, exports} = JSON.parse(read('package.json')) as {
    readonly name: string;
    readonly exports: Record<string, {types?: string} | string | null>;
  };
  return Object.entries(exports).flatMap(([subpath, target]) => {
    if (target === null || typeof target === 'string' || target.types === undefined) return [];
    const imported = subpath.replace('.', name);
    const source = target.types.replace('./dist/', '').replace('.d.ts', '.ts');
    if (!source.includes('*')) return [{name: imported, source}];
    return filesLike(source).map(file => ({name: imported.replace('*', basename(file, '.ts')), source: file}));
  });
}

/** The files of a pattern with one star, without private ones. */
function filesLike(pattern: string): string[] {
  const [folder, ending] = pattern.split('*') as [string, string];
  const names = readdirSync(join(root, folder)).filter(name => name.endsWith(ending) && !name.startsWith('_'));
  return names.map(name => join(folder, name));
}

/** The values that a module exports, without those that its docstrings call internal. */
async function publicNames(source: string): Promise<string[]> {
  const internal = Array.from(
    read(source).matchAll(/@internal\n(?: \*.*\n)* \*\/\nexport (?:async )?(?:function|const|class) (\w+)/g),
    ([, name]) => name!,
  );
  return Object.keys(await import(join(root, source))).filter(name => !internal.includes(name));
}

const examples = (): string[] =>
  readdirSync(join(root, 'examples'), {recursive: true, encoding: 'utf8'})
    .filter(name => name.endsWith('.ts'))
    .map(name => join('examples', name));

const SUBJECTS = readdirSync(join(root, 'src/public')).map(file => basename(file, '.ts'));

/** Words that say nothing without their subject: each is in a module of its subject, or has a longer name. */
const BARE_WORDS = [
  ...['balanced', 'boundary', 'calibrated', 'cascade', 'constant', 'cosine', 'crop', 'degrade', 'disagreement', 'dist'],
  ...['draw', 'ensemble', 'entropy', 'flip', 'judge', 'margin', 'noise', 'random', 'repeat', 'satisfies', 'views'],
];

describe('the exports of the package', () => {
  let exported: string[];

  beforeAll(async () => {
    const named = await Promise.all(entryPoints().map(({source}) => publicNames(source)));
    exported = [...new Set(named.flat())];
  });

  it('are few in the root, each of them a name that says what it is', async () => {
    const values = Object.keys(await import('../src/index.ts'));
    expect(values.length).toBeLessThanOrEqual(80);
    expect(values.filter(value => BARE_WORDS.includes(value))).toEqual([]);
  });

  it.each(SUBJECTS)('of %s are the same values in the root', async subject => {
    const whole = (await import('../src/index.ts')) as Readonly<Record<string, unknown>>;
    const part = (await import(`../src/public/${subject}.ts`)) as Readonly<Record<string, unknown>>;
    const shared = Object.keys(part).filter(name => name in whole);
    expect(shared.length).toBeGreaterThan(0);
    for (const name of shared) expect(whole[name]).toBe(part[name]);
  });

  it('of an adapter are one factory', async () => {
    const adapters = entryPoints().filter(({source}) => source.startsWith('adapters/'));
    expect(adapters.length).toBeGreaterThan(15);
    for (const {name, source} of adapters) expect(await publicNames(source), name).toHaveLength(1);
  });

  it('can be imported from the package as it is built, with their types', () => {
    checkBuilt();
    const listed = entryPoints();
    expect(listed.map(({name}) => name)).toEqual(
      expect.arrayContaining(['limbeck', 'limbeck/testing', ...SUBJECTS.map(subject => `limbeck/${subject}`)]),
    );
    const script = `for (const name of ${JSON.stringify(listed.map(({name}) => name))}) console.log(import.meta.resolve(name));`;
    const resolved = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: root,
      encoding: 'utf8',
    });
    for (const url of resolved.trim().split('\n')) {
      const path = fileURLToPath(url);
      expect(existsSync(path), path).toBe(true);
      expect(existsSync(path.replace(/\.js$/, '.d.ts')), `types of ${path}`).toBe(true);
    }
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
