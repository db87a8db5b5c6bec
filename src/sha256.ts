import {createHash} from 'node:crypto';
import {createReadStream} from 'node:fs';
import {pipeline} from 'node:stream/promises';

/** SHA-256 of bytes in pieces, one after another, as hex digits. */
export function sha256Of(...pieces: readonly NodeJS.ArrayBufferView[]): string {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

/** SHA-256 of a file, as hex digits. Memory holds a piece of it. */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, {highWaterMark: 1 << 20}), hash, {signal});
  return hash.digest('hex');
}
