/** Reads and writes a file that a person may be changing at the same time. */
import {readFileSync} from 'node:fs';
import {mkdir, readFile} from 'node:fs/promises';
import {dirname, resolve} from 'node:path';
import pLimit, {type LimitFunction} from 'p-limit';
import writeFileAtomic from 'write-file-atomic';
import {InputError} from '../../errors.ts';

/** The outcome of a change to a file. */
export interface Changed {
  /** The content as it was last read or written. */
  readonly content: string | undefined;
  /** Sentences that say why the file could not be written. */
  readonly problem?: string;
}

/** Number of attempts if the file keeps changing while its next content is made. */
const ATTEMPTS = 5;

/** Who of this process has its turn with a file. */
const turns = new Map<string, LimitFunction>();

/**
 * Replaces the content of a file, as a whole or not at all. If the file was changed after it was read, it is read
 * again, so that nobody's changes are lost.
 *
 * @param next - makes the next content from the present one, which is undefined if there is no file; returns undefined
 * to leave the file as it is
 * @throws InputError if the file can't be read
 */
export function changeFile(
  path: string,
  next: (content: string | undefined) => string | undefined,
  signal?: AbortSignal,
): Promise<Changed> {
  const key = resolve(path);
  const turn = turns.get(key) ?? pLimit(1);
  turns.set(key, turn);
  return turn(async () => {
    let content = await contentOf(path);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      signal?.throwIfAborted();
      const changed = next(content);
      if (changed === undefined) return {content};
      const present = await contentOf(path);
      if (present === content) return write(path, content, changed);
      content = present;
    }
    return {content, problem: `${path} keeps changing. Stop what changes it, then run again.`};
  });
}

async function write(path: string, before: string | undefined, content: string): Promise<Changed> {
  try {
    await mkdir(dirname(path), {recursive: true});
    await writeFileAtomic(path, content);
    return {content};
  } catch (error) {
    const problem = `${path} can't be written: ${(error as Error).message}. Close it where it is open, check its permissions and the free disk space, then run again.`;
    return {content: before, problem};
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  return decoded(path, await readFile(path).catch(error => noneOrThrow(path, error)));
}

/** The content of a file; undefined if there is none. */
export function contentOfSync(path: string): string | undefined {
  try {
    return decoded(path, readFileSync(path));
  } catch (error) {
    if (error instanceof InputError) throw error;
    return noneOrThrow(path, error);
  }
}

function noneOrThrow(path: string, error: unknown): undefined {
  const {code, message} = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return undefined;
  throw new InputError(`${path} can't be read: ${message}. Close it where it is open, and check its permissions.`, {
    cause: error,
  });
}

function decoded(path: string, bytes: Uint8Array | undefined): string | undefined {
  try {
    // The byte order mark stays in the content.
    return bytes && new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch (cause) {
    throw new InputError(`${path} is not in UTF-8. Save it as "CSV UTF-8", with the character set Unicode (UTF-8).`, {
      cause,
    });
  }
}
