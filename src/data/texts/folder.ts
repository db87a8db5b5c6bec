import type {Dirent} from 'node:fs';
import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {InputError} from '../../errors.ts';

/** A file in a folder. */
export interface FolderFile {
  readonly path: string;
  /** Path from the folder to the file, with `/` as the separator. */
  readonly id: string;
  /** The subfolder right below the folder that is read; undefined if the file is in that folder itself. */
  readonly folder: string | undefined;
}

/** All files in a folder and its subfolders, in the order of their names. Names that begin with a dot are left out. */
export async function* filesIn(root: string, below: readonly string[] = []): AsyncGenerator<FolderFile> {
  for (const entry of await entriesOf(join(root, ...below))) {
    const inner = [...below, entry.name];
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) yield* filesIn(root, inner);
    else if (entry.isFile() || entry.isSymbolicLink()) {
      yield {path: join(root, ...inner), id: inner.join('/'), folder: below[0]};
    }
  }
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, {withFileTypes: true});
    // Not by the system's locale, so that the order of texts is the same everywhere.
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw new InputError(`Can't read the folder ${folder}. Check that you may read it.`, {cause});
  }
}
