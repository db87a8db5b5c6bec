import {hash} from 'node:crypto';
import {isDeepStrictEqual} from 'node:util';
import {stringify} from 'safe-stable-stringify';
import type {Json} from '../teacher.ts';
import type {ImportedFrom, StoredAnswer} from './stored-answer.ts';

/** The common part of the records of one teacher and one run, which is most of each. */
export interface RecordHead {
  readonly teacher: StoredAnswer['teacher'];
  readonly detail: StoredAnswer['detail'];
  readonly dtype: StoredAnswer['question']['dtype'];
  readonly shape: readonly number[];
  /** The typed question, if the teacher has several. */
  readonly asked?: Json;
  readonly reader?: Json;
  /** The journal segment with the replies. */
  readonly segment?: string;
  /** The log that the answers were imported from. */
  readonly imported?: ImportedLog;
}

/** The part of an answer's origin that many answers share. */
type ImportedLog = Pick<ImportedFrom, 'file' | 'sha256' | 'model'>;

/** A stored record: the number of its head, and its own part. */
export type ShortRecord = readonly [
  head: number,
  bytes: string,
  view: number,
  sample: number,
  storedAt: string,
  receipt: StoredAnswer['receipt'] | null,
  offset: number | null,
  length: number | null,
  answer: StoredAnswer['answer'],
  /** Of an imported answer: its line in the log, and its date. */
  imported?: readonly [line: number, date: string | null],
];

/** A record without its head, and the head. */
export interface Shortened {
  readonly head: RecordHead;
  /** The number by which it is found. All processes give it the same number. */
  readonly number: number;
  readonly record: ShortRecord;
}

/** Stands for the question of answers without a typed one. */
const NO_QUESTION = {};

/** How many heads are compared before a new one is computed. */
const RECENT = 8;

/** Separates the common part from records. A file has few heads: one per teacher, detail and run. */
export class RecordHeads {
  /** By typed question, the latest first. */
  readonly #recent = new WeakMap<object, readonly (readonly [number: number, head: RecordHead])[]>();

  shorten(stored: StoredAnswer): Shortened {
    const {question, storedAt, receipt, reply, answer, imported} = stored;
    const [number, head] = this.#headOf(stored);
    const {bytes, view, sample} = question;
    const [offset, length] = [reply?.offset ?? null, reply?.length ?? null];
    const common = [number, bytes, view, sample, storedAt, receipt ?? null, offset, length, answer] as const;
    return {number, head, record: imported ? [...common, [imported.line, imported.date ?? null]] : common};
  }

  #headOf(stored: StoredAnswer): readonly [number: number, head: RecordHead] {
    const {teacher, detail, question, reader, reply, imported} = stored;
    const {asked} = question;
    const recentOf = (asked ?? NO_QUESTION) as object;
    const recent = this.#recent.get(recentOf) ?? [];
    const known = recent.find(([, head]) => isHeadOf(head, stored));
    if (known) return known;
    const head: RecordHead = {
      ...{teacher, detail, dtype: question.dtype, shape: question.shape},
      ...(asked !== undefined && {asked}),
      ...(reader !== undefined && {reader}),
      ...(reply && {segment: reply.segment}),
      ...(imported && {imported: logOf(imported)}),
    };
    const fresh = [numberOf(head), head] as const;
    this.#recent.set(recentOf, [fresh, ...recent].slice(0, RECENT));
    return fresh;
  }
}

function logOf({file, sha256, model}: ImportedFrom): ImportedLog {
  return model === undefined ? {file, sha256} : {file, sha256, model};
}

/** 48 bits of a digest. Two of a thousand heads share them with a probability of 2e-9. */
function numberOf(head: RecordHead): number {
  return Number.parseInt(hash('sha256', stringify(head)).slice(0, 12), 16);
}

/** Restores the whole record. */
export function withHead(
  [, bytes, view, sample, storedAt, receipt, offset, length, answer, entry]: ShortRecord,
  {teacher, detail, dtype, shape, asked, reader, segment, imported}: RecordHead,
): StoredAnswer {
  const isJournaled = segment !== undefined && offset !== null && length !== null;
  const question = {dtype, shape, bytes, view, sample, ...(asked !== undefined && {asked})};
  return {
    ...{format: 1, teacher, question, detail, answer, storedAt},
    ...(receipt && {receipt}),
    ...(isJournaled && {reply: {segment, offset, length}}),
    ...(reader !== undefined && {reader}),
    ...(imported && entry && {imported: {...imported, line: entry[0], date: entry[1] ?? undefined}}),
  };
}

/** Compares objects that all records of a teacher share by reference. If one differs, the head is computed anew. */
function isHeadOf(head: RecordHead, {teacher, detail, question, reader, reply, imported}: StoredAnswer): boolean {
  return (
    head.teacher.identity === teacher.identity &&
    head.teacher.name === teacher.name &&
    head.segment === reply?.segment &&
    head.imported?.sha256 === imported?.sha256 &&
    head.imported?.file === imported?.file &&
    head.imported?.model === imported?.model &&
    head.reader === reader &&
    head.asked === question.asked &&
    head.dtype === question.dtype &&
    isEqual(head.shape, question.shape) &&
    isEqual(head.detail, detail)
  );
}

function isEqual(one: unknown, other: unknown): boolean {
  return one === other || isDeepStrictEqual(one, other);
}
