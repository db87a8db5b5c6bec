import {readFileSync} from 'node:fs';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** What the package exports: the name that it is imported by, and its source. Private adapters are left out. */
const modules = Object.entries(manifest.exports)
  .filter(([, target]) => target?.types)
  .map(([subpath, {types}]) => ({
    name: subpath.replace('.', manifest.name),
    source: types.replace('./dist/', '').replace('.d.ts', '.ts'),
  }));

/** Names each module as it is imported. */
function nameModules(app) {
  app.converter.on('resolveBegin', ({project}) => {
    for (const child of project.children ?? []) child.name = importedName(child.name);
  });
}

/** @param path - a source without its ending, as TypeDoc calls it: `src` of `src/index.ts` */
function importedName(path) {
  for (const {name, source} of modules) {
    const [start, end] = source.replace(/(\/index)?\.ts$/, '').split('*');
    if (path === start && end === undefined) return name;
    if (end !== undefined && path.startsWith(start)) return name.replace('*', path.slice(start.length));
  }
  return path;
}

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: manifest.name,
  entryPoints: modules.map(({source}) => `../${source.replace('*', '[!_]*')}`),
  plugin: [nameModules],
  tsconfig: '../tsconfig.json',
  out: '.vitepress/dist/api',
  readme: 'none',
  disableSources: true,
  excludeInternal: true,
  excludeExternals: true,
  // `npm run types` checks them.
  skipErrorChecking: true,
  // Types within are shown by name; options and results are exported.
  validation: {notExported: false, invalidLink: true, invalidPath: true},
  treatWarningsAsErrors: true,
  navigationLinks: {Docs: '../index.html'},
};
