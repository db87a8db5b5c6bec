import {isBucketUrl} from '../data/bucket/url.ts';
import type {indicesIn} from './bucket-folder.ts';
import {localFolder} from './local-folder.ts';
import type {ShardFolder} from './sharded.ts';

/** Where copies of shards in buckets are kept, if nothing else is said. */
const COPIES = '.limbeck/knowledge';

/**
 * A folder of shards at a path, or at `s3://BUCKET/PREFIX`.
 *
 * @param copies - where copies of shards in buckets are kept
 */
export async function openFolder(path: string, copies: string = COPIES): Promise<ShardFolder> {
  if (!isBucketUrl(path)) return localFolder(path);
  const {bucketFolder} = await import('./bucket-folder.ts');
  return bucketFolder(path, copies);
}

/** The indices of all knowledge in a bucket, see `indicesIn`. */
export async function bucketIndices(url: string): ReturnType<typeof indicesIn> {
  return (await import('./bucket-folder.ts')).indicesIn(url);
}
