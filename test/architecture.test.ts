import {readdirSync, readFileSync} from 'node:fs';
import {dirname, join, relative, resolve} from 'node:path';
import {describe, expect, it} from 'vitest';

const root = resolve(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly imports: Record<string, {readonly types: string}>;
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, {readonly optional: boolean}>;
};

/** Data flows one way: a file of `src` imports only from its own folder and from those before it. */
const ORDER = [
  'question.ts',
  'usage.ts',
  'input.ts',
  'answer.ts',
  'teacher.ts',
  'writer.ts',
  'levels.ts',
  'service-features.ts',
  'secrets.ts',
  'errors.ts',
  'input-kinds.ts',
  'concurrency.ts',
  'sha256.ts',
  'peer.ts',
  'version.ts',
  'options.ts',
  'questions.ts',
  'statistics',
  'engine',
  'data',
  'knowledge',
  'store',
  'encoder',
  'pace',
  'ask',
  'student',
  'serve',
  'losses',
  'evaluate',
  'train',
  'assistant',
  'select',
  'recipe',
  'study',
  'write',
  'queue',
  'export',
  'cli',
  // The exports of the package by subject. They re-export all of the above.
  'public',
];

/**
 * The parts of the program that an adapter may import: the contract, secrets, errors, the limits in headers, the tables that people
 * fill, and the engine, if it runs a model here.
 */
const ADAPTERS_MAY_IMPORT = [
  'src/question.ts',
  'src/teacher.ts',
  'src/writer.ts',
  'src/service-features.ts',
  'src/secrets.ts',
  'src/errors.ts',
  'src/input-kinds.ts',
  'src/concurrency.ts',
  'src/peer.ts',
  'src/pace/service-limits.ts',
  'src/options.ts',
  'src/questions.ts',
  'src/data/human-table',
  'src/engine',
  'src/encoder',
  'src/student',
];

interface Import {
  readonly from: string;
  readonly specifier: string;
  /** Path from the root of the project; undefined of a package. */
  readonly target: string | undefined;
}

const files = (folder: string): string[] =>
  readdirSync(join(root, folder), {recursive: true, encoding: 'utf8'})
    .filter(name => /\.m?ts$/.test(name))
    .map(name => join(folder, name));

