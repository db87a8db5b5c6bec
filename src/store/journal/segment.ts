import {randomBytes} from 'node:crypto';
import {closeSync, fdatasync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync} from 'node:fs';
import {join} from 'node:path';
import {cutOff} from '../../data/files.ts';
import {AnswerStoreError} from '../../errors.ts';
import type {Owner} from '../owner.ts';
import {lineOf} from './lines.ts';

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

/** Ends a segment without outstanding calls. A torn line can precede it. */
export const CLOSING: Buffer = Buffer.from('\n{"closed":true}\n');

/** The first size of the buffer for waiting lines, in bytes, and the most that is kept for later ones. */
const ROOM = 1 << 16;
const MOST_ROOM = 1 << 22;

/** How much is preallocated at once. No line begins with a space, so these are told from lines. */
const SPACES = Buffer.alloc(1 << 16, ' ');

/** The first line of a segment. A segment without an owner is left to the next process. */
export interface SegmentHead {
  readonly journal: 1;
  readonly owner: Owner | null;
}

/** Creates a segment with these first lines. It appears in the folder when it is whole and on disk. */
export function createSegment(directory: string, head: SegmentHead, lines: readonly string[]): string {
  const name = segmentName();
  const path = join(directory, name);
  const unfinished = `${path}.new`;
  const file = openSync(unfinished, 'wx');
  try {
    writeWhole(file, Buffer.from(lineOf(head) + lines.join('')), 0);
    fsyncSync(file);
  } catch (error) {
    rmSync(unfinished, {force: true});
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, path);
  syncDirectory(directory);
  return name;
}

/** True if an open segment ends without outstanding calls. */
export function isClosed(file: number): boolean {
  const end = Buffer.alloc(CLOSING.length);
  const {size} = fstatSync(file);
  return size >= end.length && readSync(file, end, 0, end.length, size - end.length) > 0 && end.equals(CLOSING);
}

/** Milliseconds from a write to the sync. */
const SYNC_DELAY = 1000;

/** Syncs a file to the disk in the background, at most once a second. */
class BackgroundSync {
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

/** A line that is being written, and its location in the file. */
interface Appended {
  readonly offset: number;
  readonly length: number;
  readonly written: Promise<void>;
}

/** The segment that this process writes. All lines of one turn of the event loop go into one write. */
export class SegmentWriter {
  readonly #directory: string;
  readonly #file: number;
  readonly #sync: BackgroundSync;
  /** The position of the next write. Bytes after it belong to an incomplete write, or are preallocated. */
  #end: number;
  /** The end of the preallocated bytes, if there are some. */
  #preallocated = 0;
  /** Lines that wait to be written. */
  #waiting: Buffer = Buffer.allocUnsafe(ROOM);
  #bytes = 0;
  #written: Deferred | undefined;
  #turn: NodeJS.Immediate | undefined;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#file = openSync(join(directory, name), 'r+');
    this.#sync = new BackgroundSync(directory, this.#file);
    this.#end = fstatSync(this.#file).size;
    if (writers.size === 0) process.on('exit', endAll);
    writers.add(this);
  }

  /**
   * Adds a line. `written` resolves when the system has it, and rejects with an AnswerStoreError if it can't be
   * written.
   */
  append(line: string): Appended {
    const offset = this.#end + this.#bytes;
    const length = this.#add(line);
    this.#written ??= new Deferred();
    return {offset, length, written: this.#written.promise};
  }

  /** Writes a line with the next ones. If it is lost, an answer is read again, or a query counts as in doubt. */
  note(line: string): void {
    this.#add(line);
  }

  /**
   * Preallocates bytes for later lines, as spaces after the last line. If the disk is then full, they can still be
   * written.
   *
   * @throws AnswerStoreError if there is no room for them
   */
  preallocate(bytes: number): void {
    const end = this.#end + this.#bytes + bytes;
    let size = Math.max(this.#preallocated, this.#end);
    if (end <= size) return;
    try {
      while (size < end) size += writeSync(this.#file, SPACES, 0, SPACES.length, size);
    } catch (error) {
      cutOff(this.#file, Math.max(this.#preallocated, this.#end));
      throw journalFailure(this.#directory, 'written', error);
    }
    this.#preallocated = size;
  }

  /** Writes waiting lines, syncs the file, and closes it. */
  async close(): Promise<void> {
    writers.delete(this);
    if (writers.size === 0) process.off('exit', endAll);
    this.end();
    try {
      await this.#sync.finish();
    } finally {
      closeSync(this.#file);
    }
  }

  /** Writes waiting lines, and frees what is preallocated. */
  end(): void {
    this.write();
    cutOff(this.#file, this.#end);
    this.#preallocated = 0;
  }

  #add(line: string): number {
    // A UTF-16 unit takes at most three bytes.
    const most = this.#bytes + 3 * line.length;
    if (most > this.#waiting.length) this.#waiting = Buffer.concat([this.#waiting], Math.max(most, 2 * this.#bytes));
    const length = this.#waiting.write(line, this.#bytes);
    this.#bytes += length;
    this.#turn ??= setImmediate(() => this.write());
    return length;
  }

  /** Writes waiting lines now. */
  write(): void {
    clearImmediate(this.#turn);
    const [lines, written] = [this.#waiting.subarray(0, this.#bytes), this.#written];
    this.#bytes = 0;
    this.#written = undefined;
    this.#turn = undefined;
    try {
      this.#sync.check();
      this.#end += writeWhole(this.#file, lines, this.#end);
      this.#sync.schedule();
      written?.resolve();
    } catch (error) {
      cutOff(this.#file, Math.max(this.#preallocated, this.#end));
      written?.reject(journalFailure(this.#directory, 'written', error));
    }
    if (this.#waiting.length > MOST_ROOM) this.#waiting = Buffer.allocUnsafe(ROOM);
  }
}

/** Open writers. A process that ends itself would otherwise lose its last turn of the event loop. */
const writers = new Set<SegmentWriter>();

function endAll(): void {
  for (const writer of writers) writer.end();
}

/** Writes all bytes, and returns their number. */
function writeWhole(file: number, bytes: Uint8Array, position: number): number {
  let done = 0;
  while (done < bytes.length) done += writeSync(file, bytes, done, bytes.length - done, position + done);
  return done;
}

function segmentName(): string {
  const time = new Date().toISOString().replace(/[-:.]/g, '');
  return `${time}-${process.pid}-${randomBytes(4).toString('hex')}.jsonl`;
}

/** A file's name is on disk when its folder is. Some systems don't let a folder be opened. */
function syncDirectory(directory: string): void {
  let folder: number | undefined;
  try {
    folder = openSync(directory, 'r');
    fsyncSync(folder);
  } catch {
    // On such a system the files are as safe as it makes them.
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
}

/** A promise that can be settled from outside. */
class Deferred {
  readonly promise: Promise<void>;
  resolve!: () => void;
  reject!: (reason: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
