import type {Dirent} from 'node:fs';
import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {InputError} from '../../errors.ts';

/** A file in a folder. */
export interface FolderFile {
  readonly path: string;
  /** From the folder to the file, with `/` between. */
  readonly id: string;
  /** The folder right below the one that is read; undefined where the file is in that one. */
  readonly folder: string | undefined;
}

/** All files in a folder and those below, in the order of their names. Those whose names begin with a dot are left out. */
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
    // Not by the language of the system: the order of texts is to be the same everywhere.
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    throw new InputError(`Can't read the folder ${folder}. Check that it may be read.`, {cause});
  }
}
