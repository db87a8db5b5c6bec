import {rm, rmdir, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {makeFolder} from '../data/files.ts';
import {InputError} from '../errors.ts';

/**
 * Checks that files can be written to a folder, by writing one. To be called before anything is bought for what goes
 * there. Leaves nothing behind.
 *
 * @throws InputError if it can't be done
 */
export async function checkWritable(directory: string): Promise<void> {
  try {
    const made = makeFolder(directory);
    const file = join(directory, `.limbeck-${process.pid}`);
    await writeFile(file, '');
    await rm(file);
    for (const folder of made.toReversed()) await rmdir(folder).catch(STAYS);
  } catch (cause) {
    throw new InputError(
      `${directory} can't be written: ${(cause as Error).message}. Mend that, or name another folder with \`--out\`; ` +
        'nothing was asked.',
      {cause},
    );
  }
}

/** Another process may have put something there. */
const STAYS = (): void => {};
