import {type FileHandle, open} from 'node:fs/promises';
import {join} from 'node:path';
import {journalFailure} from './journal-file.ts';
import {type KeptReply, parseReply, type ReplyPlace} from './journal-reply.ts';
import {SEGMENT_NAME} from './journal-segment.ts';

/** Reads kept replies; each segment that is read from stays open. */
export class JournalReader {
  readonly #directory: string;
  readonly #files = new Map<string, Promise<FileHandle | undefined>>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @throws AnswerStoreError where the file can't be read */
  async read({segment, offset, length}: ReplyPlace): Promise<KeptReply | undefined> {
    // Places can come from elsewhere, with a store that was imported.
    if (!SEGMENT_NAME.test(segment)) return undefined;
    const file = this.#files.get(segment) ?? openIfThere(join(this.#directory, segment));
    this.#files.set(segment, file);
    try {
      const line = Buffer.alloc(length);
      const read = await (await file)?.read(line, 0, length, offset);
      return read?.bytesRead === length ? parseReply(line) : undefined;
    } catch (error) {
      throw journalFailure(this.#directory, 'read', error);
    }
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await (await file.catch(() => undefined))?.close();
    this.#files.clear();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
