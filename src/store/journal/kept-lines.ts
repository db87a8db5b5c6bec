import {type RecordHead, RecordHeads, type ShortRecord, withHead} from '../lmdb/record-heads.ts';
import {packed, revive} from '../packed-arrays.ts';
import type {AnswerEntry} from '../store.ts';
import {lineOf} from './segment.ts';

/** A line with kept answers, all of replies in one segment. */
export interface KeptLine {
  readonly kept: readonly (readonly [key: string, record: ShortRecord])[];
  /** The segment of their replies. */
  readonly in: string;
  /** The common parts of the records in this line and later ones, by number. */
  readonly heads?: Readonly<Record<number, RecordHead>>;
}

const BEGINNING = Buffer.from('{"kept":');
/** The index of a record's answer. */
const ANSWER = 8;

/** Writes answers as lines of one segment, so that a lost store can be rebuilt from the journal alone. */
export class KeptLines {
  readonly #heads = new RecordHeads();
  readonly #written = new Set<number>();

  /** The lines of the answers whose replies are in the journal. Other answers have no line. */
  of(entries: readonly AnswerEntry[]): string {
    const bySegment = new Map<string, AnswerEntry[]>();
    for (const entry of entries) {
      const segment = entry.stored.reply?.segment;
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
