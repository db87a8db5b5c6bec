import {readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

/** The version in the nearest package.json above this file, so that sources and the built package give the same one. */
export function packageVersion(): string {
  return nearestPackage().version;
}

/** The folder of this package: a clone, or where it is installed. */
export function packageFolder(): string {
  return nearestPackage().folder;
}

function nearestPackage(): {readonly folder: string; readonly version: string} {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    try {
      const {version} = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {version: string};
      return {folder, version};
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || folder === dirname(folder)) throw error;
    }
  }
}
