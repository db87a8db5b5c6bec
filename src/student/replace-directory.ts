import {randomBytes} from 'node:crypto';
import {mkdir, readdir, rename, rm} from 'node:fs/promises';
import {dirname, resolve} from 'node:path';
import {InputError} from '../errors.ts';

/**
 * Writes a directory whole or not at all: a new one beside it replaces it when complete. The old content is deleted
 * only after that.
 *
 * @param files - names of the files that `write` creates; a directory that holds anything else is not replaced
 * @throws InputError if the directory holds other files, or can't be written
 */
export async function replaceDirectory(
  directory: string,
  files: readonly string[],
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const target = resolve(directory);
  const suffix = randomBytes(4).toString('hex');
  const [fresh, old] = [`${target}.new-${suffix}`, `${target}.old-${suffix}`];
  try {
    await mkdir(dirname(target), {recursive: true});
    const replaced = await checkReplaceable(target, files);
    await mkdir(fresh);
    await write(fresh);
    if (replaced) await rename(target, old);
    await rename(fresh, target).catch(async error => {
      if (replaced) await rename(old, target);
      throw error;
    });
    if (replaced) await rm(old, {recursive: true});
  } catch (cause) {
    await rm(fresh, {recursive: true, force: true});
    if (cause instanceof InputError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InputError(
      `Cannot write ${directory}: ${reason}. Check that its parent folder exists, belongs to you and has space left.`,
      {
        cause,
      },
    );
  }
}

/** Returns true if there is a directory to replace. */
async function checkReplaceable(target: string, files: readonly string[]): Promise<boolean> {
  const present = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const foreign = present?.find(name => !files.includes(name));
  if (foreign !== undefined) {
    throw new InputError(`${target} holds other files (${foreign}), which would be lost. Name a new directory.`);
  }
  return present !== undefined;
}
