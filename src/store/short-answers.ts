import {deserialize, serialize} from 'node:v8';
import {type RecordHead, RecordHeads, type ShortRecord, withHead} from './record-heads.ts';
import type {AnswerEntry, StoredAnswer} from './stored-answer.ts';

/** An entry of a store of keys and values. */
export interface ShortEntry {
  readonly key: string;
  readonly value: unknown;
}

/** A record with its digest as bytes and its time in milliseconds, if they come back from these as they were. */
type PackedRecord = readonly [
  head: number,
  bytes: Uint8Array | string,
  view: number,
  sample: number,
  storedAt: number | string,
  ...rest: ShortRecord extends readonly [number, string, number, number, string, ...infer Rest] ? Rest : never,
];

/** Keys of heads begin with it. Keys of answers are hexadecimal. */
const HEAD = 'head-';

const SHA256 = /^[0-9a-f]{64}$/;

export function isHeadKey(key: string): boolean {
  return key.startsWith(HEAD);
}

/**
 * The stored form of answers in a store of keys and values on a server. The common part of many answers, which is most
 * of each, is an entry of its own. Answers that were written whole by earlier versions are read as they are.
 */
export class ShortAnswers {
  readonly #heads = new RecordHeads();
  /** Heads that were read. The content of a number never changes. */
  readonly #headsRead = new Map<number, RecordHead>();

  /** Heads come first, and each time, because the server may have lost them. */
  shorten(entries: readonly AnswerEntry[]): readonly ShortEntry[] {
    const heads = new Map<number, RecordHead>();
    const records = entries.map(({key, stored}): ShortEntry => {
      if (stored.format !== 1) return {key, value: stored};
      const {number, head, record} = this.#heads.shorten(stored);
      heads.set(number, head);
      return {key, value: packed(record)};
    });
    return [...Array.from(heads, ([number, value]) => ({key: keyOf(number), value})), ...records];
  }

  /**
   * The answers that values of the store stand for, in their order. What is no short record stays as it is.
   *
   * @param read - values of other keys
   * @throws Error if a head is missing
   */
  async restore(
    values: readonly unknown[],
    read: (keys: readonly string[]) => Promise<readonly unknown[]>,
  ): Promise<readonly unknown[]> {
    const numbers = values.flatMap(value => (isPacked(value) && !this.#headsRead.has(value[0]) ? [value[0]] : []));
    const unread = [...new Set(numbers)];
    if (unread.length > 0) {
      const heads = await read(unread.map(keyOf));
      for (const [index, number] of unread.entries()) {
        if (heads[index] === undefined) throw new Error(`${keyOf(number)}, which many answers share, is missing`);
        this.#headsRead.set(number, heads[index] as RecordHead);
      }
    }
    return values.map(value => (isPacked(value) ? this.#whole(value) : value));
  }

  #whole(record: PackedRecord): StoredAnswer {
    return withHead(unpacked(record), this.#headsRead.get(record[0])!);
  }
}

function keyOf(number: number): string {
  return `${HEAD}${number.toString(16)}`;
}

function isPacked(value: unknown): value is PackedRecord {
  return Array.isArray(value);
}

function packed([head, bytes, view, sample, storedAt, ...rest]: ShortRecord): PackedRecord {
  const time = Date.parse(storedAt);
  const isExact = !Number.isNaN(time) && new Date(time).toISOString() === storedAt;
  const digest = SHA256.test(bytes) ? new Uint8Array(Buffer.from(bytes, 'hex')) : bytes;
  return [head, digest, view, sample, isExact ? time : storedAt, ...rest];
}

function unpacked([head, bytes, view, sample, storedAt, ...rest]: PackedRecord): ShortRecord {
  const digest = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('hex');
  return [
    head,
    digest,
    view,
    sample,
    typeof storedAt === 'string' ? storedAt : new Date(storedAt).toISOString(),
    ...rest,
  ];
}

/**
 * The bytes of a value as Keyv gives it, in an envelope. Keyv's own JSON loses infinities and typed arrays; Node's format
 * keeps both. A short record leaves its envelope out.
 */
export function toBytes(data: unknown): Buffer {
  const {value} = data as {readonly value?: unknown};
  return serialize(Array.isArray(value) ? value : data);
}

export function fromBytes(bytes: Buffer): unknown {
  const data: unknown = deserialize(bytes);
  return Array.isArray(data) ? {value: data} : data;
}
