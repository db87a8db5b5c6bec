import {mkdir, readdir, readFile, rm, stat} from 'node:fs/promises';
import {join} from 'node:path';
import {replaceFile} from '../data/files.ts';
import {KnowledgeError} from '../errors.ts';
import {sha256OfFile} from '../sha256.ts';
import type {ShardFolder} from './sharded.ts';

/** A folder of shards on disk. */
export function localFolder(folder: string): ShardFolder {
  const pathOf = (file: string) => join(folder, file);
  return {
    name: folder,
    isLocal: true,
    read: file =>
      readFile(pathOf(file)).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOENT') return undefined;
        throw new KnowledgeError(`${pathOf(file)} can't be read: ${cause.message}.`, {cause});
      }),
    async write(file, pieces) {
      await mkdir(folder, {recursive: true});
      await replaceFile(pathOf(file), async opened => {
        for (const piece of pieces) await opened.writeFile(piece);
      });
    },
    list: () => readdir(folder),
    remove: file => rm(pathOf(file), {force: true}),
    async holds({file, bytes, sha256}) {
      return (await sizeAt(pathOf(file))) === bytes && (await sha256OfFile(pathOf(file))) === sha256;
    },
    fetch: async ({file}) => pathOf(file),
    keepCopies: async () => {},
  };
}

/** Bytes of a file; undefined if there is none. */
export function sizeAt(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({size}) => size,
    () => undefined,
  );
}
