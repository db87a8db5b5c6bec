import {createHash, randomUUID} from 'node:crypto';
import {mkdir, readFile} from 'node:fs/promises';
import {dirname, join, normalize, sep} from 'node:path';
import {replaceFile} from '../data/files.ts';
import {LimbeckError} from '../errors.ts';
import {sha256Of, sha256OfFile} from '../sha256.ts';
import type {Redis} from './server.ts';

/** The part of a client of `ioredis` that moves files. */
export type FileRedis = Pick<Redis, 'rpush' | 'lindexBuffer' | 'llen' | 'exists' | 'rename' | 'pexpire'>;

/** A file that is in Redis. */
export interface SentFile {
  /** Within its folder, with slashes. */
  readonly path: string;
  readonly sha256: string;
}

const fileKey = (sha256: string) => `limbeck-queue:file:${sha256}`;

/** Bytes of one value of Redis. */
const PIECE = 1 << 24;

/** Milliseconds for which a file stays in Redis. */
const KEPT = 7 * 86_400_000;

/** Puts files of a folder into Redis. One that is there already is not sent again. */
export async function sendFiles(
  redis: FileRedis,
  folder: string,
  paths: readonly string[],
): Promise<readonly SentFile[]> {
  const sent: SentFile[] = [];
  for (const path of paths) {
    sent.push({path: path.replaceAll(sep, '/'), sha256: await sendBytes(redis, await readFile(join(folder, path)))});
  }
  return sent;
}

/** Puts bytes into Redis, and returns their SHA-256, by which they are found. */
export async function sendBytes(redis: FileRedis, bytes: Buffer): Promise<string> {
  const sha256 = sha256Of(bytes);
  const key = fileKey(sha256);
  if ((await redis.exists(key)) === 0) {
    const begun = `${key}:${randomUUID()}`;
    // An empty file has one empty piece.
    for (let start = 0; start === 0 || start < bytes.length; start += PIECE) {
      await redis.rpush(begun, bytes.subarray(start, start + PIECE));
      await redis.pexpire(begun, KEPT);
    }
    await redis.rename(begun, key);
  }
  await redis.pexpire(key, KEPT);
  return sha256;
}

/** Writes a file of Redis into a folder, in one step. @throws LimbeckError if it is not there, or its path leads out */
export async function fetchFile(redis: FileRedis, folder: string, {path, sha256}: SentFile): Promise<void> {
  const inside = normalize(path);
  if (inside.startsWith('..') || inside.startsWith(sep)) {
    throw new LimbeckError(
      `A file of the queue would be written to ${path}, outside of its folder. Look who fills it.`,
    );
  }
  const target = join(folder, inside);
  if (await holds(target, sha256)) return;
  await mkdir(dirname(target), {recursive: true});
  await replaceFile(target, async file => {
    for await (const piece of piecesOf(redis, sha256)) await file.write(piece);
  });
}

/** @throws LimbeckError if they are not there */
export async function fetchBytes(redis: FileRedis, sha256: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf(redis, sha256)) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* piecesOf(redis: FileRedis, sha256: string): AsyncGenerator<Buffer, void> {
  const key = fileKey(sha256);
  const count = await redis.llen(key);
  const hash = createHash('sha256');
  for (let index = 0; index < count; index++) {
    const piece = await redis.lindexBuffer(key, index);
    if (piece === null) break;
    hash.update(piece);
    yield piece;
  }
  if (count > 0 && hash.digest('hex') === sha256) return;
  throw new LimbeckError('A file of the queue is no longer in Redis, or damaged. Give the command of the study again.');
}

async function holds(path: string, sha256: string): Promise<boolean> {
  try {
    return (await sha256OfFile(path)) === sha256;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
