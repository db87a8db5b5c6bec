/** The form of a journal's index: keys as bytes, and what is known of each reply in a few bytes. */
import {PbfReader, PbfWriter} from 'pbf';

/** The location of the reply to a query. */
export interface IndexEntry {
  /** The number of its segment. */
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
  /** When its answer was kept, in milliseconds since 1970; 0 if unknown. */
  readonly keptAt: number;
}

/** A key as `answerKey` makes it: SHA-256 in hexadecimal. */
const HASH = /^[0-9a-f]{64}$/;
const HASH_BYTES = 32;
/** Ends keys of another form. No text has this byte in UTF-8. */
const END = 0xff;

/**
 * Keys as LMDB has them. A hash is 32 bytes. Another text is UTF-8, with an end that makes its length another one.
 * A key in bytes stays as it is: the end must be missing.
 */
export const keyEncoder = {
  writeKey(key: string | Uint8Array, target: Buffer, start: number): number {
    if (typeof key === 'string' && HASH.test(key)) return start + target.write(key, start, 'hex');
    const bytes = typeof key === 'string' ? endedText(key) : key;
    // Fails if there is no room, for which lmdb then sees.
    target.set(bytes, start);
    return start + bytes.length;
  },

  readKey(source: Buffer, start: number, end: number): string | Uint8Array {
    if (end - start === HASH_BYTES) return source.toString('hex', start, end);
    const bytes = source.subarray(start, end);
    return bytes.at(-1) === END ? bytes.toString('utf8', 0, bytes.indexOf(END)) : Uint8Array.from(bytes);
  },
};

function endedText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([bytes, Buffer.alloc(bytes.length + 1 === HASH_BYTES ? 2 : 1, END)]);
}

const writer = new PbfWriter();

/** Entries as LMDB has them. */
export const encoder = {
  /** The bytes are valid until the next entry is encoded. */
  encode({segment, offset, length, keptAt}: IndexEntry): Uint8Array {
    writer.pos = 0;
    for (const number of [segment, offset, length, keptAt]) writer.writeVarint(number);
    return writer.buf.subarray(0, writer.pos);
  },

  decode(bytes: Uint8Array): IndexEntry {
    const reader = new PbfReader(bytes);
    const [segment, offset] = [reader.readVarint(), reader.readVarint()];
    return {segment, offset, length: reader.readVarint(), keptAt: reader.readVarint()};
  },
};
