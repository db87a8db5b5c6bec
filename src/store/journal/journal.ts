import {makeFolder} from '../../data/make-folder.ts';
import {withoutSecrets} from '../../secrets.ts';
import type {Reply} from '../../teacher.ts';
import {type Owner, thisProcess} from '../owner.ts';
import {Quarantine, type Quarantined} from '../quarantine.ts';
import type {AnswerEntry} from '../store.ts';
import {BatchRecords} from './batches.ts';
import {journalFailure} from './file.ts';
import {KeptLines} from './kept-lines.ts';
import {holdLock, type JournalLock} from './lock.ts';
import type {Outstanding} from './outstanding.ts';
import {JournalReader} from './reader.ts';
import {carryLines, type Recovery, recover, retire} from './recovery.ts';
import {type KeptReply, type ReplyLocation, replyLine} from './reply.ts';
import {createSegment, lineOf, SegmentWriter} from './segment.ts';

export type {Quarantined} from '../quarantine.ts';
export type {KeptReply, ReplyLocation} from './reply.ts';

/**
 * What was sent to a service and what came back, written down before anything follows from it. A process that is killed
 * loses nothing that a promise of its journal was resolved for. A power cut can take the lines of the last second or
 * two: their queries are then asked again without being named.
 *
 * Every failure to write or to read is an AnswerStoreError.
 */
export interface Journal {
  /** What earlier processes left. */
  readonly recovered: {
    /** Queries that were sent, and may have been paid for, but have no reply: those that are asked again. */
    readonly inDoubt: readonly string[];
    /** Where paid replies are whose answers were not kept, by query. They are to be read, not asked for again. */
    readonly replies: ReadonlyMap<string, ReplyLocation>;
  };
  /** Processes elsewhere that may run or not. What they sent and received is left to them for as long as that is so. */
  readonly unknown: readonly Owner[];
  /** Where the replies are that this process received in batches and whose answers are not kept yet, by query. */
  readonly received: ReadonlyMap<string, ReplyLocation>;
  /** What was handed over in batches and is not collected. */
  readonly batches: BatchRecords;
  /** Queries whose replies could not be read, by this process and those before. */
  readonly quarantined: ReadonlyMap<string, Quarantined>;
  /** Lines of the quarantine's file that are no entries, by file and line. */
  readonly skipped: readonly string[];
  /** Queries are about to be sent. Nothing may go out before it has resolved, with the call's number. */
  sent(keys: readonly string[]): Promise<number>;
  /** Keeps the raw reply, without headers that could hold a secret. To be awaited before the reply is read. */
  replied(id: number, reply: Reply): Promise<ReplyLocation>;
  /** Keeps the raw reply to a request of a batch, as `replied` does. It is to be read, not asked for again. */
  receive(keys: readonly string[], reply: Reply): Promise<ReplyLocation>;
  /** No reply came that is to be paid for, or it is in doubt. */
  failed(id: number, why: string, inDoubt: boolean): void;
  /** The answers of a call are in the store, or its queries quarantined. */
  done(id: number): void;
  /** These queries have their answers by other ways than a call of this process. */
  settled(keys: readonly string[]): void;
  /** The query has no answer that could be read, and is not asked again. */
  quarantine(key: string, entry: Quarantined): Promise<void>;
  /**
   * These answers of replies are about to go into the store. When the promise resolves the journal has them as well, so
   * that a store that is lost can be made again of it.
   */
  kept(entries: readonly AnswerEntry[]): Promise<void>;
  /**
   * Where the replies are of other processes, ended or not, by query; without those whose answers were deleted, those
   * in `recovered` and `received`, and those that are quarantined.
   */
  find(keys: readonly string[]): Promise<ReadonlyMap<string, ReplyLocation>>;
  /**
   * Takes over what processes left that have ended since this journal was opened: `recovered.replies` has their replies
   * from then on, and `find` looks at all that was written by now. Resolves with the queries that are in doubt by them.
   */
  takeOver(): Promise<readonly string[]>;
  /** A kept reply; undefined if there is none in its place, as after a power cut. */
  read(location: ReplyLocation): Promise<KeptReply | undefined>;
  /** What is not at its end is left to the next journal in the folder. */
  close(): Promise<void>;
}

/**
 * Opens the journal in a folder, made if there is none, and takes over what ended processes left there. Processes
 * that run at the same time each write a file of their own.
 *
 * @throws AnswerStoreError if the folder can't be written
 */
export async function openJournal(directory: string): Promise<Journal> {
  try {
    makeFolder(directory);
    const {outstanding, inDoubt, unknown, finish} = await recover(directory);
    const name = createSegment(directory, {journal: 1, owner: thisProcess}, carryLines(outstanding));
    const lock = await holdLock(directory, name);
    // Only now: until here, another process would have found it all in the old segments.
    finish();
    return new SegmentJournal({directory, name, lock, inDoubt, unknown}, outstanding);
  } catch (error) {
    throw journalFailure(directory, 'opened', error);
  }
}

/** A reply that is being written, and its place. */
interface Keeping {
  readonly location: ReplyLocation;
  readonly written: Promise<void>;
}

