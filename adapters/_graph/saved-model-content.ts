import {createHash} from 'node:crypto';
import {createReadStream, existsSync} from 'node:fs';
import {readdir, stat} from 'node:fs/promises';
import {join, sep} from 'node:path';
import {pipeline} from 'node:stream/promises';

/** Folders that answers depend on, with `saved_model.pb`. The rest of a SavedModel's folder is for people. */
const PARTS = ['assets', 'variables'];

/** Returns the SHA-256 of the names and bytes of the files that make up a SavedModel, in hexadecimal. */
export async function contentHash(folder: string): Promise<string> {
  const files = ['saved_model.pb'];
  for (const part of PARTS.filter(name => existsSync(join(folder, name)))) {
    const names = await readdir(join(folder, part), {recursive: true});
    files.push(...names.sort().map(name => join(part, name)));
  }
  const hash = createHash('sha256');
  for (const file of files) {
    // Not the entry types of `readdir`, because a file can be a link, as in the caches of model hubs.
    if (!(await stat(join(folder, file))).isFile()) continue;
    hash.update(`${JSON.stringify([file.replaceAll(sep, '/'), await fileHash(join(folder, file))])}\n`);
  }
  return hash.digest('hex');
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
