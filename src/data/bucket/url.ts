import {join} from 'node:path';

/** True if a path is the URL of a bucket. */
export function isBucketUrl(path: string): boolean {
  return path.startsWith('s3://');
}

/** The path or URL of what is in a folder. */
export function pathIn(folder: string, name: string): string {
  return isBucketUrl(folder) ? `${folder.replace(/\/$/, '')}/${name}` : join(folder, name);
}
