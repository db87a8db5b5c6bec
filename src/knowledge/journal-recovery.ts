import {appendFileSync, closeSync, openSync, readdirSync, readSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {linesOf} from './journal-lines.ts';
import {parseReply, type ReplyPlace, replyNumber} from './journal-reply.ts';
import {CLOSING, isClosed, lineOf, SEGMENT_NAME, type SegmentHead} from './journal-segment.ts';
import {Outstanding} from './outstanding.ts';
import {fateOf} from './owner.ts';

/** What the segments of ended processes hold that was not seen to its end. */
export interface Recovery {
  readonly outstanding: Outstanding;
  /** Is to be called when the outstanding is written elsewhere: the segments are not looked at again. */
  finish(): void;
}

/** Every other line than a reply. */
type Line =
  | SegmentHead
  | {readonly sent: number; readonly keys: readonly string[]}
  | {readonly failed: number; readonly inDoubt: boolean; readonly why: string}
  | {readonly done: number}
  | {readonly settled: readonly string[]}
  | {readonly doubted: readonly string[]}
  | {readonly unread: readonly string[]; readonly place: ReplyPlace};

/** Reads the segments that no process writes any more, the oldest first. */
export function recover(directory: string): Recovery {
  const outstanding = new Outstanding();
  const scanned = new Map<string, {readonly holdsReplies: boolean}>();
  for (const name of readdirSync(directory).sort()) {
    const found = SEGMENT_NAME.test(name) ? scan(directory, name, outstanding) : undefined;
    if (found) scanned.set(name, found);
  }
  dropTorn(directory, outstanding);
  return {
    outstanding,
    finish() {
      for (const [name, {holdsReplies}] of scanned) retire(directory, name, holdsReplies);
    },
  };
}

/** Lines that say again, in a new segment, what is outstanding. */
export function carryLines({inDoubt, unread}: Outstanding): string[] {
  const lines = repliesOf(unread).map(({place, keys}) => lineOf({unread: keys, place}));
  if (inDoubt.size > 0) lines.push(lineOf({doubted: [...inDoubt]}));
  return lines;
}

/** Nothing in the segment is outstanding: it is kept for its replies, and goes where it has none. */
export function retire(directory: string, name: string, holdsReplies: boolean): void {
  const path = join(directory, name);
  if (holdsReplies) appendFileSync(path, CLOSING);
  else rmSync(path, {force: true});
}

/** Adds what the segment left. Undefined where it is closed, or still written. */
function scan(directory: string, name: string, into: Outstanding): {readonly holdsReplies: boolean} | undefined {
  const file = openIfThere(join(directory, name));
  if (file === undefined) return undefined;
  try {
    if (isClosed(file)) return undefined;
    let holdsReplies = false;
    for (const {line, offset} of linesOf(file)) {
      const id = replyNumber(line);
      if (id !== undefined) {
        holdsReplies = true;
        into.replied(id, {segment: name, offset, length: line.length});
      } else if (apply(line, into) === 'alive') return undefined;
    }
    into.end();
    return {holdsReplies};
  } finally {
    closeSync(file);
  }
}

/** Of a line that is torn or unknown nothing is taken. */
function apply(text: Buffer, into: Outstanding): 'alive' | undefined {
  const line = parse(text);
  if (line === undefined) return undefined;
  if ('journal' in line) return line.owner && fateOf(line.owner) === 'alive' ? 'alive' : undefined;
  if ('sent' in line) into.sent(line.sent, line.keys);
  else if ('failed' in line) into.failed(line.failed, line.inDoubt);
  else if ('done' in line) into.done(line.done);
  else if ('settled' in line) into.settled(line.settled);
  else if ('doubted' in line) for (const key of line.doubted) into.inDoubt.add(key);
  else if ('unread' in line) into.left(line.unread, line.place);
  return undefined;
}

function parse(text: Buffer): Line | undefined {
  try {
    return JSON.parse(text.toString()) as Line;
  } catch {
    return undefined;
  }
}

/** A power cut can leave a hole in a reply: its questions are in doubt again. */
function dropTorn(directory: string, {inDoubt, unread}: Outstanding): void {
  for (const {place, keys} of repliesOf(unread)) {
    if (isWhole(directory, place)) continue;
    for (const key of keys) {
      unread.delete(key);
      inDoubt.add(key);
    }
  }
}

function isWhole(directory: string, {segment, offset, length}: ReplyPlace): boolean {
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

/** Each place once, with the questions that are to be read there. */
function repliesOf(unread: ReadonlyMap<string, ReplyPlace>): {readonly place: ReplyPlace; readonly keys: string[]}[] {
  const byPlace = new Map<string, {readonly place: ReplyPlace; readonly keys: string[]}>();
  for (const [key, place] of unread) {
    const name = `${place.segment} ${place.offset}`;
    const reply = byPlace.get(name) ?? {place, keys: []};
    reply.keys.push(key);
    byPlace.set(name, reply);
  }
  return [...byPlace.values()];
}

/** Undefined where another process has just seen to the file. */
function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
