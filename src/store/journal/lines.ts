/** The form of a journal: the names of its segments, and the lines in them. */
import {readdirSync, readSync} from 'node:fs';
import {replyWithoutSecrets, withoutFragments} from '../../secrets.ts';
import type {Reply} from '../../teacher.ts';
import {type RecordHead, RecordHeads, type ShortRecord, withHead} from '../record-heads.ts';
import {type AnswerEntry, packed, type ReplyLocation, revive} from '../stored-answer.ts';

/** Names of segments: the time of their creation, the process, and a random part. */
export const SEGMENT_NAME: RegExp = /^\d{8}T\d{9}Z-\d+-[0-9a-f]{8}\.jsonl$/;

/** When a segment was created, in milliseconds since 1970, by its name. */
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

export function lineOf(record: object): string {
  return `${JSON.stringify(record)}\n`;
}

/** A reply with the queries that it answers, in their order. */
export interface KeptReply {
  /** See `answerKey`. */
  readonly keys: readonly string[];
  readonly reply: Reply;
}

/** Headers that are kept: facts about the reply, the model and limits. None can hold a secret. */
const KEPT_HEADERS =
  /^(date|content-type|inference-header-content-length|limbeck-(pack|rows)|retry-after(-ms)?|(.+-)?(request-id|ratelimit(-.+)?|model(-.+)?|version))$/;

/** The line of a reply. Its number comes first, so that the line can be recognised without being parsed. */
export function replyLine(id: number, keys: readonly string[], reply: Reply): string {
  const {status, headers, body} = replyWithoutSecrets(reply);
  return lineOf({reply: id, keys, status, headers: keptHeaders(headers), body});
}

/** The line of a refused reply. It answers nothing, so it is kept for people alone. */
export function refusedLine(id: number, reply: Reply): string {
  const {status, headers, body} = replyWithoutSecrets(reply);
  return lineOf({refused: id, status, headers: keptHeaders(headers), body: withoutFragments(body)});
}

