import {randomUUID} from 'node:crypto';
import {type FileHandle, open, rename, unlink} from 'node:fs/promises';
import {KnowledgeError} from '../errors.ts';

/**
 * Writes a file piece by piece. It takes the place of an older one in one step, once all of it is on disk.
 *
 * @throws KnowledgeError where it can't be written; the older one is still there then
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
