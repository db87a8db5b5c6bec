import {Bucket} from '../bucket/bucket.ts';
import type {ShardSource} from './source.ts';

/**
 * The shards in an S3-compatible bucket whose keys begin with a prefix, by ranges of bytes.
 *
 * @param url - such as `s3://bucket/prefix`
 * @throws InputError if it names no bucket; `list` and `read` throw one if the bucket can't be read
 */
export function bucketSource(url: string): ShardSource {
  const bucket = new Bucket(url);
  const {prefix} = bucket;
  // A prefix is a folder, or one object.
  const isBelow = (key: string) => prefix === '' || key === prefix || key.startsWith(prefix.replace(/\/?$/, '/'));
  return {
    name: url,
    async list() {
      const objects = await bucket.list();
      return objects
        .filter(({key, size}) => size > 0 && isBelow(key))
        .map(({key, size, tag}) => ({name: key, size, version: tag}))
        .sort((one, other) => (one.name < other.name ? -1 : 1));
    },
    read: ({name, version}, start, end) => bucket.read(name, {start, end, tag: version}),
  };
}
