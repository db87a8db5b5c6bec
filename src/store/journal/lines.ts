import {readSync} from 'node:fs';

/** Bytes read at once. */
const CHUNK = 1 << 20;
const NEWLINE = 10;

/**
 * The whole lines of an open file, each with its end and if it begins; what stands after the last is torn. A line is
 * good until the next one is taken.
 *
 * @param from - where a line begins
 */
export function* linesOf(file: number, from = 0): Generator<{readonly line: Buffer; readonly offset: number}, void> {
  let buffer: Buffer = Buffer.alloc(CHUNK);
  /** Of the buffer, how much is filled, and if in the file it begins. */
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
