import {randomUUID} from 'node:crypto';
import {existsSync, ftruncateSync, mkdirSync, statSync} from 'node:fs';
import {type FileHandle, open, rename, unlink} from 'node:fs/promises';
import {dirname, resolve} from 'node:path';
import {InputError, KnowledgeError} from '../errors.ts';

/**
 * Writes a file piece by piece. It replaces an older file in one step when all of it is on disk.
 *
 * @throws KnowledgeError if it can't be written; the older file then stays
 */
export async function replaceFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => {});
    throw new KnowledgeError(
      `${path} can't be written: ${(cause as Error).message}. Check the folder, its permissions and the free disk space.`,
      {cause},
    );
  }
}

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

/** The error for a file of the user that can't be read. */
export function unreadableFile(name: string, cause: unknown): InputError {
  return new InputError(`Can't read ${name}. Check that it is a file and that you may read it.`, {cause});
}

/** Cuts off what a failed write left behind the end of a file, so that it isn't read and doesn't fill the disk. */
export function cutOff(file: number, length: number): void {
  try {
    ftruncateSync(file, length);
  } catch {
    // It is then overwritten later, or a torn line is skipped.
  }
}
