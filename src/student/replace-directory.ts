import {randomBytes} from 'node:crypto';
import {mkdir, readdir, rename, rm} from 'node:fs/promises';
import {dirname, resolve} from 'node:path';
import {InputError} from '../errors.ts';

/**
 * Writes a directory whole or not at all: into a new one beside it, which then takes its place. What stood there before
 * is gone only after that.
 *
 * @param files - names of the files that `write` makes; a directory that holds anything else is not replaced
 * @throws InputError where the directory holds other files, or can't be written
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
    throw new InputError(`Cannot write ${directory}: ${reason}. Check that its place exists, is yours and has room.`, {
      cause,
    });
  }
}

/** Returns whether there is a directory to replace. */
async function checkReplaceable(target: string, files: readonly string[]): Promise<boolean> {
  const present = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  const foreign = present?.find(name => !files.includes(name));
  if (foreign !== undefined) {
    throw new InputError(`${target} holds other files (${foreign}), which would be lost. Name a directory of its own.`);
  }
  return present !== undefined;
}
