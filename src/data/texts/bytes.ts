import {createReadStream} from 'node:fs';
import {pipeline, Readable} from 'node:stream';
import {createGunzip} from 'node:zlib';
import {InputError} from '../../errors.ts';
import {unreadableFile} from '../files.ts';

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
