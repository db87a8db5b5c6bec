import {createHash} from 'node:crypto';
import {closeSync, openSync, readSync, statSync} from 'node:fs';
import {basename, isAbsolute, resolve} from 'node:path';

/** A word of a command line in an identity. A file is held by its content, because its path can change. */
type IdentityWord = string | {readonly file: string; readonly sha256: string};

interface CommandLine {
  readonly words: readonly string[];
  readonly cwd: string;
}

/**
 * Returns the parts of a command line that can change an answer. A program that is given by its bare name or by an
 * absolute path is taken for an installed one. It is identified by its name, because its path differs between machines.
 */
export function identityWords({words, cwd}: CommandLine): readonly IdentityWord[] {
  return words.map((word, index) => {
    if (isInstalled(word, index)) return basename(word);
    const path = resolve(cwd, word);
    return isFile(path) ? {file: basename(word), sha256: digestOf(path)} : word;
  });
}

/** Returns the command for messages: the program and the files, without the other arguments. */
export function shownCommand({words, cwd}: CommandLine): string {
  const shown = words.filter((word, index) => index === 0 || isFile(resolve(cwd, word)));
  return shown.map(word => basename(word)).join(' ');
}

function isInstalled(word: string, index: number): boolean {
  return index === 0 && (isAbsolute(word) || !/[\\/]/.test(word));
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    // A word that is no possible path, such as a long text, is no file either.
    return false;
  }
}

/** Reads in chunks, because a model can be longer than a buffer. */
function digestOf(path: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.allocUnsafe(2 ** 20);
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece)) hash.update(piece.subarray(0, read));
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}
