import type {Readable} from 'node:stream';
import {InputError} from '../errors.ts';

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