function importsOf(file: string): Import[] {
  const source = readFileSync(join(root, file), 'utf8');
  const statements = source.matchAll(
    /^(?:import|export) [^;']*from '([^']+)';|^import '([^']+)';|\bimport\('([^']+)'\)/gm,
  );
  const imported = Array.from(statements, ([, bound, bare, dynamic]) => bound ?? bare ?? dynamic ?? '');
  return [...imported, ...Array.from(source.matchAll(STARTED), ([, ...found]) => found.find(Boolean)!)].map(
    specifier => ({
      from: file,
      specifier,
      target: targetOf(file, specifier),
    }),
  );
}

function targetOf(file: string, specifier: string): string | undefined {
  // A name of the package's own.
  if (specifier.startsWith('#')) return relative(root, resolve(root, manifest.imports[specifier]!.types));
  if (!specifier.startsWith('.')) return undefined;
  return relative(root, resolve(root, dirname(file), specifier)).replace(/\.js$/, '.ts');
}

/** Modules that are named by a path and run elsewhere: in a process, in a worker, or in a browser. */
const STARTED =
  /new URL\(\s*'([^']+)',\s*import\.meta\.url|import\.meta\.resolve\('([^']+)'|\b(?:fork|Worker)\(\s*'([^']+)'/g;

const rankOf = (path: string): number => ORDER.indexOf(path.split('/')[1]!);
const isWithin = (path: string, folders: readonly string[]): boolean =>
  folders.some(folder => path === folder || path.startsWith(`${folder}/`));
const shown = ({from, specifier}: Import): string => `${from} imports ${specifier}`;

const sources = files('src').filter(file => file !== 'src/index.ts');
const inSources = sources.flatMap(importsOf);
const inAdapters = files('adapters').flatMap(importsOf);

describe('the house', () => {
  it('has every folder and file of src in the order of imports', () => {
    expect(sources.filter(file => rankOf(file) < 0)).toEqual([]);
  });

  it('imports in one direction', () => {
    const backwards = inSources.filter(({from, target}) => target?.startsWith('src/') && rankOf(target) > rankOf(from));
    expect(backwards.map(shown)).toEqual([]);
  });

  it('names the modules that it starts by literal paths, which are imports as well', () => {
    const hidden = [...sources, ...files('adapters')].filter(file =>
      /new URL\((?!\s*'[^']+',)[^;]*?,\s*import\.meta\.url\)/.test(readFileSync(join(root, file), 'utf8')),
    );
    expect(hidden).toEqual([]);
  });

  it('never imports an adapter or what the package exports from src, but for the command, which loads it for recipes', () => {
    const inwards = inSources.filter(
      ({from, target}) =>
        target && isWithin(target, ['adapters', 'src/public', 'src/index.ts']) && from !== 'src/cli/main.ts',
    );
    expect(inwards.map(shown)).toEqual([]);
  });

  it('imports TensorFlow only in the engine', () => {
    const elsewhere = [...inSources, ...inAdapters].filter(
      ({from, specifier}) => specifier.startsWith('@tensorflow/') && !from.startsWith('src/engine/'),
    );
    expect(elsewhere.map(shown)).toEqual([]);
  });

  it('lets adapters know the contract, secrets, errors, tables for people, local models and their private siblings, nothing else', () => {
    const curious = inAdapters.filter(
      ({target}) => target && !isWithin(target, ADAPTERS_MAY_IMPORT) && !/^adapters\/_[\w-]+\/[\w-]+\.ts$/.test(target),
    );
    expect(curious.map(shown)).toEqual([]);
  });

  it('imports only the contract, the check of options and errors in pace', () => {
    const curious = inSources.filter(
      ({from, target}) =>
        from.startsWith('src/pace/') &&
        target &&
        !isWithin(target, ['src/pace', 'src/options.ts', 'src/teacher.ts', 'src/errors.ts']),
    );
    expect(curious.map(shown)).toEqual([]);
  });

  it('has a contract that holds nothing but types and imports only its own parts', () => {
    const contract = readFileSync(join(root, 'src/teacher.ts'), 'utf8');
    expect(importsOf('src/teacher.ts').map(({target}) => target)).toEqual([
      'src/answer.ts',
      'src/input.ts',
      'src/question.ts',
      'src/usage.ts',
      'src/answer.ts',
      'src/input.ts',
      'src/usage.ts',
    ]);
    expect(['src/answer.ts', 'src/question.ts', 'src/usage.ts'].flatMap(importsOf)).toEqual([]);
    expect(contract.match(/^export (?!type|interface).*/gm) ?? []).toEqual([]);
  });

  it('keeps files small enough to be one thing', () => {
    const long = [...sources, ...files('adapters')].filter(
      file => readFileSync(join(root, file), 'utf8').split('\n').length > 300,
    );
    expect(long).toEqual([]);
  });

  it('runs the suite that defines an adapter on every adapter', () => {
    const adapters = files('adapters').filter(file => !/\/_/.test(file));
    const untested = adapters.filter(file => {
      const test = join(root, 'test', file.replace(/\.ts$/, '.test.ts'));
      return !readFileSync(test, 'utf8').includes('testTeacher(');
    });
    expect(untested).toEqual([]);
  });

  it('declares every package that it imports', () => {
    const imported = [...inSources, ...inAdapters]
      .filter(({specifier, target}) => target === undefined && !specifier.startsWith('node:'))
      .map(({specifier}) => packageOf(specifier));
    expect(Object.keys(manifest.dependencies).sort()).toEqual([...new Set(imported)].sort());
  });

  it('declares every package that is loaded only where it is used as an optional one', () => {
    const loaded = [...sources, ...files('adapters')].flatMap(file =>
      Array.from(
        readFileSync(join(root, file), 'utf8').matchAll(/\bloadPeer(?:<[^()]*>)?\(\s*'([^']+)'/g),
        ([, name]) => name!,
      ),
    );
    expect(loaded).not.toEqual([]);
    for (const name of new Set(loaded)) {
      expect(manifest.peerDependencies).toHaveProperty([name]);
      expect(manifest.peerDependenciesMeta[name]).toEqual({optional: true});
    }
  });
});

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
