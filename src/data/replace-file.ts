import {randomUUID} from 'node:crypto';
import {type FileHandle, open, rename, unlink} from 'node:fs/promises';
import {KnowledgeError} from '../errors.ts';

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
