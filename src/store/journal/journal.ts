import {makeFolder} from '../../data/files.ts';
import {withoutSecrets} from '../../secrets.ts';
import type {Reply} from '../../teacher.ts';
import {type Owner, thisProcess} from '../owner.ts';
import {Quarantine, type Quarantined} from '../quarantine.ts';
import type {AnswerEntry, ReplyLocation} from '../stored-answer.ts';
import {KeptLines, type KeptReply, lineOf, refusedLine, replyLine} from './lines.ts';
import {holdLock, type JournalLock} from './lock.ts';
import {JournalReader} from './reader.ts';
import {carryLines, type Recovery, recover, retire} from './recovery.ts';
import {createSegment, journalFailure, SegmentWriter} from './segment.ts';
import {BatchRecords, type Outstanding} from './unfinished.ts';

export type {Quarantined} from '../quarantine.ts';
export type {ReplyLocation} from '../stored-answer.ts';
export type {KeptReply} from './lines.ts';

/**
 * A record of everything that was sent to a service and came back, written before anything depends on it. A killed
 * process loses nothing for which a promise of its journal was resolved. A power cut can lose the lines of the last
 * second or two: their queries are then asked again without being listed.
 *
 * Every failure to write or to read is an AnswerStoreError.
 */
export interface Journal {
  /** The state that earlier processes left. */
  readonly recovered: {
    /** Queries that were sent and may have been paid for, but have no reply. They are asked again. */
    readonly inDoubt: readonly string[];
    /** By query, the locations of paid replies whose answers were not kept. They must be read, not asked for again. */
    readonly replies: ReadonlyMap<string, ReplyLocation>;
  };
  /**
   * Processes elsewhere that may be running. The queries that they sent or received are left to them until that is
   * known.
   */
  readonly unknown: readonly Owner[];
  /** By query, the locations of replies that this process received in batches and whose answers are not kept yet. */
  readonly received: ReadonlyMap<string, ReplyLocation>;
  /** The batches that were submitted and are not collected. */
  readonly batches: BatchRecords;
  /** Queries whose replies could not be read, by this process and those before. */
  readonly quarantined: ReadonlyMap<string, Quarantined>;
  /** Lines of the quarantine file that are no entries, as file and line. */
  readonly skipped: readonly string[];
  /**
   * Records queries that are about to be sent, and preallocates room for the replies of all calls under way. Send
   * nothing before it has resolved with the call's number.
   */
  sent(keys: readonly string[]): Promise<number>;
  /** Keeps the raw reply, without headers that could hold a secret. Await it before the reply is read. */
  replied(id: number, reply: Reply): Promise<ReplyLocation>;
  /** Keeps the raw reply to a request of a batch, as `replied` does. It must be read, not asked for again. */
  receive(keys: readonly string[], reply: Reply): Promise<ReplyLocation>;
  /** Keeps the raw reply of a refused request, as `replied` does, but for people alone: it is not read again. */
  refused(id: number, reply: Reply): void;
  /** Records that no reply came that must be paid for, or that the request is in doubt. */
  failed(id: number, why: string, inDoubt: boolean): void;
  /** Records that the answers of a call are in the store, or its queries quarantined. */
  done(id: number): void;
  /**
   * Records that the user was told of these queries in doubt: no later run finds them. Await it before they are asked.
   *
   * @param areUnreadable - true if replies to them came before, and can't be read. Other queries with a reply stay
   * @default areUnreadable false
   */
  told(keys: readonly string[], options?: {readonly areUnreadable?: boolean}): Promise<void>;
  /** Records that these queries got their answers without a call of this process. */
  settled(keys: readonly string[]): void;
  /** Records that the query has no readable answer and is not asked again. */
  quarantine(key: string, entry: Quarantined): Promise<void>;
  /**
   * Records answers that are about to go into the store. When the promise resolves the journal has them, too, so that a
   * lost store can be rebuilt from it.
   */
  kept(entries: readonly AnswerEntry[]): Promise<void>;
  /**
   * By query, the locations of replies of other processes, ended or not. It leaves out deleted answers, replies in
   * `recovered` and `received`, and quarantined queries.
   */
  find(keys: readonly string[]): Promise<ReadonlyMap<string, ReplyLocation>>;
  /**
   * Takes over from processes that have ended after this journal was opened: `recovered.replies` has their replies from
   * then on, and `find` covers all that was written by now. Resolves with the queries that they left in doubt.
   */
  takeOver(): Promise<readonly string[]>;
  /** A kept reply; undefined if there is none at its location, as after a power cut. */
  read(location: ReplyLocation): Promise<KeptReply | undefined>;
  /** Closes the journal. The next journal in the folder takes over unfinished calls. */
  close(): Promise<void>;
}

