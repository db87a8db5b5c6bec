import {pathToFileURL} from 'node:url';
import {resolve} from 'import-meta-resolve';
import {InputError} from './errors.ts';

/** Modules beside which packages are looked for first, such as a recipe. */
const besides = new Set<string>();

/**
 * Looks for optional packages beside this module, too. If limbeck itself is a link, its real folder does not have the
 * packages of the folder that it is linked into.
 */
export function findPeersBeside(file: string): void {
  besides.add(pathToFileURL(file).href);
}

/**
 * Returns the URL of an optional package: beside a recipe, in the current folder, or beside limbeck. Undefined if it is
 * not installed.
 */
export function resolvePeer(name: string): string | undefined {
  const here = pathToFileURL(`${process.cwd()}/`).href;
  for (const parent of [...besides, here, import.meta.url]) {
    try {
      return resolve(name, parent);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    }
  }
  return undefined;
}

/**
 * Loads an optional package that is not installed with limbeck.
 *
 * @typeParam T - the parts of the package that are used
 * @param who - the part that needs it, as the beginning of a sentence
 * @throws InputError if it isn't installed, or can't be loaded here
 */
export async function loadPeer<T>(name: string, who: string): Promise<T> {
  const url = resolvePeer(name);
  if (url === undefined) throw new InputError(`${who} needs the package ${name}. Run \`npm install ${name}\`.`);
  try {
    return (await import(url)) as T;
  } catch (cause) {
    const problem = `It does not load here: ${(cause as Error).message}`;
    throw new InputError(`${who} needs the package ${name}. ${problem}`, {cause});
  }
}
