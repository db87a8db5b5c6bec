import {isUtf8} from 'node:buffer';
import {createReadStream} from 'node:fs';
import {pipeline, Readable} from 'node:stream';
import {TextDecoder} from 'node:util';
import {createGunzip} from 'node:zlib';
import {InputError} from '../../errors.ts';
import {unreadableFile, withoutReturn} from '../files.ts';

/** Some whole lines of a file with their ends. The last line of a file can lack its end. */
export interface Block {
  readonly text: string;
  /** Number of the first line, from 1. */
  readonly line: number;
}

/** Most bytes of a line. A longer one would fill the memory. */
const LONGEST_LINE = 2 ** 26;

const NEWLINE = 0x0a;

/**
 * Reads the lines of a file as text, without the byte order mark.
 *
 * @param encoding - one that uses the byte 0x0a for the end of a line and for nothing else
 * @throws InputError that names the line that is not in this encoding
 */
export async function* blocksOf(
  chunks: AsyncIterable<Buffer>,
  {file, encoding = 'utf-8'}: {readonly file: string; readonly encoding?: string | undefined},
): AsyncGenerator<Block> {
  const decode = decoderOf(encoding);
  let line = 1;
  let pending: Buffer[] = [];
  const take = (bytes: Buffer): Block => {
    if (line === 1) refuseWideText(bytes, file);
    const text = decode(bytes, file, line);
    const block = {text: line === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text, line};
    line += newlinesIn(text);
    return block;
  };
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      yield take(Buffer.concat([...pending, chunk.subarray(0, end)]));
      pending = [];
    }
    if (end < chunk.length) pending.push(chunk.subarray(end));
    refuseEndlessLine(pending, file, line);
  }
  if (pending.length > 0) yield take(Buffer.concat(pending));
}

/** The lines of a block without their ends. */
export function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (text.endsWith('\n')) lines.pop();
  if (!text.includes('\r')) return lines;
  return lines.map(withoutReturn);
}

/** Number of line ends in a text. */
export function newlinesIn(text: string): number {
  let count = 0;
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1)) count++;
  return count;
}

type Decode = (bytes: Buffer, file: string, line: number) => string;

function decoderOf(encoding: string): Decode {
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(encoding, {fatal: true, ignoreBOM: true});
  } catch (cause) {
    throw new InputError(`There is no encoding ${encoding}. Name one such as utf-8 or windows-1252.`, {cause});
  }
  if (decoder.encoding.startsWith('utf-16')) throw new InputError(`Texts in UTF-16 can't be read. ${SAVE_AS_UTF8}`);
  // Most text is ASCII, and for that this is many times as fast as the decoder.
  if (decoder.encoding === 'utf-8') return (bytes, file, line) => utf8(bytes, file, line);
  if (decoder.encoding === 'windows-1252') return windows1252;
  return (bytes, file, line) => {
    try {
      return decoder.decode(bytes);
    } catch (cause) {
      throw new InputError(
        `${file}, line ${line} or one of the ${newlinesIn(bytes.toString('latin1'))} after it is not ${encoding}. ` +
          'Name the `encoding` that it was saved in.',
        {cause},
      );
    }
  };
}

/** The characters of the bytes 0x80 to 0x9f. The decoder of some versions of Node.js gives control characters. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

function windows1252(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\x80-\x9f]/g, sign => WINDOWS_1252.charAt(sign.charCodeAt(0) - 0x80));
}

const SAVE_AS_UTF8 = 'Save the file as UTF-8.';

function utf8(bytes: Buffer, file: string, line: number): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  let wrong = line;
  let start = 0;
  for (;;) {
    const end = bytes.indexOf(NEWLINE, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) break;
    start = end + 1;
    wrong++;
  }
  throw new InputError(
    `${file}, line ${wrong}: not valid UTF-8. ${SAVE_AS_UTF8} Or name its \`encoding\`, such as windows-1252.`,
  );
}

function refuseWideText(bytes: Buffer, file: string): void {
  const isWide = bytes.length > 1 && [0xfffe, 0xfeff].includes(bytes.readUInt16BE());
  if (isWide) throw new InputError(`${file} is UTF-16. ${SAVE_AS_UTF8}`);
}

function refuseEndlessLine(pending: readonly Buffer[], file: string, line: number): void {
  const length = pending.reduce((sum, {length: bytes}) => sum + bytes, 0);
  if (length <= LONGEST_LINE) return;
  throw new InputError(
    `${file}, line ${line}: longer than ${LONGEST_LINE / 2 ** 20} MiB. Texts are read line by line. Check its line ends.`,
  );
}

/** Bytes read at a time. */
const CHUNK = 2 ** 18;

/**
 * The bytes of a file, or of stdin for `-`. Gzipped bytes are unzipped, whatever the name of the file.
 *
 * @throws InputError if it can't be read or is damaged
 */
export async function* bytesOf(path: string): AsyncGenerator<Buffer> {
  const source: AsyncIterable<Buffer> = path === '-' ? process.stdin : createReadStream(path, {highWaterMark: CHUNK});
  const read = withWholeStart(readable(source, path));
  const first = await read.next();
  if (first.done) return;
  const whole = chained(first.value, read);
  yield* isGzip(first.value) ? unzipped(whole, path) : whole;
}

function isGzip(bytes: Buffer): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function* readable(source: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  try {
    yield* source;
  } catch (cause) {
    throw unreadableFile(nameOf(path), cause);
  }
}

/** The same bytes with a first chunk that is long enough to detect the format. A pipe can deliver bytes one by one. */
async function* withWholeStart(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let start: Buffer | undefined = Buffer.alloc(0);
  for await (const chunk of chunks) {
    if (start === undefined) {
      yield chunk;
      continue;
    }
    start = Buffer.concat([start, chunk]);
    if (start.length < 4) continue;
    yield start;
    start = undefined;
  }
  if (start !== undefined && start.length > 0) yield start;
}

/** Puts one chunk before the others. */
export async function* chained<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T> {
  yield first;
  yield* rest;
}

async function* unzipped(chunks: AsyncIterable<Buffer>, path: string): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({chunkSize: CHUNK});
  // An error in the source is thrown by `gunzip`, which is read here.
  pipeline(Readable.from(chunks), gunzip, () => {});
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`${nameOf(path)} can't be unzipped: it is damaged. Fetch it again.`, {cause});
  }
}

/** The name of a path in messages. */
export function nameOf(path: string): string {
  return path === '-' ? 'stdin' : path;
}
