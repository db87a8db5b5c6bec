import {appendFileSync, closeSync, fstatSync, openSync, readSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {fateOf, isOfThisMachine, type Owner} from '../owner.ts';
import {locationName, type ReplyLocation} from '../stored-answer.ts';
import {holdsImported, holdsReply, lineOf, linesOf, parseReply, replyNumber, segmentsIn} from './lines.ts';
import {isLocked, removeLock} from './lock.ts';
import {CLOSING, isClosed, type SegmentHead} from './segment.ts';
import {Outstanding} from './unfinished.ts';

/** The unfinished calls in the segments of ended processes. */
export interface Recovery {
  readonly outstanding: Outstanding;
  /**
   * Queries that can be paid for twice: queries in doubt, and queries that another process asked while an ended one was
   * asking.
   */
  readonly inDoubt: readonly string[];
  /** Processes elsewhere that may be running. Their segments are left alone. */
  readonly unknown: readonly Owner[];
  /** Call this when the outstanding calls are written elsewhere: the segments are not read again. */
  finish(): void;
}

/** Every line except a reply. A refused reply is one of those that are ignored. */
type Line =
  | SegmentHead
  | {readonly sent: number; readonly keys: readonly string[]}
  | {readonly failed: number; readonly inDoubt: boolean; readonly why: string}
  | {readonly done: number}
  | {readonly settled: readonly string[]}
  | {readonly doubted: readonly string[]}
  | {readonly unread: readonly string[]; readonly place: ReplyLocation};

/** Reads the segments of ended processes, the oldest first. */
export async function recover(directory: string): Promise<Recovery> {
  const outstanding = new Outstanding();
  const unknown: Owner[] = [];
  const scanned: Scanned[] = [];
  const doubted = new Set<string>();
  for (const name of segmentsIn(directory)) {
    const left = openLeft(directory, name);
    if (left === undefined) continue;
    try {
      const {file, owner, changed} = left;
      const fate = owner ? await fateOfWriter({directory, name, owner, changed}) : 'ended';
      if (fate === 'unknown') unknown.push(owner!);
      if (fate === 'unknown' || fate === 'alive') continue;
      const holdsAnswers = scan(file, name, outstanding);
      for (const key of outstanding.end()) doubted.add(key);
      // A silent process may write on, and that must not be lost.
      scanned.push({name, isKept: holdsAnswers || fate === 'silent'});
    } finally {
      closeSync(left.file);
    }
  }
  dropTorn(directory, outstanding);
  return {
    outstanding,
    inDoubt: [...new Set([...outstanding.inDoubt, ...doubted])],
    unknown,
    finish() {
      for (const {name, isKept} of scanned) retire(directory, name, isKept);
    },
  };
}

interface Scanned {
  readonly name: string;
  readonly isKept: boolean;
}

/** Lines that repeat, in a new segment, what is outstanding. */
export function carryLines({inDoubt, unread}: Outstanding): string[] {
  const lines = repliesOf(unread).map(({location, keys}) => lineOf({unread: keys, place: location}));
  if (inDoubt.size > 0) lines.push(lineOf({doubted: [...inDoubt]}));
  return lines;
}

/**
 * Retires a segment without outstanding calls: it stays if it is kept, for example for its replies; otherwise it is
 * removed.
 */
export function retire(directory: string, name: string, isKept: boolean): void {
  const path = join(directory, name);
  if (isKept) appendFileSync(path, CLOSING);
  else rmSync(path, {force: true});
  removeLock(directory, name);
}

interface LeftSegment {
  /** Open. */
  readonly file: number;
  readonly owner: Owner | null;
  readonly changed: number;
}

/** Opens a segment that is not closed. */
function openLeft(directory: string, name: string): LeftSegment | undefined {
  const file = openIfThere(join(directory, name));
  if (file === undefined) return undefined;
  if (isClosed(file)) {
    closeSync(file);
    return undefined;
  }
  const [first] = linesOf(file);
  const head = first && parse(first.line);
  const owner = head && 'journal' in head ? head.owner : null;
  return {file, owner, changed: fstatSync(file).mtimeMs};
}

/** Adds what the segment left. Returns true if it holds replies or imported answers, and so is kept. */
function scan(file: number, name: string, into: Outstanding): boolean {
  let isKept = false;
  for (const {line, offset} of linesOf(file)) {
    isKept ||= holdsReply(line) || holdsImported(line);
    const id = replyNumber(line);
    if (id === undefined) {
      apply(line, into);
      continue;
    }
    into.replied(id, {segment: name, offset, length: line.length});
  }
  return isKept;
}

/** A torn or unknown line is ignored. */
function apply(text: Buffer, into: Outstanding): void {
  const line = parse(text);
  if (line === undefined) return;
  if ('sent' in line) into.sent(line.sent, line.keys);
  else if ('failed' in line) into.failed(line.failed, line.inDoubt);
  else if ('done' in line) into.done(line.done);
  else if ('settled' in line) into.settled(line.settled);
  else if ('doubted' in line) for (const key of line.doubted) into.inDoubt.add(key);
  else if ('unread' in line) into.left(line.unread, line.place);
}

function parse(text: Buffer): Line | undefined {
  try {
    return JSON.parse(text.toString()) as Line;
  } catch {
    return undefined;
  }
}

/** A power cut can leave a hole in a reply, whose queries are then in doubt again. */
function dropTorn(directory: string, {inDoubt, unread}: Outstanding): void {
  for (const {location, keys} of repliesOf(unread)) {
    if (isWhole(directory, location)) continue;
    for (const key of keys) {
      unread.delete(key);
      inDoubt.add(key);
    }
  }
}

function isWhole(directory: string, {segment, offset, length}: ReplyLocation): boolean {
  const file = openIfThere(join(directory, segment));
  if (file === undefined) return false;
  try {
    const line = Buffer.alloc(length);
    readSync(file, line, 0, length, offset);
    return parseReply(line) !== undefined;
  } finally {
    closeSync(file);
  }
}

/** Each location once, with the queries whose replies are there. */
function repliesOf(
  unread: ReadonlyMap<string, ReplyLocation>,
): {readonly location: ReplyLocation; readonly keys: string[]}[] {
  const byLocation = new Map<string, {readonly location: ReplyLocation; readonly keys: string[]}>();
  for (const [key, location] of unread) {
    const name = locationName(location);
    const reply = byLocation.get(name) ?? {location: location, keys: []};
    reply.keys.push(key);
    byLocation.set(name, reply);
  }
  return [...byLocation.values()];
}

/** Undefined if another process has just retired the file. */
function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Milliseconds after which a process counts as ended if nothing else is known. Its sign of life comes each 5 s. */
const SILENCE = 120_000;

/** A segment, and what is known of it. */
interface WrittenSegment {
  readonly directory: string;
  readonly name: string;
  readonly owner: Owner;
  /** When it was last written, in milliseconds since 1970. */
  readonly changed: number;
}

/**
 * The state of the process that writes a segment. For a process elsewhere it is unknown. Without a sign of life for two
 * minutes the process is `silent`, and may still be running.
 */
async function fateOfWriter({
  directory,
  name,
  owner,
  changed,
}: WrittenSegment): Promise<'alive' | 'ended' | 'silent' | 'unknown'> {
  const fate = fateOf(owner);
  if (fate !== 'unknown') return fate;
  const locked = isOfThisMachine(owner) ? await isLocked(directory, name) : undefined;
  if (locked !== undefined) return locked ? 'alive' : 'ended';
  return Date.now() - changed > SILENCE ? 'silent' : 'unknown';
}
