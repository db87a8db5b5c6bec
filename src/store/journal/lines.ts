import {readSync} from 'node:fs';

/** Bytes read at once. */
const CHUNK = 1 << 20;
const NEWLINE = 10;

/**
 * The whole lines of an open file, each with its offset. A torn line at the end is left out. A line is valid until the
 * next one is taken.
 *
 * @param from - the offset of a line
 */
export function* linesOf(file: number, from = 0): Generator<{readonly line: Buffer; readonly offset: number}, void> {
  let buffer: Buffer = Buffer.alloc(CHUNK);
  /** The filled part of the buffer, and the offset of its start in the file. */
  let [filled, start] = [0, from];
  while (true) {
    if (filled === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length);
    const read = readSync(file, buffer, filled, buffer.length - filled, start + filled);
    if (read === 0) return;
    const fresh = filled;
    filled += read;
    const text = buffer.subarray(0, filled);
    let begin = 0;
    for (let end = text.indexOf(NEWLINE, fresh); end >= 0; end = text.indexOf(NEWLINE, begin)) {
      yield {line: text.subarray(begin, end + 1), offset: start + begin};
      begin = end + 1;
    }
    buffer.copyWithin(0, begin, filled);
    filled -= begin;
    start += begin;
  }
}