/** True for a line with a reply, which keeps its segment. */
export function holdsReply(line: Buffer): boolean {
  return /^\{"(reply|refused)":\d+,/.test(line.toString('latin1', 0, 32));
}

/** The number of the reply in this line; undefined for a line of another kind. */
export function replyNumber(line: Buffer): number | undefined {
  const number = /^\{"reply":(\d+),/.exec(line.toString('latin1', 0, 32))?.[1];
  return number === undefined ? undefined : Number(number);
}

/** The queries of the reply in this line, without reading the reply; undefined for a line of another kind. */
function replyKeys(line: Buffer): readonly string[] | undefined {
  const number = replyNumber(line);
  const end = number === undefined ? -1 : line.indexOf(AFTER_KEYS);
  if (end < 0) return undefined;
  try {
    const start = `{"reply":${number},"keys":`.length;
    return JSON.parse(line.toString('utf8', start, end + 1)) as string[];
  } catch {
    return undefined;
  }
}

/** The text after the keys. Within a string its quotes would have backslashes. */
const AFTER_KEYS = Buffer.from('],"status":');

/** Undefined if the bytes hold no whole reply. */
export function parseReply(line: Buffer): KeptReply | undefined {
  if (line.at(-1) !== NEWLINE || replyNumber(line) === undefined) return undefined;
  try {
    const {keys, status, headers, body} = JSON.parse(line.toString()) as KeptReply & Reply;
    return {keys, reply: {status, headers, body}};
  } catch {
    return undefined;
  }
}

function keptHeaders(headers: Reply['headers']): Reply['headers'] {
  const kept: Record<string, string | readonly string[] | undefined> = {};
  for (const name in headers) if (KEPT_HEADERS.test(name)) kept[name] = headers[name];
  return kept;
}

/** A line with kept answers, all of replies in one segment, or all of logs. */
export interface KeptLine {
  readonly kept: readonly (readonly [key: string, record: ShortRecord])[];
  /** The segment of their replies; an empty text for imported answers, whose replies are in no segment. */
  readonly in: string;
  /** The common parts of the records in this line and later ones, by number. */
  readonly heads?: Readonly<Record<number, RecordHead>>;
}

const BEGINNING = Buffer.from('{"kept":');
const OF_LOGS = '';
/** The index of a record's answer. */
const ANSWER = 8;

/** Writes answers as lines of one segment, so that a lost store can be rebuilt from the journal alone. */
export class KeptLines {
  readonly #heads = new RecordHeads();
  readonly #written = new Set<number>();

  /** The lines of the answers whose replies are in the journal, and of imported answers. Other answers have no line. */
  of(entries: readonly AnswerEntry[]): string {
    const bySegment = new Map<string, AnswerEntry[]>();
    for (const entry of entries) {
      const segment = entry.stored.reply?.segment ?? (entry.stored.imported && OF_LOGS);
      if (segment === undefined) continue;
      const others = bySegment.get(segment);
      if (others) others.push(entry);
      else bySegment.set(segment, [entry]);
    }
    return Array.from(bySegment, ([segment, some]) => this.#line(segment, some)).join('');
  }

  #line(segment: string, entries: readonly AnswerEntry[]): string {
    const heads: Record<number, RecordHead> = {};
    const kept = entries.map(({key, stored}) => {
      const {number, head, record} = this.#heads.shorten(stored);
      if (!this.#written.has(number)) heads[number] = head;
      this.#written.add(number);
      return [key, record.with(ANSWER, packed(stored.answer))];
    });
    const hasHeads = Object.keys(heads).length > 0;
    return lineOf({kept, in: segment, ...(hasHeads && {heads})});
  }
}

/**
 * The content of a line; undefined for a torn line, or a line of another kind.
 *
 * @param isWhole - true to read its answers, too
 */
export function keptIn(line: Buffer, isWhole = false): KeptLine | undefined {
  if (!line.subarray(0, BEGINNING.length).equals(BEGINNING)) return undefined;
  try {
    return JSON.parse(line.toString(), isWhole ? revive : undefined) as KeptLine;
  } catch {
    return undefined;
  }
}

/** True for a line with imported answers, which keeps its segment: no reply brings them back. */
export function holdsImported(line: Buffer): boolean {
  return line.subarray(0, BEGINNING.length).equals(BEGINNING) && line.includes(`"in":"${OF_LOGS}"`);
}

/** Reads answers from the lines of one segment, in their order. */
export class KeptLinesReader {
  readonly #heads = new Map<number, RecordHead>();

  /** Returns no answers for a line of another kind. */
  read(line: Buffer): AnswerEntry[] {
    const said = keptIn(line, true);
    if (said === undefined) return [];
    for (const [number, head] of Object.entries(said.heads ?? {})) this.#heads.set(Number(number), head);
    return said.kept.flatMap(([key, record]) => {
      const head = this.#heads.get(record[0]);
      return head ? [{key, stored: withHead(record, head)}] : [];
    });
  }
}

/** Bytes read at once. */
const CHUNK = 1 << 20;
const NEWLINE = 10;
const SPACE = 32;

/**
 * The whole lines of an open file, each with its offset, up to the spaces that are preallocated after them. A torn line
 * at the end is left out. A line is valid until the next one is taken.
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
      if (text[begin] === SPACE) return;
      yield {line: text.subarray(begin, end + 1), offset: start + begin};
      begin = end + 1;
    }
    if (text[begin] === SPACE) return;
    buffer.copyWithin(0, begin, filled);
    filled -= begin;
    start += begin;
  }
}

/** The location of the reply to a query, and when its answer was kept, in milliseconds since 1970; 0 if unknown. */
export interface LocatedReply {
  readonly key: string;
  readonly location: ReplyLocation;
  readonly keptAt: number;
}

/** The replies that a line holds, or whose answers it holds. */
export function repliesIn(line: Buffer, segment: string, offset: number): readonly LocatedReply[] {
  const location = {segment, offset, length: line.length};
  const said = keptIn(line);
  const kept = (said?.kept ?? []).flatMap(([key, record]): LocatedReply[] => {
    const [storedAt, offset, length] = [record[4], record[6], record[7]];
    if (offset === null || length === null) return [];
    return [{key, location: {segment: said!.in, offset, length}, keptAt: Date.parse(storedAt)}];
  });
  return [...(replyKeys(line) ?? []).map(key => ({key, location, keptAt: 0})), ...kept];
}
