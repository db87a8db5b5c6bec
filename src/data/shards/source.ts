import {open, stat} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {InputError} from '../../errors.ts';
import {unreadableFile} from '../files.ts';
import {filesIn, isFolder} from '../texts/read.ts';

/** One file of a set that is stored in several. */
export interface ShardFile {
  /** Its path in the folder, with `/` as the separator. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Changes with the content: when it was written, or the tag that a bucket gave it. */
  readonly version: string;
}

/** Where shards are. */
export interface ShardSource {
  /** For messages. */
  readonly name: string;
  /** All files, in the order of their names. */
  list(): Promise<readonly ShardFile[]>;
  /**
   * The bytes from `start` to `end`, without that one.
   *
   * @throws InputError if they can't be read
   */
  read(file: ShardFile, start: number, end: number): Promise<Buffer>;
}

/** The shards in a folder and its subfolders, or one file. Names that begin with a dot are left out. */
export function localSource(path: string): ShardSource {
  let folder = path;
  return {
    name: path,
    async list() {
      if (!(await isFolder(path))) {
        folder = dirname(path);
        return [await fileAt(path, basename(path))];
      }
      const files: ShardFile[] = [];
      for await (const {path: file, id} of filesIn(path)) files.push(await fileAt(file, id));
      return files.sort((one, other) => (one.name < other.name ? -1 : 1));
    },
    read: ({name}, start, end) => readRange(join(folder, name), start, end),
  };
}

async function fileAt(path: string, name: string): Promise<ShardFile> {
  const {size, mtimeMs} = await stat(path);
  return {name, size, version: String(mtimeMs)};
}

async function readRange(path: string, start: number, end: number): Promise<Buffer> {
  const file = await open(path, 'r').catch((cause: unknown) => {
    throw unreadableFile(path, cause);
  });
  try {
    const bytes = Buffer.allocUnsafe(end - start);
    for (let done = 0; done < bytes.length; ) {
      const {bytesRead} = await file.read(bytes, done, bytes.length - done, start + done);
      if (bytesRead === 0) throw new InputError(`${path} ends too early: it was changed while it was read.`);
      done += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}
