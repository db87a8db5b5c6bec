import {existsSync, mkdirSync, statSync} from 'node:fs';
import {dirname, resolve} from 'node:path';

/**
 * Makes a folder and its parents. Node's own `recursive` never returns on a file system without new folders, such as
 * `/proc`.
 *
 * @returns the folders that it made, the outermost first
 * @throws Error if a folder can't be made
 */
export function makeFolder(path: string): readonly string[] {
  const missing: string[] = [];
  for (let folder = resolve(path); !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) makeOne(folder);
  if (!statSync(path).isDirectory()) throw new Error(`EEXIST: ${path} is not a directory`);
  return missing;
}

function makeOne(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process can have made it in the meantime.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
