import {randomBytes, randomUUID} from 'node:crypto';
import {existsSync, ftruncateSync, mkdirSync, statSync} from 'node:fs';
import {type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat, unlink, writeFile} from 'node:fs/promises';
import {dirname, join, parse, resolve} from 'node:path';
import type {Readable} from 'node:stream';
import {InputError, KnowledgeError, LimbeckError} from '../errors.ts';

/**
 * Writes a file piece by piece. It replaces an older file in one step when all of it is on disk.
 *
 * @throws KnowledgeError if it can't be written, or what `write` throws of limbeck's own; the older file then stays
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
    if (cause instanceof LimbeckError) throw cause;
    throw new KnowledgeError(
      `${path} can't be written: ${(cause as Error).message}. Check the folder, its permissions and the free disk space.`,
      {cause},
    );
  }
}

/** Bytes of the files in a folder. */
export async function folderSize(folder: string): Promise<number> {
  const sizes = (await readdir(folder)).map(async name => (await stat(join(folder, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** The file for a part of what belongs to a file: of `tickets.json`, `tickets.urgent.json` for `urgent`. */
export function partFile(path: string, part: string): string {
  const {dir, name, ext} = parse(path);
  return join(dir, `${name}.${encodeURIComponent(part)}${ext}`);
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

/** How many times as long as its gzip data is allowed to be. Images and texts are rarely 20 times as long. */
const MOST_TIMES = 200;
/** Number of bytes that any gzip is allowed to unpack to. */
const ALWAYS = 2 ** 26;

/** Most bytes that a gzip of `bytes` is allowed to unpack to. A file made to fill the memory grows up to 1,032-fold. */
export function unzippedLimit(bytes: number): number {
  return Math.max(ALWAYS, MOST_TIMES * bytes);
}

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

/** Most characters of a line. A longer one would fill the memory. */
const LONGEST_LINE = 2 ** 26;

/**
 * The lines of a stream of UTF-8, without their ends. Only `\n` and `\r\n` end a line. Newer versions of
 * `node:readline` also end lines at U+2028 and U+2029, but a line of JSON can contain these.
 *
 * @throws InputError if a line is too long
 */
export async function* readLines(source: Readable, longest: number = LONGEST_LINE): AsyncGenerator<string> {
  let length = 0;
  let number = 1;
  // The pieces of a line that has not ended. They are joined once at its end: joining at every piece would be slow.
  let pieces: string[] = [];
  for await (const chunk of source.setEncoding('utf8') as AsyncIterable<string>) {
    const parts = chunk.split('\n');
    const last = parts.pop()!;
    for (const part of parts) {
      yield withoutReturn([...pieces, part].join(''));
      pieces = [];
      number++;
    }
    length = parts.length > 0 ? last.length : length + last.length;
    if (length > longest) {
      throw new InputError(`Line ${number} is longer than ${longest / 2 ** 20} Mi characters. Check its line ends.`);
    }
    if (last !== '') pieces.push(last);
  }
  if (pieces.length > 0) yield withoutReturn(pieces.join(''));
}

/** Removes the carriage return of an end that was `\r\n`. */
export function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
