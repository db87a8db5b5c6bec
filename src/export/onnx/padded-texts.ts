import {bucketReader, readSubwords, type SubwordReading} from '../../data/hashed-reading.ts';
import {pieceReader} from '../../data/piece-reading.ts';
import type {PlainReading} from '../../data/text-reading.ts';

/** Texts as the graph of a student takes them. */
export interface PaddedTexts {
  readonly data: Int32Array;
  readonly dims: readonly [texts: number, longest: number];
}

/** What fills the rows of texts that hit fewer buckets, or hold fewer pieces, than another one. */
export const PADDING = -1;

/** A reading, and how the rows of a batch come to the same length. */
export interface PaddedReading {
  readonly reading: PlainReading;
  /** Zeros behind the pieces of the longest text; undefined if all rows have the full length. Buckets need none. */
  readonly leastPadding?: number | undefined;
}

/**
 * Reads texts: the buckets that each one hits or the columns of its pieces, filled up with -1 to the same length, or its
 * subwords, filled up with 0. This file and those that it imports also run beside an exported graph, wherever JavaScript runs.
 *
 * @throws InputError if the reading is invalid
 */
export function paddedTexts(texts: readonly string[], {reading, leastPadding}: PaddedReading): PaddedTexts {
  if (reading.kind === 'subwords') return paddedPieces(texts, reading, leastPadding);
  const rows = texts.map(reading.kind === 'n-grams' ? bucketReader(reading) : pieceReader(reading));
  return padded(rows, longestOf(rows), PADDING);
}

function paddedPieces(texts: readonly string[], reading: SubwordReading, least = reading.pieces): PaddedTexts {
  const {pieces} = reading;
  const data = readSubwords(texts, reading).data as Int32Array;
  const rows = texts.map((_, row) => data.subarray(row * pieces, (row + 1) * pieces));
  // No piece is 0.
  const read = rows.map(row => row.filter(piece => piece > 0));
  return padded(rows, Math.min(pieces, longestOf(read) + least), 0);
}

/** Not less than one, because some runtimes refuse an empty axis. */
function longestOf(rows: readonly Int32Array[]): number {
  return rows.reduce((most, {length}) => Math.max(most, length), 1);
}

function padded(rows: readonly Int32Array[], length: number, filler: number): PaddedTexts {
  const data = new Int32Array(rows.length * length).fill(filler);
  for (const [index, row] of rows.entries()) data.set(row.subarray(0, length), index * length);
  return {data, dims: [rows.length, length]};
}
