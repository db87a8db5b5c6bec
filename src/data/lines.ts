import type {Readable} from 'node:stream';
import {InputError} from '../errors.ts';

/** Characters of the longest line: more is no line, and would fill the memory. */
const LONGEST_LINE = 2 ** 26;

/**
 * The lines of a stream of UTF-8, without their ends: `\n` or `\r\n`, and nothing else. Newer versions of `node:readline`
 * take U+2028 and U+2029 for ends too, which stand in the middle of a line of JSON.
 *
 * @throws InputError where a line is too long to be one
 */
export async function* readLines(source: Readable, longest: number = LONGEST_LINE): AsyncGenerator<string> {
  let length = 0;
  let number = 1;
  // Of a line that has not ended. A long one is put together once, not with every piece.
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
      throw new InputError(`Line ${number} is longer than ${longest / 2 ** 20} Mi characters. Are its lines ended?`);
    }
    if (last !== '') pieces.push(last);
  }
  if (pieces.length > 0) yield withoutReturn(pieces.join(''));
}

/** Without the carriage return of an end that was `\r\n`. */
export function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