interface OpenedSegment extends Pick<Recovery, 'inDoubt' | 'unknown'> {
  readonly directory: string;
  readonly name: string;
  readonly lock: JournalLock;
}

class SegmentJournal implements Journal {
  readonly recovered: Journal['recovered'];
  readonly unknown: Journal['unknown'];
  readonly received: ReadonlyMap<string, ReplyLocation>;
  readonly batches: BatchRecords;
  readonly #directory: string;
  readonly #name: string;
  readonly #lock: JournalLock;
  readonly #segment: SegmentWriter;
  readonly #outstanding: Outstanding;
  readonly #quarantine: Quarantine;
  readonly #reader: JournalReader;
  readonly #keptLines = new KeptLines();
  readonly #received = new Map<string, ReplyLocation>();
  #calls = 0;
  #holdsReplies = false;

  constructor({directory, name, lock, inDoubt, unknown}: OpenedSegment, outstanding: Outstanding) {
    this.#directory = directory;
    this.#name = name;
    this.#lock = lock;
    this.unknown = unknown;
    this.#segment = new SegmentWriter(directory, name);
    this.#outstanding = outstanding;
    this.#quarantine = new Quarantine(directory);
    this.#reader = new JournalReader(directory, name);
    this.recovered = {inDoubt, replies: outstanding.unread};
    this.received = this.#received;
    this.batches = new BatchRecords(directory);
  }

  get quarantined(): ReadonlyMap<string, Quarantined> {
    return this.#quarantine.byKey;
  }

  get skipped(): readonly string[] {
    return this.#quarantine.skipped;
  }

  sent(keys: readonly string[]): Promise<number> {
    const id = ++this.#calls;
    return this.#segment.append(lineOf({sent: id, keys})).written.then(() => {
      this.#outstanding.sent(id, keys);
      return id;
    });
  }

  replied(id: number, reply: Reply): Promise<ReplyLocation> {
    const {location, written} = this.#keep(id, this.#outstanding.keysOf(id), reply);
    return written.then(() => {
      this.#outstanding.replied(id, location);
      return location;
    });
  }

  async receive(keys: readonly string[], reply: Reply): Promise<ReplyLocation> {
    const {location, written} = this.#keep(++this.#calls, keys, reply);
    await written;
    // No call of this process stands for it: if the process ends now, it is found by this line.
    this.#segment.note(lineOf({unread: keys, place: location}));
    this.#outstanding.left(keys, location);
    for (const key of keys) this.#received.set(key, location);
    return location;
  }

  failed(id: number, why: string, inDoubt: boolean): void {
    this.#segment.note(lineOf({failed: id, inDoubt, why: withoutSecrets(why)}));
    this.#outstanding.failed(id, inDoubt);
  }

  done(id: number): void {
    this.#segment.note(`{"done":${id}}\n`);
    this.#outstanding.done(id);
  }

  settled(keys: readonly string[]): void {
    this.#segment.note(lineOf({settled: keys}));
    this.#outstanding.settled(keys);
    this.#quarantine.settle(keys);
    for (const key of keys) this.#received.delete(key);
  }

  async kept(entries: readonly AnswerEntry[]): Promise<void> {
    const lines = this.#keptLines.of(entries);
    if (lines !== '') await this.#segment.append(lines).written;
  }

  async find(keys: readonly string[]): Promise<ReadonlyMap<string, ReplyLocation>> {
    const isOpen = (key: string) =>
      !this.#outstanding.unread.has(key) && !this.#received.has(key) && !this.quarantined.has(key);
    return this.#reader.find(keys.filter(isOpen));
  }

  async takeOver(): Promise<readonly string[]> {
    const {outstanding, inDoubt, finish} = await recover(this.#directory);
    const lines = carryLines(outstanding).join('');
    if (lines !== '') await this.#segment.append(lines).written;
    finish();
    this.#outstanding.add(outstanding);
    await this.#reader.renew();
    return inDoubt;
  }

  async quarantine(key: string, entry: Quarantined): Promise<void> {
    this.#quarantine.add(key, entry);
    if (!this.#received.delete(key)) return;
    this.#segment.note(lineOf({settled: [key]}));
    this.#outstanding.settled([key]);
  }

  #keep(id: number, keys: readonly string[], reply: Reply): Keeping {
    const {offset, length, written} = this.#segment.append(replyLine(id, keys, reply));
    this.#holdsReplies = true;
    return {location: {segment: this.#name, offset, length}, written};
  }

  read(location: ReplyLocation): Promise<KeptReply | undefined> {
    return this.#reader.read(location);
  }

  async close(): Promise<void> {
    await this.#reader.close();
    await this.#segment.close();
    try {
      this.#outstanding.end();
      const left = carryLines(this.#outstanding);
      if (left.length > 0) createSegment(this.#directory, {journal: 1, owner: null}, left);
      retire(this.#directory, this.#name, this.#holdsReplies);
    } catch (error) {
      throw journalFailure(this.#directory, 'written', error);
    } finally {
      await this.#lock.release();
    }
  }
}
