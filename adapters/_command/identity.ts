import {createHash} from 'node:crypto';
import {closeSync, openSync, readSync, statSync} from 'node:fs';
import {basename, isAbsolute, resolve} from 'node:path';

/** A word of a command line as identities hold it: a file by what is in it, since it may lie elsewhere tomorrow. */
export type IdentityWord = string | {readonly file: string; readonly sha256: string};

export interface CommandLine {
  readonly words: readonly string[];
  readonly cwd: string;
}

/**
 * What of a command line can change an answer. A program that is looked up by its bare name, or given by an absolute
 * path, is one that is installed: it is known by its name, as its path differs between machines.
 */
export function identityWords({words, cwd}: CommandLine): readonly IdentityWord[] {
  return words.map((word, index) => {
    if (isInstalled(word, index)) return basename(word);
    const path = resolve(cwd, word);
    return isFile(path) ? {file: basename(word), sha256: digestOf(path)} : word;
  });
}

/** The command for messages: the program and the files, without other arguments, which nobody needs to see. */
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
    // Nor is a word that could be no path, such as a long text.
    return false;
  }
}

/** In pieces, since a model may be longer than a buffer can be. */
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
