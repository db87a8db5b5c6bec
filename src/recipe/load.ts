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
  return withPath(defineRecipe(module.default), path);
}

/** The same recipe, whose data and teachers name its path if they get an option that they can't use. */
function withPath(recipe: Recipe, path: string): Recipe {
  const named = Object.entries(recipe.teachers).map(([level, make]) => [level, make && namedIn(path, make as Make)]);
  const data = namedIn(path, recipe.data as Make) as Recipe['data'];
  return {...recipe, data, teachers: Object.fromEntries(named) as Recipe['teachers']};
}

type Make = (...services: readonly unknown[]) => unknown;

function namedIn(path: string, make: Make): Make {
  return (...services) => {
    try {
      const made = make(...services);
      return made instanceof Promise ? made.catch(error => failWith(error, path)) : made;
    } catch (error) {
      return failWith(error, path);
    }
  };
}

/** @throws the error, with the recipe's path if it is about an option */
function failWith(error: unknown, path: string): never {
  if ((error as {readonly isOption?: boolean} | undefined)?.isOption !== true) throw error;
  throw new InputError(`${path}: ${(error as Error).message}`);
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
    return failWith(cause, path);
  }
}
