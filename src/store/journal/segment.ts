import {randomBytes} from 'node:crypto';
import {closeSync, fstatSync, fsyncSync, openSync, readdirSync, readSync, renameSync, rmSync, writeSync} from 'node:fs';
import {join} from 'node:path';
import {cutOff} from '../lmdb/cut-off.ts';
import type {Owner} from '../owner.ts';
import {BackgroundSync, journalFailure} from './file.ts';

/** Ends a segment in which nothing is outstanding. A torn line may stand before it. */
export const CLOSING: Buffer = Buffer.from('\n{"closed":true}\n');

/** Bytes for lines that wait, at first, and the most that is kept for later ones. */
const ROOM = 1 << 16;
const MOST_ROOM = 1 << 22;

/** The first line of a segment; a segment without an owner is left to whoever comes next. */
export interface SegmentHead {
  readonly journal: 1;
  readonly owner: Owner | null;
}

/** Names of segments: when they were begun, by which process, and something random. */
export const SEGMENT_NAME: RegExp = /^\d{8}T\d{9}Z-\d+-[0-9a-f]{8}\.jsonl$/;

/** When a segment was begun, in milliseconds since 1970, by its name. */
export function startOf(segment: string): number {
  return Date.parse(segment.replace(/^(....)(..)(..T..)(..)(..)(...Z).*$/s, '$1-$2-$3:$4:$5.$6'));
}

/** The segments in a folder, the oldest first; none if there is no folder. */
export function segmentsIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter(name => SEGMENT_NAME.test(name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Makes a segment with these first lines; it stands in the folder when it is whole, and the disk has it. */
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

/** Whether an open segment ends as one does in which nothing is outstanding. */
export function isClosed(file: number): boolean {
  const end = Buffer.alloc(CLOSING.length);
  const {size} = fstatSync(file);
  return size >= end.length && readSync(file, end, 0, end.length, size - end.length) > 0 && end.equals(CLOSING);
}

export function lineOf(record: object): string {
  return `${JSON.stringify(record)}\n`;
}

/** A line that is being written, and its place in the file. */
interface Appended {
  readonly offset: number;
  readonly length: number;
  readonly written: Promise<void>;
}

/** The segment that this process writes: all lines of one turn of the event loop with one write. */
export class SegmentWriter {
  readonly #directory: string;
  readonly #file: number;
  readonly #sync: BackgroundSync;
  /** Where the next write begins. What stands behind it was not written whole. */
  #end: number;
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
    if (writers.size === 0) process.on('exit', writeAll);
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

  /** Writes a line with the next ones. If it is lost, an answer is read again or a query is taken to be in doubt. */
  note(line: string): void {
    this.#add(line);
  }

  /** Writes what waits, has the disk keep all, and closes the file. */
  async close(): Promise<void> {
    writers.delete(this);
    if (writers.size === 0) process.off('exit', writeAll);
    this.write();
    try {
      await this.#sync.finish();
    } finally {
      closeSync(this.#file);
    }
  }

  #add(line: string): number {
    // A UTF-16 unit takes three bytes at most.
    const most = this.#bytes + 3 * line.length;
    if (most > this.#waiting.length) this.#waiting = Buffer.concat([this.#waiting], Math.max(most, 2 * this.#bytes));
    const length = this.#waiting.write(line, this.#bytes);
    this.#bytes += length;
    this.#turn ??= setImmediate(() => this.write());
    return length;
  }

  /** Writes what waits, now. */
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
      cutOff(this.#file, this.#end);
      written?.reject(journalFailure(this.#directory, 'written', error));
    }
    if (this.#waiting.length > MOST_ROOM) this.#waiting = Buffer.allocUnsafe(ROOM);
  }
}

/** Those that are open: one that ends itself would lose its last turn of the event loop. */
const writers = new Set<SegmentWriter>();

function writeAll(): void {
  for (const writer of writers) writer.write();
}

/** How many bytes were written: all of them. */
function writeWhole(file: number, bytes: Uint8Array, position: number): number {
  let done = 0;
  while (done < bytes.length) done += writeSync(file, bytes, done, bytes.length - done, position + done);
  return done;
}

function segmentName(): string {
  const time = new Date().toISOString().replace(/[-:.]/g, '');
  return `${time}-${process.pid}-${randomBytes(4).toString('hex')}.jsonl`;
}

/** A file's name is on disk when its folder is. Not every system lets a folder be opened. */
function syncDirectory(directory: string): void {
  let folder: number | undefined;
  try {
    folder = openSync(directory, 'r');
    fsyncSync(folder);
  } catch {
    // Then its files are as safe as the system makes them.
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
}

/** A promise with its ends outside. */
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