/**
 * Opens the journal in a folder, creates it if needed, and takes over from ended processes. Processes that run at the
 * same time each write a file of their own.
 *
 * @throws AnswerStoreError if the folder can't be written
 */
export async function openJournal(directory: string): Promise<Journal> {
  try {
    makeFolder(directory);
    const {outstanding, inDoubt, unknown, finish} = await recover(directory);
    const name = createSegment(directory, {journal: 1, owner: thisProcess}, carryLines(outstanding));
    const lock = await holdLock(directory, name);
    // Not earlier, because until here another process would have found everything in the old segments.
    finish();
    return new SegmentJournal({directory, name, lock, inDoubt, unknown}, outstanding);
  } catch (error) {
    throw journalFailure(directory, 'opened', error);
  }
}

/** A call under way has its reply, its answers and short lines to come. */
const LINES_A_CALL = 3;

/** A reply that is being written, and its location. */
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
  /** The calls whose line is being written. */
  #beginning = 0;
  /** The bytes of the longest reply. */
  #longest = 0;
  #holdsAnswers = false;

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

  async sent(keys: readonly string[]): Promise<number> {
    const id = ++this.#calls;
    const line = lineOf({sent: id, keys});
    const underWay = ++this.#beginning + this.#outstanding.calls;
    try {
      this.#segment.preallocate(line.length + underWay * LINES_A_CALL * this.#longest);
      await this.#segment.append(line).written;
    } finally {
      this.#beginning--;
    }
    this.#outstanding.sent(id, keys);
    return id;
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
    // No call of this process covers it: if the process ends now, this line leads to the reply.
    this.#segment.note(lineOf({unread: keys, place: location}));
    this.#outstanding.left(keys, location);
    for (const key of keys) this.#received.set(key, location);
    return location;
  }

  refused(id: number, reply: Reply): void {
    this.#segment.note(refusedLine(id, reply));
    this.#holdsAnswers = true;
    this.failed(id, `status ${reply.status}`, false);
  }

  failed(id: number, why: string, inDoubt: boolean): void {
    this.#segment.note(lineOf({failed: id, inDoubt, why: withoutSecrets(why)}));
    this.#outstanding.failed(id, inDoubt);
  }

  done(id: number): void {
    this.#segment.note(`{"done":${id}}\n`);
    this.#outstanding.done(id);
  }

  async told(keys: readonly string[], {areUnreadable = false} = {}): Promise<void> {
    const {inDoubt, unread} = this.#outstanding;
    const left = keys.filter(key => inDoubt.has(key) && (areUnreadable || !unread.has(key)));
    if (left.length === 0) return;
    await this.#segment.append(lineOf({settled: left})).written;
    this.#outstanding.settled(left);
  }

  settled(keys: readonly string[]): void {
    this.#segment.note(lineOf({settled: keys}));
    this.#outstanding.settled(keys);
    this.#quarantine.settle(keys);
    for (const key of keys) this.#received.delete(key);
  }

  async kept(entries: readonly AnswerEntry[]): Promise<void> {
    const lines = this.#keptLines.of(entries);
    this.#holdsAnswers ||= entries.some(({stored}) => stored.imported);
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
    this.#longest = Math.max(this.#longest, length);
    this.#holdsAnswers = true;
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
      retire(this.#directory, this.#name, this.#holdsAnswers);
    } catch (error) {
      throw journalFailure(this.#directory, 'written', error);
    } finally {
      await this.#lock.release();
    }
  }
}
