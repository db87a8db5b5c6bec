import {localFolder} from './local-folder.ts';
import {isBucketUrl, type ShardFolder} from './sharded.ts';

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
