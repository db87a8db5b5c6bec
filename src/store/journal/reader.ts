import {type FileHandle, open} from 'node:fs/promises';
import {join} from 'node:path';
import type {ReplyLocation} from '../stored-answer.ts';
import {type KeptReply, parseReply, SEGMENT_NAME} from './lines.ts';
import {ReplyIndex} from './reply-index.ts';
import {journalFailure} from './segment.ts';

/** Reads kept replies. Each segment that is read stays open. */
export class JournalReader {
  readonly #directory: string;
  readonly #files = new Map<string, Promise<FileHandle | undefined>>();
  readonly #index: ReplyIndex;

  /** @param own - the segment that this process writes */
  constructor(directory: string, own?: string) {
    this.#directory = directory;
    this.#index = new ReplyIndex(directory, own);
  }

  /**
   * By query, the locations of replies that other processes have kept. Deleted answers are left out.
   *
   * @throws AnswerStoreError if the look-up fails
   */
  async find(keys: readonly string[]): Promise<ReadonlyMap<string, ReplyLocation>> {
    try {
      return await this.#index.find(keys);
    } catch (error) {
      throw journalFailure(this.#directory, 'read', error);
    }
  }

  /** Makes the next `find` cover everything written by now. */
  async renew(): Promise<void> {
    await this.#index.renew();
  }

  /** @throws AnswerStoreError if the file can't be read */
  async read({segment, offset, length}: ReplyLocation): Promise<KeptReply | undefined> {
    // A location can come from elsewhere, with a store that was imported.
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
    await this.#index.close();
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
