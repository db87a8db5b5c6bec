import {readdirSync, readFileSync, rmSync, statSync} from 'node:fs';
import {join} from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import {makeFolder} from '../../data/files.ts';
import type {Reply} from '../../teacher.ts';
import type {ReplyLocation} from '../stored-answer.ts';
import {journalFailure} from './segment.ts';

/** A line of a batch. Its id is the key of its first query. */
export interface BatchLine {
  /** Its queries, see `answerKey`. */
  readonly keys: readonly string[];
  /** Kept with its reply. */
  readonly headers?: Reply['headers'] | undefined;
}

/** The lines of a batch, by id. */
export function linesOf({keys, lines}: Pick<BatchRecord, 'keys' | 'lines'>): ReadonlyMap<string, BatchLine> {
  const all = lines ?? keys.map((key): BatchLine => ({keys: [key]}));
  return new Map(all.map(line => [line.keys[0]!, line]));
}

/** A batch that a service has, or is about to get. */
export interface BatchRecord {
  readonly format: 1;
  /** Our name for it, which exists before the service's id. */
  readonly name: string;
  /** Name of the teacher, for messages. */
  readonly teacher: string;
  /** ISO 8601: just before it was submitted. */
  readonly plannedAt: string;
  /** The number of this submission of its queries, from 1. */
  readonly attempt: number;
  /** Its queries, see `answerKey`. */
  readonly keys: readonly string[];
  /** Its lines, if one is about several queries. @default a line for each query */
  readonly lines?: readonly BatchLine[];
  /** The service's id; undefined while it is not known whether the service has the batch. */
  readonly id?: string;
}

/**
 * The batches that are not collected yet, one file each in the journal's folder. The file exists before the batch is
 * submitted, and is removed when all answers are kept, so a batch that was paid for is never forgotten.
 */
export class BatchRecords {
  readonly #journal: string;
  readonly #directory: string;
  readonly #read = new Map<string, {readonly changed: number; readonly record: BatchRecord | undefined}>();

  /** @param journal - the journal's folder */
  constructor(journal: string) {
    this.#journal = journal;
    this.#directory = join(journal, 'batches');
  }

  /**
   * The batches of all processes, the oldest first.
   *
   * @throws AnswerStoreError if they can't be read
   */
  all(): readonly BatchRecord[] {
    try {
      const records = filesIn(this.#directory).map(name => this.#recordIn(name));
      return records.filter(record => record !== undefined).sort(byAge);
    } catch (error) {
      throw journalFailure(this.#journal, 'read', error);
    }
  }

  /** Of all batches, those that hold any of these queries. */
  holding(keys: readonly string[]): readonly BatchRecord[] {
    const records = this.all();
    if (records.length === 0) return [];
    const wanted = new Set(keys);
    return records.filter(record => record.keys.some(key => wanted.has(key)));
  }

  /**
   * Writes a batch to its file and replaces an older record of that name. On disk when the promise resolves.
   *
   * @throws AnswerStoreError if it can't be written
   */
  async write(record: BatchRecord): Promise<void> {
    try {
      makeFolder(this.#directory);
      await writeFileAtomic(this.pathOf(record), `${JSON.stringify(record)}\n`);
    } catch (error) {
      throw journalFailure(this.#journal, 'written', error);
    }
  }

  /** Removes a batch that is collected, or that the service never had. */
  remove(record: BatchRecord): void {
    try {
      this.#read.delete(fileOf(record));
      rmSync(this.pathOf(record), {force: true});
    } catch (error) {
      throw journalFailure(this.#journal, 'written', error);
    }
  }

  /** The file of a batch. */
  pathOf(record: BatchRecord): string {
    return join(this.#directory, fileOf(record));
  }

  /** A batch can have a hundred thousand queries, so an unchanged file is not read again. */
  #recordIn(file: string): BatchRecord | undefined {
    const path = join(this.#directory, file);
    const changed = statSync(path, {throwIfNoEntry: false})?.mtimeMs;
    if (changed === undefined) return undefined;
    const known = this.#read.get(file);
    if (known?.changed === changed) return known.record;
    const record = parse(path);
    this.#read.set(file, {changed, record});
    return record;
  }
}

const ENDING = '.json';

function fileOf({name}: BatchRecord): string {
  return `${name}${ENDING}`;
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).filter(name => name.endsWith(ENDING));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined if another process has just removed it. */
function parse(path: string): BatchRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const record = JSON.parse(text) as BatchRecord;
  if (record.format === 1) return record;
  throw new Error(`${path} is of format ${record.format}, and this version reads format 1`);
}

function byAge(one: BatchRecord, other: BatchRecord): number {
  return one.plannedAt < other.plannedAt ? -1 : 1;
}

/** A request under way. */
interface Call {
  readonly keys: readonly string[];
  /** The location of its reply, once one has come. */
  location?: ReplyLocation;
}

/**
 * The calls of a journal that are not finished. For a running process, it is the state of its calls. For an ended
 * process, read from its segment, it is what the process left.
 */
export class Outstanding {
  /** Queries that were sent and may have been paid for, without a reply. */
  readonly inDoubt: Set<string> = new Set();
  /** By query, paid replies of ended processes whose answers are not kept. */
  readonly unread: Map<string, ReplyLocation> = new Map();
  readonly #calls = new Map<number, Call>();

  /** How many calls are under way. */
  get calls(): number {
    return this.#calls.size;
  }

  sent(id: number, keys: readonly string[]): void {
    this.#calls.set(id, {keys});
  }

  /** The queries of a call under way; none for an unknown call. */
  keysOf(id: number): readonly string[] {
    return this.#calls.get(id)?.keys ?? [];
  }

  replied(id: number, location: ReplyLocation): void {
    const call = this.#calls.get(id);
    if (call) call.location = location;
  }

  failed(id: number, inDoubt: boolean): void {
    if (inDoubt) for (const key of this.keysOf(id)) this.inDoubt.add(key);
    this.#calls.delete(id);
  }

  done(id: number): void {
    this.settled(this.keysOf(id));
    this.#calls.delete(id);
  }

  settled(keys: readonly string[]): void {
    for (const key of keys) {
      this.inDoubt.delete(key);
      this.unread.delete(key);
    }
  }

  /** Adds a reply that an ended process left. */
  left(keys: readonly string[], location: ReplyLocation): void {
    for (const key of keys) {
      this.inDoubt.delete(key);
      this.unread.set(key, location);
    }
  }

  /** Adds what another process left that has ended. */
  add({inDoubt, unread}: Outstanding): void {
    for (const [key, location] of unread) this.left([key], location);
    for (const key of inDoubt) this.inDoubt.add(key);
  }

  /**
   * Ends the process. Calls under way become replies to be read, or are in doubt; returns the queries in doubt. A query
   * can be both: its reply could not be read, and it was asked again.
   */
  end(): readonly string[] {
    const doubted = new Set<string>();
    for (const {keys, location} of this.#calls.values()) {
      if (location) this.left(keys, location);
      for (const key of keys) {
        if (location) doubted.delete(key);
        else doubted.add(key);
      }
    }
    for (const key of doubted) this.inDoubt.add(key);
    this.#calls.clear();
    return [...doubted];
  }
}
