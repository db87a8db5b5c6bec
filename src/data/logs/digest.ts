import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {stat} from 'node:fs/promises';
import {unreadableFile} from '../files.ts';

export interface LogDigest {
  /** In hexadecimal. */
  readonly sha256: string;
  /** The number of line ends, which for a zipped file means nothing. */
  readonly lines: number;
}

const NEWLINE = 0x0a;

/** @throws InputError if the file can't be read */
export async function digestOfLog(path: string): Promise<LogDigest> {
  const hash = createHash('sha256');
  let lines = 0;
  try {
    if (!(await stat(path)).isFile()) throw new Error('It is not a file.');
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      for (let index = chunk.indexOf(NEWLINE); index >= 0; index = chunk.indexOf(NEWLINE, index + 1)) lines++;
    }
  } catch (cause) {
    throw unreadableFile(path, cause);
  }
  return {sha256: hash.digest('hex'), lines};
}
