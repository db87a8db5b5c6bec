import {createHash, hash} from 'node:crypto';
import {mkdir} from 'node:fs/promises';
import {join} from 'node:path';
import pLimit from 'p-limit';
import {Bucket} from '../data/bucket/bucket.ts';
import {replaceFile} from '../data/files.ts';
import {KnowledgeError} from '../errors.ts';
import {sha256Of} from '../sha256.ts';
import {localFolder, sizeAt} from './local-folder.ts';
import {INDEX_FILE, removeUnlisted} from './shard-index.ts';
import type {KnowledgeShard, ShardFolder} from './sharded.ts';

/** Bytes that are read at a time, and how many shards are copied at once. */
const READ_BYTES = 2 ** 23;
const COPIED_AT_ONCE = 4;

/**
 * A folder of shards in an S3-compatible bucket. A shard is copied to disk when its first row is wanted, since training reads
 * single rows in random order, and a request for each would take hours and cost money.
 *
 * @param url - such as `s3://bucket/prefix`
 * @param copies - the folder of all copies
 * @throws InputError if it names no bucket
 */
export function bucketFolder(url: string, copies: string): ShardFolder {
  const bucket = new Bucket(url);
  const keyOf = (file: string) => (bucket.prefix === '' ? file : `${bucket.prefix.replace(/\/$/, '')}/${file}`);
  const own = join(copies, hash('sha256', url.replace(/\/$/, '')).slice(0, 16));
  const limit = pLimit(COPIED_AT_ONCE);
  const copy = async (shard: KnowledgeShard) => {
    const path = join(own, shard.file);
    if (await localFolder(own).holds(shard)) return path;
    await mkdir(own, {recursive: true});
    await replaceFile(path, async file => {
      for await (const piece of checkedPieces(bucket, keyOf(shard.file), shard)) await file.writeFile(piece);
    });
    return path;
  };
  return {
    name: url,
    isLocal: false,
    read: file => bucket.get(keyOf(file)),
    write: (file, pieces) => bucket.put(keyOf(file), pieces),
    async list() {
      const folder = keyOf('');
      return (await bucket.list(folder)).map(({key}) => key.slice(folder.length)).filter(name => !name.includes('/'));
    },
    remove: file => bucket.delete(keyOf(file)),
    // The bucket checked the hash when it took the shard, and the name has it.
    holds: async ({file, bytes}) => (await bucket.size(keyOf(file))) === bytes,
    fetch: shard => limit(copy, shard),
    keepCopies: async shards => {
      if ((await sizeAt(own)) !== undefined) await removeUnlisted(localFolder(own), {shards});
    },
  };
}

/**
 * The indices of all knowledge in a bucket with their SHA-256. Since an index lists the SHA-256 of each shard, they tell what is
 * there.
 *
 * @throws InputError if the bucket can't be read
 */
export async function indicesIn(url: string): Promise<readonly {readonly path: string; readonly sha256: string}[]> {
  const bucket = new Bucket(url);
  const keys = (await bucket.list()).map(({key}) => key).filter(key => key.endsWith(`/${INDEX_FILE}`));
  const indices = keys.map(async key => ({path: bucket.urlOf(key), sha256: sha256Of((await bucket.get(key))!)}));
  return Promise.all(indices);
}

/** The bytes of a shard. The last ones come only if all are what the index lists. */
async function* checkedPieces(
  bucket: Bucket,
  key: string,
  {bytes, sha256}: KnowledgeShard,
): AsyncGenerator<Buffer, void> {
  const digest = createHash('sha256');
  for (let start = 0; start < bytes; start += READ_BYTES) {
    const piece = await bucket.read(key, {start, end: Math.min(bytes, start + READ_BYTES)});
    digest.update(piece);
    yield piece;
  }
  if (digest.digest('hex') === sha256) return;
  throw new KnowledgeError(
    `${bucket.urlOf(key)} is not what its index lists: its SHA-256 is another one. Label again, which makes it from kept answers.`,
  );
}
