import {type RecordHead, RecordHeads, type ShortRecord, withHead} from '../lmdb/record-heads.ts';
import {packed, revive} from '../packed-arrays.ts';
import type {AnswerEntry} from '../store.ts';
import {lineOf} from './segment.ts';

/** What a line says that holds kept answers, all of replies in one segment. */
export interface KeptLine {
  readonly kept: readonly (readonly [key: string, record: ShortRecord])[];
  /** The segment of their replies. */
  readonly in: string;
  /** What the records of this line and later ones have in common, by number. */
  readonly heads?: Readonly<Record<number, RecordHead>>;
}

const BEGINNING = Buffer.from('{"kept":');
/** Where a record has its answer. */
const ANSWER = 8;

/** Writes answers as lines of one segment, so that a lost store can be made again of the journal alone. */
export class KeptLines {
  readonly #heads = new RecordHeads();
  readonly #written = new Set<number>();

  /** The lines of answers whose replies are in the journal; of others there are none. */
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
 * What a line says; undefined of another line, and of a torn one.
 *
 * @param isWhole - whether its answers are read as well
 */
export function keptIn(line: Buffer, isWhole = false): KeptLine | undefined {
  if (!line.subarray(0, BEGINNING.length).equals(BEGINNING)) return undefined;
  try {
    return JSON.parse(line.toString(), isWhole ? revive : undefined) as KeptLine;
  } catch {
    return undefined;
  }
}

/** Reads answers out of the lines of one segment, in their order. */
export class KeptLinesReader {
  readonly #heads = new Map<number, RecordHead>();

  /** None of another line. */
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
