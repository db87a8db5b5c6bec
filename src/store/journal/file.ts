import {fdatasync, readSync} from 'node:fs';
import {AnswerStoreError} from '../../errors.ts';

/** Milliseconds from a write to the sync. */
const SYNC_DELAY = 1000;

type JournalAction = 'opened' | 'read' | 'written';

/** An error about the journal in this folder, which says what to do next. */
export function journalFailure(directory: string, action: JournalAction, cause: unknown): AnswerStoreError {
  if (cause instanceof AnswerStoreError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AnswerStoreError(
    `The journal of requests (${directory}) can't be ${action}: ${reason}. ` +
      'Check its path, its permissions and the free disk space; nothing is bought without it.',
    {cause},
  );
}

/** Syncs a file to the disk in the background, at most once a second. */
export class BackgroundSync {
  readonly #directory: string;
  readonly #file: number;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(directory: string, file: number) {
    this.#directory = directory;
    this.#file = file;
  }

  /** Schedules a sync after a write. */
  schedule(): void {
    this.#timer ??= setTimeout(() => void this.#sync(), SYNC_DELAY).unref();
  }

  /** @throws AnswerStoreError if an earlier write did not reach the disk */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  /** Resolves when the disk has all that was written. */
  async finish(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#running;
    await this.#sync();
    this.check();
  }

  #sync(): Promise<void> {
    this.#timer = undefined;
    this.#running = new Promise(resolve => {
      fdatasync(this.#file, error => {
        if (error) this.#failure ??= journalFailure(this.#directory, 'written', error);
        resolve();
      });
    });
    return this.#running;
  }
}

/** Bytes read at once. */
const CHUNK = 1 << 20;
const NEWLINE = 10;

/**
 * The whole lines of an open file, each with its offset. A torn line at the end is left out. A line is valid until the
 * next one is taken.
 *
 * @param from - the offset of a line
 */
export function* linesOf(file: number, from = 0): Generator<{readonly line: Buffer; readonly offset: number}, void> {
  let buffer: Buffer = Buffer.alloc(CHUNK);
  /** The filled part of the buffer, and the offset of its start in the file. */
  let [filled, start] = [0, from];
  while (true) {
    if (filled === buffer.length) buffer = Buffer.concat([buffer], 2 * buffer.length);
    const read = readSync(file, buffer, filled, buffer.length - filled, start + filled);
    if (read === 0) return;
    const fresh = filled;
    filled += read;
    const text = buffer.subarray(0, filled);
    let begin = 0;
    for (let end = text.indexOf(NEWLINE, fresh); end >= 0; end = text.indexOf(NEWLINE, begin)) {
      yield {line: text.subarray(begin, end + 1), offset: start + begin};
      begin = end + 1;
    }
    buffer.copyWithin(0, begin, filled);
    filled -= begin;
    start += begin;
  }
}
