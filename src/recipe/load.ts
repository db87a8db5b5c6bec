import {stat} from 'node:fs/promises';
import {register as registerHooks} from 'node:module';
import {extname, resolve} from 'node:path';
import {pathToFileURL} from 'node:url';
import {InputError} from '../errors.ts';
import {findPeersBeside} from '../peer.ts';
import {defineRecipe} from './define.ts';
import type {Recipe} from './recipe.ts';

/** Loads the recipe that a module exports by default, in TypeScript or JavaScript. */
export async function loadRecipe(path: string): Promise<Recipe> {
  const file = resolve(path);
  const isFile = await stat(file).then(
    stats => stats.isFile(),
    () => false,
  );
  if (!isFile) {
    throw new InputError(`There is no recipe at ${path}. Give the path of a module that exports one by default.`);
  }
  if (/^\.[cm]?ts$/.test(extname(file))) await readTypeScript();
  findPeersBeside(file);
  const module = await importRecipe(file, path);
  if (module.default === undefined) {
    throw new InputError(`${path} has no default export. Write \`export default defineRecipe({...})\`.`);
  }
  return defineRecipe(module.default);
}

/** tsx reads TypeScript on every Node alike and warns of nothing. Its tsconfig paths would load modules twice. */
async function readTypeScript(): Promise<void> {
  const {register} = await import('tsx/esm/api');
  register({tsconfig: false});
  registerHooks(`data:text/javascript,${encodeURIComponent(ALWAYS_MODULES)}`);
}

/** A recipe is an ES module whatever the nearest package.json says: `npm init` writes "type": "commonjs". */
const ALWAYS_MODULES = `
  export async function resolve(specifier, context, next) {
    const resolved = await next(specifier, context);
    const isOwn = /\\.ts(\\?|$)/.test(resolved.url) && !resolved.url.includes('/node_modules/');
    return isOwn ? {...resolved, format: 'module'} : resolved;
  }`;

async function importRecipe(file: string, path: string): Promise<{readonly default?: Recipe}> {
  try {
    return (await import(pathToFileURL(file).href)) as {readonly default?: Recipe};
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') {
      throw new InputError(`${path} imports a module that is not there. Install it beside the recipe.`, {cause});
    }
    throw cause;
  }
}
